"""Where promtool and its like come from: PATH when new enough, else what an earlier run kept; a look never builds."""

import os
import re
from pathlib import Path

import pytest

from checker_fixtures import NAMES
from localcloud import checkers, gobuild
from localcloud.checkers import CHECKERS, CheckerUnavailable, ensure_checker, ensure_checkers, find_checker
from localcloud.child import ChildFailed
from localcloud.gotoolchain import TOOLS, WHEEL_VERSION, GoUnavailable, _parse, needed_version
from seawall.errors import InvalidInput

ON_PATH = [name for name, checker in CHECKERS.items() if checker.on_path]


def program(place: Path, line: str) -> Path:
    """A program that says its version and does nothing else."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\necho '{line}'\n", encoding="utf-8")
    place.chmod(0o755)
    return place


def environ(*folders: Path) -> dict[str, str]:
    return {"PATH": ":".join([*map(str, folders), "/bin", "/usr/bin"]), "HOME": "/nowhere"}


def version(name: str, *, change: int = 0) -> str:
    """A version that just does, or one whose minor number is another."""
    major, minor = CHECKERS[name].oldest
    return f"{major}.{minor + change}.3" if minor + change >= 0 else f"{major - 1}.99.3"


@pytest.mark.parametrize("name", ON_PATH)
@pytest.mark.parametrize(
    "form", ["{name}, version {version} (branch: x)", "v{version}", "{version}", "{name} version v{version}"]
)
def test_one_on_path_is_used(tmp_path, name, form):
    """The user's own comes first, however it writes its version."""
    found = program(tmp_path / "bin" / name, form.format(name=name, version=version(name)))
    assert find_checker(name, environ(tmp_path / "bin"), tmp_path) == found


@pytest.mark.parametrize("name", ON_PATH)
def test_one_that_is_too_old_is_passed_over_for_the_kept_one(tmp_path, name):
    """Before Prometheus 3.0 ranges were closed at both ends: test cases would differ by a sample."""
    program(tmp_path / "bin" / name, version(name, change=-1))
    assert find_checker(name, environ(tmp_path / "bin"), tmp_path) is None
    kept = program(CHECKERS[name].kept(tmp_path), version(name))
    assert find_checker(name, environ(tmp_path / "bin"), tmp_path) == kept


@pytest.mark.parametrize("body", ["exit 1", "echo nothing", "echo 'go1.26.8'"])
@pytest.mark.parametrize("name", CHECKERS)
def test_one_that_does_not_run_is_none(tmp_path, name, body):
    """A damaged file, or another program of that name."""
    kept = program(CHECKERS[name].kept(tmp_path), "")
    kept.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    assert find_checker(name, environ(), tmp_path) is None


def building(monkeypatch: pytest.MonkeyPatch, *, fails: tuple[str, ...] = ()) -> list[str]:
    """Builds that take no time; which were asked for."""
    built: list[str] = []

    def build_one(tool: gobuild.Tool, into: Path, *_: object, **__: object) -> None:
        built.append(tool.name)
        if tool.name in fails:
            raise ChildFailed("go: no network")
        program(into / tool.name, f"v{version(tool.name)}")

    monkeypatch.setattr(checkers, "find_go", lambda **_: None)
    monkeypatch.setattr(checkers, "build_one", build_one)
    monkeypatch.setattr(checkers, "fetch", lambda _wanted, into, _go: into.mkdir())
    return built


@pytest.mark.parametrize("name", CHECKERS)
def test_it_is_built_once_and_then_kept(tmp_path, monkeypatch, name):
    """The second run finds the first one's."""
    built = building(monkeypatch)
    first = ensure_checker(name, progress=print, environ=environ(), cache=tmp_path)
    assert first == ensure_checker(name, progress=print, environ=environ(), cache=tmp_path)
    assert built == [name]


def test_all_are_built_and_one_that_fails_keeps_none_from_being_built(tmp_path, monkeypatch):
    """`make tools` is run once, and looked at when it is done."""
    built = building(monkeypatch, fails=("sloth",))
    lines: list[str] = []
    with pytest.raises(CheckerUnavailable) as caught:
        ensure_checkers((), progress=lines.append, environ=environ(), cache=tmp_path)
    assert str(caught.value) == "no sloth: go: no network. Put one on PATH, and run again"
    assert built == list(CHECKERS)
    assert lines[0] == f"promtool (1 of {len(CHECKERS)}): {CHECKERS['promtool'].kept(tmp_path)}"


def test_only_those_that_are_named_are_built(tmp_path, monkeypatch):
    """Each takes minutes."""
    built = building(monkeypatch)
    assert list(ensure_checkers(["amtool"], progress=print, environ=environ(), cache=tmp_path)) == ["amtool"]
    assert built == ["amtool"]
    with pytest.raises(InvalidInput, match=r"^tool = alertmanager: promtool, "):
        ensure_checkers(["amtool", "alertmanager"], progress=print, environ=environ(), cache=tmp_path)


@pytest.mark.parametrize("failure", [GoUnavailable("go on PATH (none)"), ChildFailed("go: no network")])
def test_what_cannot_be_built_is_one_line(tmp_path, monkeypatch, failure):
    """It names the reason, and what to do."""

    def find_go(**_: object) -> None:
        raise failure

    monkeypatch.setattr(checkers, "find_go", find_go)
    with pytest.raises(CheckerUnavailable) as caught:
        ensure_checker("promtool", progress=print, environ=environ(), cache=tmp_path)
    assert str(caught.value) == f"no promtool: {failure}. Put one on PATH, and run again"
    assert not list(tmp_path.rglob(".making-*"))


@pytest.mark.parametrize("name", CHECKERS)
def test_the_module_file_pins_the_version_that_is_named(name):
    """One number, in two places that must agree; and a newer Go for it asks nothing more of the engine's build."""
    tool = CHECKERS[name].tool
    text = (tool.folder / "go.mod").read_text(encoding="utf-8")
    assert re.search(rf" {re.escape(tool.version)}( // indirect)?$", text, re.MULTILINE)
    if CHECKERS[name].on_path:
        assert f"{tool.package.partition('/cmd/')[0]} {tool.version}" in text
        assert tool.package in text
    assert (tool.folder / "go.sum").is_file()
    assert _parse(WHEEL_VERSION) >= needed_version(tool.folder.name) >= (1, 24, 0)


def test_another_source_of_a_program_of_ours_is_another_recipe(tmp_path, monkeypatch):
    """A binary of yesterday's source would judge by yesterday's rules."""
    monkeypatch.setattr(gobuild, "TOOLS", tmp_path)
    (tmp_path / "mine").mkdir()
    names = set()
    for path, text in (("go.mod", "module mine"), ("main.go", "package main"), ("main.go", "package main // new")):
        (tmp_path / "mine" / path).write_text(text, encoding="utf-8")
        names.add(gobuild.recipe("v1", "", "mine"))
    assert len(names) == 3


def test_each_folder_of_module_files_is_some_programs(request):
    """What nobody builds is only in the way; and each program has its fixture and its marker."""
    used = {checker.tool.folder.name for checker in CHECKERS.values()} | {"pulumi", "pulumi-language-python"}
    assert {entry.name for entry in os.scandir(TOOLS) if entry.is_dir()} == used
    assert list(NAMES) == sorted(CHECKERS)
    markers = {line.partition(":")[0] for line in request.config.getini("markers")}
    assert set(CHECKERS) <= markers
