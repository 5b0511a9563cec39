"""Files out of Go modules: the listed ones of the listed version, or a line that says why not."""

import json
from pathlib import Path

import pytest

from localcloud.child import ChildFailed
from localcloud.gotoolchain import Go
from localcloud.modulefiles import ModuleFiles, fetch, listed

WANTED = ModuleFiles("example.com/crds", "v1.2.3", "h1:right", "crds/*.yaml")


@pytest.fixture
def go(tmp_path) -> Go:
    """A Go that has one module, and says so among other lines."""
    module = tmp_path / "cache" / "crds"
    module.mkdir(parents=True)
    (module / "one.yaml").write_text("kind: One\n", encoding="utf-8")
    (module / "two.txt").write_text("no\n", encoding="utf-8")
    (module / "one.yaml").chmod(0o444)
    answer = json.dumps({"Path": WANTED.module, "Dir": str(module.parent), "Sum": "h1:right"}, indent=1)
    binary = tmp_path / "go"
    binary.write_text(
        f"#!/bin/sh\necho \"$@\" >> {tmp_path}/asked\necho 'go: downloading it'\ncat <<'E'\n{answer}\nE\n",
        encoding="utf-8",
    )
    binary.chmod(0o755)
    return Go(binary, (1, 27, 0), {"PATH": "/bin:/usr/bin"}, own_module_cache=False)


def test_the_listed_files_are_laid_down_and_can_be_removed_again(go, tmp_path):
    """The module cache is read only; a copy with its mode could not be deleted by everybody."""
    fetch([WANTED], tmp_path / "into", go)
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["one.yaml"]
    assert (tmp_path / "into" / "one.yaml").stat().st_mode & 0o200
    assert (tmp_path / "asked").read_text().split() == ["mod", "download", "-json", "example.com/crds@v1.2.3"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"hash": "h1:other"}, "example.com/crds@v1.2.3 has the hash h1:right, and not h1:other"),
        ({"pattern": "none/*.yaml"}, "example.com/crds@v1.2.3 has no none/*.yaml"),
    ],
)
def test_another_module_than_the_listed_one_is_refused(go, tmp_path, change, line):
    """What tests judge by must not change behind their back."""
    with pytest.raises(ChildFailed) as caught:
        fetch([WANTED._replace(**change)], tmp_path / "into", go)
    assert str(caught.value) == line


def test_a_go_that_does_not_say_where_the_module_is_gets_one_line(go, tmp_path):
    """Not a KeyError."""
    Path(go.binary).write_text("#!/bin/sh\necho '{}'\n", encoding="utf-8")
    with pytest.raises(ChildFailed, match="does not say where it is"):
        fetch([WANTED], tmp_path / "into", go)


def test_a_list_has_four_parts_a_line_and_comments():
    """A part that is forgotten is seen when the list is read, not when a file is missing."""
    assert listed("# comment\n\nexample.com/crds v1.2.3 h1:right crds/*.yaml\n") == [WANTED]
    with pytest.raises(ValueError, match="not enough values"):
        listed("example.com/crds v1.2.3 crds/*.yaml\n")
