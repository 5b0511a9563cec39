"""The pages of the manual that are written by `tools/generate_docs.py`: whole, true, and never stale in silence."""

import json
import re
import shutil
from pathlib import Path

import griffe
import pytest
import yaml

import component_pages
import declared_types
import generate_docs
import provenance_page
import pulumi_seawall
from localcloud.provider.aws import ADAPTERS

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = {name for name in pulumi_seawall.__all__ if hasattr(getattr(pulumi_seawall, name), "register_outputs")}


@pytest.fixture(scope="module")
def package() -> griffe.Module:
    """The components' package, read once."""
    return component_pages.load_package(ROOT)


@pytest.fixture(scope="module")
def pages(package: griffe.Module) -> dict[str, str]:
    """What the code says now, by file name."""
    return component_pages.component_pages(ROOT, package)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The parts of the repository that pages are made from, to be changed."""
    for folder in ("components/pulumi_seawall", "examples/components", "tests/components/golden"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_public_component_has_a_page_and_an_entry_in_the_manual(pages):
    """A component that nobody finds is used by nobody."""
    assert set(pages) == {"index.md", *(f"{declared_types.snake(name)}.md" for name in COMPONENTS)}
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = {page for entry in nav for pages_ in entry.values() if isinstance(pages_, list) for page in pages_}
    assert listed >= {f"components/{name}" for name in pages}


@pytest.mark.parametrize("component", sorted(COMPONENTS))
def test_a_page_has_every_input_and_every_output(component, pages):
    """Inputs and outputs are those that the class really has, held against the running code."""
    page = pages[f"{declared_types.snake(component)}.md"]
    inputs, outputs = (re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) for section in _sections(page))
    class_ = getattr(pulumi_seawall, component)
    args = class_.__init__.__annotations__["args"]
    assert set(inputs) == args.__required_keys__ | args.__optional_keys__
    assert set(outputs) == {name for name, kind in class_.__annotations__.items() if "Output" in str(kind)}
    required = set(re.findall(r"^\| `(\w+)` \|[^|]*\| yes \|", _sections(page)[0], re.MULTILINE))
    assert required == set(args.__required_keys__)


def _sections(page: str) -> tuple[str, str]:
    _, _, rest = page.partition("## Inputs\n")
    inputs, _, rest = rest.partition("## Outputs\n")
    return inputs, rest.partition("## Resources\n")[0]


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        ("NotRequired[list[pulumi.Input[str]]]", "list[str]"),
        ("pulumi.Input[dict[str, list[int]]]", "dict[str, list[int]]"),
        ("pulumi.Output[str | None]", "str or None"),
        ("SwitchArgs", "SwitchArgs"),
    ],
)
def test_types_are_shown_as_a_caller_writes_them(annotation, shown):
    """Nobody writes `NotRequired` or `Input` in a program."""
    assert component_pages.shown_type(annotation) == shown


@pytest.mark.parametrize("lost", ["examples/components/health_check.py", "tests/components/golden/HealthCheck.json"])
def test_a_component_without_an_example_or_a_golden_list_is_refused(lost, copy, package):
    """A new component cannot come without them: `make check` says which one is missing."""
    (copy / lost).unlink()
    with pytest.raises(declared_types.Undocumented, match=rf"HealthCheck .*{re.escape(lost)}"):
        component_pages.component_pages(copy, package)


def test_an_input_without_a_docstring_is_refused(package, monkeypatch):
    """A table with an empty cell answers no question."""
    monkeypatch.setattr(package["_health_args.HealthCheckArgs.calculated"], "docstring", None)
    with pytest.raises(declared_types.Undocumented, match=r"HealthCheckArgs\.calculated has no docstring"):
        component_pages.component_pages(ROOT, package)


def test_changed_missing_and_forgotten_pages_are_stale_and_are_written(monkeypatch, tmp_path):
    """What `make check` looks for is what `make docs` mends."""
    monkeypatch.setattr(generate_docs, "GENERATED", tmp_path)
    made = {tmp_path / "same.md": "same", tmp_path / "changed.md": "new", tmp_path / "missing.md": "text"}
    (tmp_path / "same.md").write_text("same", encoding="utf-8")
    (tmp_path / "changed.md").write_text("old", encoding="utf-8")
    (tmp_path / "forgotten.md").write_text("of a component that is gone", encoding="utf-8")
    assert [path.name for path in generate_docs.stale(made)] == ["changed.md", "forgotten.md", "missing.md"]
    generate_docs.write(made)
    assert generate_docs.stale(made) == []
    assert not (tmp_path / "forgotten.md").exists()


def test_every_type_that_a_golden_list_shows_or_the_local_cloud_takes_is_on_the_page(package):
    """Nothing that is declared is left out of the list of what has never run on AWS."""
    page = provenance_page.provenance_page(ROOT, package)
    listed = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    shown = {
        urn.split("::")[2].rpartition("$")[2]
        for component in COMPONENTS
        for urn in json.loads((ROOT / f"tests/components/golden/{component}.json").read_text(encoding="utf-8"))
    }
    assert listed >= {kind for kind in shown if not kind.startswith(("seawall:", "pulumi:"))} | set(ADAPTERS)


def test_source_shows_types_that_no_golden_list_has():
    """The switch's golden program has routing controls; with its other form it makes buckets."""
    kinds = declared_types.declared_by(ROOT, "FailoverSwitch", "failover_switch")
    assert {"aws:s3/bucket:Bucket", "aws:route53recoverycontrol/cluster:Cluster"} <= set(kinds)
    assert "aws:rds/instance:Instance" not in kinds


def test_what_is_read_from_the_source_is_what_programs_really_register(copy):
    """Without the golden lists the source alone shows every type that is in them: its tokens are made by the right rule."""
    for component in COMPONENTS:
        golden = copy / f"tests/components/golden/{component}.json"
        urns = json.loads(golden.read_text(encoding="utf-8"))
        golden.write_text("[]", encoding="utf-8")
        shown = {urn.split("::")[2].rpartition("$")[2] for urn in urns}
        written = declared_types.declared_by(copy, component, declared_types.snake(component))
        assert {kind for kind in shown if kind.startswith(("aws:", "kubernetes:"))} <= set(written), component


def test_the_ledger_of_what_ran_on_aws_takes_only_types_that_are_declared(tmp_path):
    """A typing error must not count as a proof; a confirmed type shows its day."""
    (tmp_path / "tools").mkdir()
    ledger = tmp_path / provenance_page.LEDGER
    ledger.write_text(json.dumps({"aws:route53/record:Recrod": "2026-11-25"}), encoding="utf-8")
    with pytest.raises(ValueError, match="Recrod, which nothing declares"):
        provenance_page.ledger(tmp_path, {"aws:route53/record:Record": []})
    ledger.write_text(json.dumps({"aws:route53/record:Record": "yesterday"}), encoding="utf-8")
    with pytest.raises(ValueError, match="yesterday"):
        provenance_page.ledger(tmp_path, {"aws:route53/record:Record": []})
    ledger.write_text(json.dumps({"aws:route53/record:Record": "2026-11-25"}), encoding="utf-8")
    assert provenance_page.ledger(tmp_path, {"aws:route53/record:Record": []}) == {
        "aws:route53/record:Record": "2026-11-25"
    }
