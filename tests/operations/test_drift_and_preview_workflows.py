"""The workflow files for users: valid, with the least permissions, and with commands that exist."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from own_commands import check, own_command

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "examples" / "ci").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
BY_TAG = {"pulumi/actions@v6"}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> tuple[str, dict[Any, Any]]:
    """The file's text and content."""
    text = request.param.read_text(encoding="utf-8")
    return text, yaml.safe_load(text)


def scripts(content: dict[Any, Any]) -> Iterator[str]:
    """Every script of every job."""
    for job in content["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)


def test_there_are_both():
    """An empty folder would pass every other test."""
    assert [path.name for path in FILES] == ["seawall-drift.yml", "seawall-preview.yml"]


def test_they_are_valid_workflow_files():
    """Against the schema that the checker carries; nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *map(str, FILES)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_action_is_pinned_by_commit_or_says_that_it_is_not(workflow: tuple[str, dict[Any, Any]]):
    """A tag can be moved to other code that then runs with your role."""
    used = [
        line.strip().removeprefix("- ").removeprefix("uses: ") for line in workflow[0].splitlines() if "uses:" in line
    ]
    assert used
    for action in used:
        name, _, comment = action.partition(" # ")
        assert PINNED.fullmatch(action) or (name in BY_TAG and "pin it" in comment), action


def test_permissions_are_given_job_by_job_and_no_key_is_kept(workflow: tuple[str, dict[Any, Any]]):
    """What runs a pull request's code reads only; what writes a comment runs none of it."""
    text, content = workflow
    assert content["permissions"] == {}
    given = {name: job["permissions"] for name, job in content["jobs"].items()}
    assert given == {
        name: {"pull-requests": "write"} if name == "comment" else {"contents": "read", "id-token": "write"}
        for name in content["jobs"]
    }
    assert "secrets." not in text
    assert "aws-access-key-id" not in text
    assert all(job["timeout-minutes"] <= 60 for job in content["jobs"].values())


def test_no_value_of_an_event_is_pasted_into_a_script(workflow: tuple[str, dict[Any, Any]]):
    """A branch's name can be a command; values reach scripts by their environment only."""
    for script in scripts(workflow[1]):
        assert "${{" not in script


def test_each_script_is_valid_shell(workflow: tuple[str, dict[Any, Any]]):
    """As the runner starts it."""
    for script in scripts(workflow[1]):
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=10, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_each_command_of_ours_in_them_exists(workflow: tuple[str, dict[Any, Any]]):
    """`make` targets are in the Makefile; `seawall` commands take exactly these options."""
    lines = [line.strip() for script in scripts(workflow[1]) for line in script.splitlines()]
    found = [words for line in lines if line.startswith(("make ", "seawall ")) and (words := own_command(line))]
    assert [words[0] for words in found] == ["make", "seawall"]
    for words in found:
        check(words)


@pytest.mark.parametrize(
    ("code", "said"), [(0, "No drift."), (1, "Drift: the cloud is not"), (2, "Cannot tell (exit code 2).")]
)
def test_the_night_run_fails_by_the_commands_code_and_says_why(tmp_path: Path, code: int, said: str):
    """Red on drift, red when nobody can tell, and which of both it is stands in the summary."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name, body in (("make", "exit 0"), ("seawall", f"echo rows; echo why >&2; exit {code}")):
        program = tmp_path / ".venv/bin" / name
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    (script,) = scripts(yaml.safe_load((ROOT / "examples/ci/seawall-drift.yml").read_text(encoding="utf-8")))
    variables = {"PATH": f"{tmp_path}/.venv/bin:/usr/bin:/bin", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env=variables, timeout=10, check=False, capture_output=True
    )
    assert done.returncode == code
    summary = (tmp_path / "summary").read_text(encoding="utf-8")
    assert summary.startswith(f"### {said}")
    assert "rows\nwhy\n" in summary


def test_the_comment_is_found_again_by_the_mark_that_the_command_writes():
    """Else each push would add another comment."""
    from seawall_ops.review import MARKER

    assert MARKER in (ROOT / "examples/ci/seawall-preview.yml").read_text(encoding="utf-8")
