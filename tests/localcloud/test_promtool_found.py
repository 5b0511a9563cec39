"""Where promtool comes from: PATH when it is new enough, else what an earlier run kept; a build is never begun by a look."""

from pathlib import Path

import pytest

from localcloud import gobuild, promtool
from localcloud.child import ChildFailed
from localcloud.gotoolchain import GoUnavailable, needed_version


def program(place: Path, version: str) -> Path:
    """A promtool that says its version and does nothing else."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\necho 'promtool, version {version} (branch: x)'\n", encoding="utf-8")
    place.chmod(0o755)
    return place


def environ(*folders: Path) -> dict[str, str]:
    return {"PATH": ":".join([*map(str, folders), "/bin", "/usr/bin"]), "HOME": "/nowhere"}


def test_one_on_path_is_used(tmp_path):
    """The user's own comes first."""
    found = program(tmp_path / "bin" / "promtool", "3.1.0")
    assert promtool.find_promtool(environ(tmp_path / "bin"), tmp_path) == found


def test_one_that_is_too_old_is_passed_over_for_the_kept_one(tmp_path):
    """Before 3.0 ranges were closed at both ends: test cases would differ by a sample."""
    program(tmp_path / "bin" / "promtool", "2.53.1")
    assert promtool.find_promtool(environ(tmp_path / "bin"), tmp_path) is None
    kept = program(promtool._kept(tmp_path), "3.16.0")
    assert promtool.find_promtool(environ(tmp_path / "bin"), tmp_path) == kept


def test_one_that_does_not_run_is_none(tmp_path):
    """A damaged file is no promtool."""
    kept = program(promtool._kept(tmp_path), "3.16.0")
    kept.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert promtool.find_promtool(environ(), tmp_path) is None


def test_it_is_built_once_and_then_kept(tmp_path, monkeypatch):
    """The second run finds the first one's."""
    built: list[str] = []

    def build_one(tool: gobuild.Tool, into: Path, *_: object, **__: object) -> None:
        built.append(tool.version)
        program(into / tool.name, "3.16.0")

    monkeypatch.setattr(promtool, "find_go", lambda **_: None)
    monkeypatch.setattr(promtool, "build_one", build_one)
    first = promtool.ensure_promtool(progress=print, environ=environ(), cache=tmp_path)
    assert first == promtool.ensure_promtool(progress=print, environ=environ(), cache=tmp_path)
    assert built == [promtool.MODULE_VERSION]


@pytest.mark.parametrize("failure", [GoUnavailable("go on PATH (none)"), ChildFailed("go: no network")])
def test_what_cannot_be_built_is_one_line(tmp_path, monkeypatch, failure):
    """It names the reason, and what to do."""

    def find_go(**_: object) -> None:
        raise failure

    monkeypatch.setattr(promtool, "find_go", find_go)
    with pytest.raises(promtool.PromtoolUnavailable) as caught:
        promtool.ensure_promtool(progress=print, environ=environ(), cache=tmp_path)
    assert str(caught.value) == f"no promtool: {failure}. Put one on PATH, and run again"
    assert not list(promtool._kept(tmp_path).parent.glob(".making-*"))


def test_the_module_file_pins_the_version_that_is_named():
    """One number, in two places that must agree; and a newer Go for it asks nothing more of the engine's build."""
    text = (promtool.PROMTOOL.folder / "go.mod").read_text(encoding="utf-8")
    assert f"github.com/prometheus/prometheus {promtool.MODULE_VERSION}" in text
    assert needed_version() <= needed_version("promtool")
