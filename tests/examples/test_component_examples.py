"""Every component has an example program, which is short, runs, and is what its page in the manual shows."""

import ast
import asyncio
import copy
import logging
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

import pulumi_seawall

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


class Recorder(mocks.Mocks):
    """Keeps what a program registers; gives each resource what components read of it."""

    def __init__(self) -> None:
        self.types: list[str] = []

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"an example asks the cloud nothing, but {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.types.append(args.typ)
        region = args.inputs.get("region", "us-east-1")
        told = {"arn": f"arn:aws:mock:{region}:123456789012:{args.name}"}
        if args.typ == "aws:kms/key:Key":
            key = "1234abcd-12ab-34cd-56ef-1234567890ab"
            told = {"keyId": key, "arn": f"arn:aws:kms:{region}:123456789012:key/{key}"}
        elif args.typ == "aws:rds/instance:Instance":
            told["address"] = f"{args.name}.{region}.rds.amazonaws.com"
        elif args.typ == "aws:s3/bucket:Bucket":
            told |= {"bucket": args.name, "bucketRegionalDomainName": f"{args.name}.s3.{region}.amazonaws.com"}
        return f"{args.name}-id", {**copy.deepcopy(args.inputs), **told}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_components_example_registers_it_without_a_warning(component, pulumi_loop):
    """Who copies the example gets the component, and nothing to wonder about."""
    recorder, lines = Recorder(), []
    logger = logging.Logger("pulumi", logging.WARNING)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    mocks.set_mocks(recorder, project="example", stack="dev", preview=False, logger=logger)
    source = path_of(component).read_text(encoding="utf-8")

    @pulumi.runtime.test
    def main() -> None:
        exec(compile(source, str(path_of(component)), "exec"), {"__name__": "__main__"})  # noqa: S102  # our own file

    main()
    while pending := asyncio.all_tasks(pulumi_loop):  # what the example exports is worked out to its end
        pulumi_loop.run_until_complete(asyncio.gather(*pending))
    assert f"seawall:index:{component}" in recorder.types
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
