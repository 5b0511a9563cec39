"""Every snippet in the README and the manual is run: what a page shows is what works."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from stacks.environment import parse_environment

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
LANGUAGES = {"python", "yaml", "sh", "console", "text"}  # a fence of another language would go unchecked


class _Mocks(mocks.Mocks):
    """Gives every resource an id, so that a page's program runs without an engine."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        told = {"arn": f"arn:aws:mock:us-east-1:123456789012:{args.name}"}
        if args.typ == "aws:s3/bucket:Bucket":
            told |= {"bucket": args.name, "bucketRegionalDomainName": f"{args.name}.s3.eu-west-1.amazonaws.com"}
        return f"{args.name}-id", {**args.inputs, **told}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


def _check_config(example: Example) -> None:
    """A stack's configuration must be one that an environment can be made of; other YAML must at least parse."""
    content = yaml.safe_load(example.parsed)
    if isinstance(content, dict) and "config" in content:
        own = {key: value if isinstance(value, str) else _as_engine(value) for key, value in content["config"].items()}
        parse_environment(own, stack="page")


def _as_engine(value: object) -> str:
    return json.dumps(value)


def _check_commands(example: Example) -> None:
    """Each `make` target that a page names exists."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in example.parsed.splitlines():
        match = re.match(r"\$?\s*make ([a-z]+)", line)
        assert match is None or match[1] in targets, f"{line!r} names no target of the Makefile"


def _skip(example: Example) -> None:
    """Output and drawings: nothing to run."""


@pytest.fixture
def engineless(pulumi_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Mocks in place of the engine; what a page registers is run to its end."""
    pulumi.runtime.set_mocks(_Mocks(), project="page", stack="dev", preview=False)
    yield
    while pending := asyncio.all_tasks(pulumi_loop):
        pulumi_loop.run_until_complete(asyncio.gather(*pending))


SYBIL = Sybil(
    parsers=[
        PythonCodeBlockParser(),
        CodeBlockParser("yaml", _check_config),
        CodeBlockParser("sh", _check_commands),
        CodeBlockParser("console", _check_commands),
        CodeBlockParser("text", _skip),
    ],
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_snippet_of_a_page_runs(page: Path, request: pytest.FixtureRequest) -> None:
    """A reader who copies a page's code from top to bottom gets what the page says."""
    text = page.read_text(encoding="utf-8")
    if "import pulumi" in text or "from pulumi" in text:
        request.getfixturevalue("engineless")  # has an event loop of its own, which a page about the runtime must not
    fences = re.findall(r"^```([a-z]*)", text, re.MULTILINE)[::2]
    assert set(fences) <= LANGUAGES, f"fences of {set(fences) - LANGUAGES} are not checked by any parser"
    document: Document = SYBIL.parse(page)
    examples = list(document.examples())
    assert len(examples) == len(fences), "a fence was not understood"
    for example in examples:
        example.evaluate()
