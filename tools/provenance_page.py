"""The page that says of each resource type where it has run: on the local cloud, on real AWS, or nowhere."""

import json
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Final

import griffe

from component_pages import HEAD, components
from declared_types import MODULE, declared_by
from localcloud.provider.aws import ADAPTERS

LEDGER: Final = "tools/ran_on_aws.json"
PROVIDERS: Final = "pulumi:providers:"  # a provider's own configuration is no object in a cloud
COMPONENTS: Final = "seawall:"
NONE: Final = "No type has run on real AWS yet."

UNCONFIRMED: Final = """\
- A fence's rule for IPv6 in a VPC without IPv6: EC2 is taken to accept it.
- The text of the event after a reboot, `DB instance restarted`: another one would cost a second reboot.
- How long RDS still says `available` after it has taken a call: a reboot that was not seen to begin within 60 s is asked for again.
- `DescribeEvents` with a start more than 14 days ago: taken to be refused with `InvalidParameterValue`.
- Network ACL rules that another tool declares inline (`ingress` of `aws_network_acl`): its next apply takes a fence's rules away,
  and only the next look at the fence sees that.
- A rebuild: that a renaming reboots the old writer, and that its address becomes the replica's.
- The rights that RDS uses in the caller's name for a replica: `kms:CreateGrant` and `iam:PassRole`, and no others.
"""


def provenance_page(root: Path, package: griffe.Module) -> str:
    """The whole page.

    Raises:
        ValueError: The ledger names a type that nothing declares, or an entry is not a day.
    """
    declared = declared_types(root, package)
    ran = ledger(root, declared)
    rows = [
        f"| `{kind}` | {_declares(declared[kind])} | {_local(kind)} | {_aws(kind, ran)} |" for kind in sorted(declared)
    ]
    never = sum(kind not in ran for kind in declared)
    summary = NONE if never == len(declared) else f"{never} of {len(declared)} types have never run on real AWS."
    return "\n".join(
        [
            "# What has never run on AWS",
            "",
            HEAD,
            "",
            f"The components of `{MODULE}` and the environments declare these types of resources. {summary}",
            f"`make verify-aws` runs them in a sandbox account of yours; what it confirmed stands in `{LEDGER}` with its day.",
            "",
            "On the local cloud, *emulated* is a type whose API the server behind it has; *recorded* is one that is kept in",
            "a file, so that nothing happens when it should act; *rendered* is a manifest in a folder, with no cluster behind.",
            "",
            "| type | declared by | local cloud | real AWS |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "## What a failover on RDS takes for granted",
            "",
            "Read in AWS's documentation, or held against a scripted AWS alone; a sandbox account has not confirmed it.",
            "",
            UNCONFIRMED,
        ]
    )


def declared_types(root: Path, package: griffe.Module) -> dict[str, list[str]]:
    """Every type with the components that declare it; none of them where only the environments do."""
    found: dict[str, list[str]] = defaultdict(list)
    for component in components(package):
        for kind in declared_by(root, component.name, component.module.name):
            if not kind.startswith((PROVIDERS, COMPONENTS)):
                found[kind].append(component.name)
    return {**{kind: [] for kind in ADAPTERS}, **found}


def ledger(root: Path, declared: dict[str, list[str]]) -> dict[str, str]:
    """The day on which each type last ran on real AWS, by type, as `make verify-aws` confirmed it."""
    entries = json.loads((root / LEDGER).read_text(encoding="utf-8"))
    unknown = sorted(set(entries) - set(declared))
    if unknown:
        raise ValueError(f"{LEDGER} names {', '.join(unknown)}, which nothing declares")
    return {kind: date.fromisoformat(day).isoformat() for kind, day in entries.items()}


def _declares(components: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in components) or "the environments"


def _local(kind: str) -> str:
    if kind.startswith("kubernetes:"):
        return "rendered"
    adapter = ADAPTERS.get(kind)
    if adapter is None:
        return "not taken"
    return "recorded" if adapter.recorded_only else "emulated"


def _aws(kind: str, ran: dict[str, str]) -> str:
    return ran.get(kind, "never")
