"""Which types of resources each component declares: what its golden URNs show, and what its source can make besides."""

import ast
import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import Final

TOKEN: Final = re.compile(r"(aws|kubernetes):[\w./]+:\w+")
MODULE: Final = "pulumi_seawall"
PROVIDERS: Final = {"aws": "pulumi_aws", "kubernetes": "pulumi_kubernetes"}
"""The packages, under the names that the components import them by."""


class Undocumented(Exception):
    """Something public has no description, page or example; the message says what."""


def declared_by(root: Path, component: str, module: str) -> tuple[str, ...]:
    """Tokens of the types of a component, sorted, without its own.

    Args:
        root: Of the repository.
        component: Its name, e.g. `HealthCheck`.
        module: The file that defines it, without `.py`.

    Raises:
        Undocumented: It has no golden list.
    """
    golden = root / "tests" / "components" / "golden" / f"{component}.json"
    if not golden.exists():
        raise Undocumented(f"{component} has no golden list: {golden.relative_to(root)}")
    urns = json.loads(golden.read_text(encoding="utf-8"))
    shown = {urn.split("::")[2].rpartition("$")[2] for urn in urns}
    package = root / "components" / MODULE
    written = {token for node in _reached(package, module, component) for token in _made_in(node)}
    return tuple(sorted((shown | written) - {f"seawall:index:{component}"}))


def _reached(package: Path, module: str, name: str) -> list[ast.stmt]:
    """The definition of a name, and of all of the package's names that it mentions, directly or not."""
    found: dict[tuple[str, str], ast.stmt] = {}
    waiting = [(module, name)]
    while waiting:
        place = waiting.pop()
        definitions, imports = _names(package / f"{place[0]}.py")
        if place[1] in imports:
            waiting.append(imports[place[1]])
        elif place[1] in definitions and place not in found:
            found[place] = definitions[place[1]]
            mentioned = {node.id for node in ast.walk(found[place]) if isinstance(node, ast.Name)}
            waiting += [(place[0], each) for each in sorted(mentioned)]
    return list(found.values())


@functools.cache
def _names(path: Path) -> tuple[dict[str, ast.stmt], dict[str, tuple[str, str]]]:
    """What a file defines, and what it imports from the package: the module and the name there."""
    prefix = f"{MODULE}."
    definitions: dict[str, ast.stmt] = {}
    imports: dict[str, tuple[str, str]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            definitions[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            definitions[node.target.id] = node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(prefix):
            source = (node.module or "").removeprefix(prefix)
            imports |= {each.asname or each.name: (source, each.name) for each in node.names}
    return definitions, imports


def _made_in(definition: ast.stmt) -> set[str]:
    """Types whose class is called in a definition, e.g. `aws.route53.Record(...)`, or that is one by its own token."""
    if isinstance(definition, ast.AnnAssign):  # a token that has a name
        value = definition.value.value if isinstance(definition.value, ast.Constant) else None
        return {value} if isinstance(value, str) and TOKEN.fullmatch(value) else set()
    called = [node for node in ast.walk(definition) if isinstance(node, ast.Call)]
    tokens = {_token(node.func) for node in called if isinstance(node.func, ast.Attribute)}
    # A class of the package's own that spares loading the provider's gives its token to CustomResource's constructor.
    own = {node.args[0].value for node in called if _is_constructor(node) and isinstance(node.args[0], ast.Constant)}
    return {token for token in tokens | own if isinstance(token, str)}


def _is_constructor(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "__init__" and bool(call.args)


def _token(func: ast.Attribute) -> str | None:
    """The token of a provider's class, by the rule that their packages follow: importing them all would take seconds."""
    provider, *middle, name = ast.unparse(func).split(".")
    if provider not in PROVIDERS or not middle or not name[:1].isupper():
        return None
    folder = Path(_folder(PROVIDERS[provider]), *middle)
    if not any(
        (folder / f"{stem}.py").exists() for stem in (snake(name), name)
    ):  # a class of arguments, not a resource
        return None
    inner = f"/{name[0].lower()}{name[1:]}" if provider == "aws" else "/".join(["", *middle[1:]])
    return f"{provider}:{middle[0]}{inner}:{name}"


@functools.cache
def _folder(package: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return spec.submodule_search_locations[0]


def snake(name: str) -> str:
    """`HealthCheck` as `health_check`, which is what the packages call their files."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
