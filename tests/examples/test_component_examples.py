"""Every component has an example program, which is short, runs, and is what its page in the manual shows."""

import ast
import asyncio
from pathlib import Path

import pytest

import pulumi_seawall
from localcloud import mocked

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "components"
LONGEST = 30  # lines of a program that still is an example
COMPONENTS = sorted(
    name for name in pulumi_seawall.__all__ if hasattr(getattr(pulumi_seawall, name), "register_outputs")
)


def path_of(component: str) -> Path:
    """`HealthCheck` has its example in health_check.py."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in component)
    return EXAMPLES / f"{words.removeprefix('_')}.py"


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_components_example_registers_it_without_a_warning(component, pulumi_loop):
    """Who copies the example gets the component, and nothing to wonder about."""
    path = path_of(component)
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    made, lines = mocked.run(lambda: exec(code, {"__name__": "__main__"}), mocked.Recorder())  # noqa: S102  # our own file
    while pending := asyncio.all_tasks(pulumi_loop):  # what the example exports is worked out to its end
        pulumi_loop.run_until_complete(asyncio.gather(*pending))
    assert f"seawall:index:{component}" in {each.type for each in made}
    assert lines == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_example_is_short_and_says_what_it_is_for(component):
    """A program of more than thirty lines is read by nobody who only wants to see how it is used."""
    source = path_of(component).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(source))


def test_every_example_belongs_to_a_component():
    """An example of what is gone would never be run."""
    assert set(EXAMPLES.glob("*.py")) == {path_of(component) for component in COMPONENTS}
