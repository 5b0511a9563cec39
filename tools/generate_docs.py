"""Writes the pages of the manual that follow from the code, or with `--check` says which of them are stale.

    docs/components/index.md       every public component of `pulumi_seawall`
    docs/components/<name>.md      its inputs, outputs, resources and example
    docs/never-run-on-aws.md       every resource type, and where it has run

Inputs come from the docstrings of the TypedDicts, outputs from those of the class, resource types from the golden URNs of
`tests/components`, the example from `examples/components`, and what has run on AWS from `tools/ran_on_aws.json`.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from component_pages import component_pages, load_package  # noqa: E402  # the folder is no package
from provenance_page import provenance_page  # noqa: E402

DOCS: Final = ROOT / "docs"
GENERATED: Final = DOCS / "components"


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    package = load_package(ROOT)
    made = {GENERATED / name: text for name, text in component_pages(ROOT, package).items()}
    return {**made, DOCS / "never-run-on-aws.md": provenance_page(ROOT, package)}


def stale(made: dict[Path, str]) -> list[Path]:
    """Pages that are missing, differ from what the code says, or belong to nothing any more."""
    there = set(GENERATED.glob("*.md"))
    changed = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return sorted([*changed, *(there - set(made))])


def write(made: dict[Path, str]) -> None:
    """Make the pages what the code says, and remove those of components that are gone."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    for path in stale(made):
        if path in made:
            path.write_text(made[path], encoding="utf-8")
        else:
            path.unlink()


def main() -> int:
    """Write or check; the exit code is 1 when a page is stale and may not be written."""
    parser = argparse.ArgumentParser(description="Pages of the manual that follow from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is stale")
    checking = parser.parse_args().check
    made = pages()
    if not checking:
        write(made)
        return 0
    found = stale(made)
    for path in found:
        sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run {Path(__file__).relative_to(ROOT)}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
