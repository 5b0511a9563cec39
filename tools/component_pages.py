"""A page per public component: what it takes, what it gives, what it registers, and a program that uses it."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

import griffe

from declared_types import MODULE, Undocumented, declared_by, snake

BASE: Final = "ComponentResource"
HEAD: Final = "<!-- Written by tools/generate_docs.py from the code: change the docstrings, not this page. -->"
NAMES: Final = re.compile(r"[A-Za-z_]\w*")


def component_pages(root: Path, package: griffe.Module) -> dict[str, str]:
    """Every page by its file name.

    Args:
        root: Of the repository.
        package: From `load_package`.

    Raises:
        Undocumented: An input or an output has no docstring, or a component no example or golden list.
    """
    found = components(package)
    made = {f"{snake(one.name)}.md": _page(one, package, root) for one in found}
    return {"index.md": _index(found), **made}


def load_package(root: Path) -> griffe.Module:
    """The components' package, read but not run."""
    return cast("griffe.Module", griffe.load(MODULE, search_paths=[str(root / "components")], resolve_aliases=True))


def components(package: griffe.Module) -> list[griffe.Class]:
    """The public components, by name."""
    public = {str(name).strip("'\"") for name in package.exports or ()}
    members = (package.members[name] for name in sorted(public) if name in package.members)
    targets = [
        member.final_target if isinstance(member, griffe.Alias) else member for member in members if _is_ours(member)
    ]
    return [one for one in targets if isinstance(one, griffe.Class) and any(BASE in str(base) for base in one.bases)]


def _is_ours(member: griffe.Object | griffe.Alias) -> bool:
    path = member.target_path if isinstance(member, griffe.Alias) else member.path
    return path.startswith(f"{MODULE}.")


def _index(found: Iterable[griffe.Class]) -> str:
    rows = [f"| [`{one.name}`]({snake(one.name)}.md) | {_first_line(one)} |" for one in found]
    return "\n".join(
        [
            "# Components",
            "",
            HEAD,
            "",
            "Each is imported from `pulumi_seawall`, checks all of its arguments before anything is registered, and is run",
            "by the tests as its page shows it.",
            "",
            "| component | what it is |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def _page(component: griffe.Class, package: griffe.Module, root: Path) -> str:
    example = root / "examples" / "components" / f"{snake(component.name)}.py"
    if not example.exists():
        raise Undocumented(f"{component.name} has no example: {example.relative_to(root)}")
    args = _args_of(component, package)
    nested = _reachable(args, package)
    return "\n".join(
        [
            f"# {component.name}",
            "",
            HEAD,
            "",
            _docstring(component),
            "",
            "## Example",
            "",
            "```python",
            example.read_text(encoding="utf-8").strip(),
            "```",
            "",
            "## Inputs",
            "",
            *_inputs(args),
            "## Outputs",
            "",
            *_outputs(component),
            "## Resources",
            "",
            "What the component may register, by type; which of them it does depends on the inputs.",
            "",
            *(f"- `{kind}`" for kind in declared_by(root, component.name, component.module.name)),
            "",
            *(["## Types of the inputs", ""] if nested else []),
            *(line for one in nested for line in _nested(one)),
        ]
    )


def _args_of(component: griffe.Class, package: griffe.Module) -> griffe.Class:
    """The TypedDict that the component takes."""
    annotation = str(cast("griffe.Function", component.members["__init__"]).parameters["args"].annotation)
    return _class_named(annotation.rpartition(".")[2], package)


def _class_named(name: str, package: griffe.Module) -> griffe.Class:
    for module in package.modules.values():
        if isinstance(module, griffe.Module) and isinstance(module.members.get(name), griffe.Class):
            return cast("griffe.Class", module.members[name])
    raise Undocumented(f"{name} is not defined in {MODULE}")


def _reachable(args: griffe.Class, package: griffe.Module) -> list[griffe.Class]:
    """The types that the inputs mention, however deep, in the order in which they are met."""
    known = {
        name: member
        for module in package.modules.values()
        if isinstance(module, griffe.Module)
        for name, member in module.members.items()
        if isinstance(member, griffe.Class)
    }
    found: dict[str, griffe.Class] = {}
    waiting = [args]
    while waiting:
        for attribute in _attributes(waiting.pop(0)):
            for name in NAMES.findall(str(attribute.annotation)):
                if name in known and name not in found and name != args.name:
                    found[name] = known[name]
                    waiting.append(known[name])
    return list(found.values())


def _attributes(one: griffe.Class) -> list[griffe.Attribute]:
    """Of a class, in the order in which they are written; enumerations have members instead of fields."""
    own = [member for member in one.members.values() if isinstance(member, griffe.Attribute)]
    return [member for member in own if not member.name.startswith("_")]


def _inputs(args: griffe.Class) -> list[str]:
    rows = ["| input | type | required | description |", "| --- | --- | --- | --- |"]
    for one in _attributes(args):
        annotation = str(one.annotation)
        optional = annotation.startswith("NotRequired[")
        rows.append(
            f"| `{one.name}` | `{shown_type(annotation)}` | {'no' if optional else 'yes'} | {_cell(one, args)} |"
        )
    return [*rows, ""]


def _outputs(component: griffe.Class) -> list[str]:
    rows = ["| output | type | description |", "| --- | --- | --- |"]
    outputs = [one for one in _attributes(component) if "Output[" in str(one.annotation)]
    rows += [f"| `{one.name}` | `{shown_type(str(one.annotation))}` | {_cell(one, component)} |" for one in outputs]
    return [*rows, ""]


def _nested(one: griffe.Class) -> list[str]:
    head = [f"### {one.name}", "", _docstring(one), ""]
    if any("Enum" in str(base) for base in one.bases):
        values = [
            f"- `{str(member.value).strip(chr(34) + chr(39))}`{_described(member)}" for member in _attributes(one)
        ]
        return [*head, *values, ""]
    return [*head, *_inputs(one)]


def _described(member: griffe.Attribute) -> str:
    return f": {_flat(member.docstring.value)}" if member.docstring else ""


def shown_type(annotation: str) -> str:
    """What a caller gives or gets: without the marks for optional, for inputs and for outputs, and without modules."""
    text = annotation.replace("pulumi.", "").replace("aws.", "")
    for mark in ("NotRequired", "Input", "Output"):
        text = _without(mark, text)
    return text.replace(" | ", " or ")


def _without(mark: str, text: str) -> str:
    """`Input[str]` as `str`, however deep; brackets inside are matched."""
    opening = f"{mark}["
    while (start := re.search(rf"\b{re.escape(opening)}", text)) is not None:
        depth, end = 1, start.end()
        while depth:
            depth += {"[": 1, "]": -1}.get(text[end], 0)
            end += 1
        text = text[: start.start()] + text[start.end() : end - 1] + text[end:]
    return text


def _cell(one: griffe.Attribute, owner: griffe.Class) -> str:
    # A field of an import record is an id of what its name says: one docstring above them all is enough.
    if one.docstring is None:
        if owner.name.endswith("ImportIds") or owner.name.startswith("Predicted"):
            return ""
        raise Undocumented(f"{owner.name}.{one.name} has no docstring")
    return _flat(one.docstring.value).replace("|", "\\|")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _docstring(one: griffe.Class) -> str:
    if one.docstring is None:
        raise Undocumented(f"{one.name} has no docstring")
    return one.docstring.value


def _first_line(one: griffe.Class) -> str:
    return _flat(_docstring(one).split("\n\n")[0]).replace("|", "\\|")
