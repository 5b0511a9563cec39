"""What was decided outside Pulumi: the live document of each region, and whether a deployment would undo it.

A failover writes the live document to the arbiter's region first, where there is one, and then to those that it can reach, so
one region may be behind another: the document with the largest epoch is the one that counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from seawall.contract import live_parameter
from seawall.errors import InvalidInput, SeawallError
from seawall.topology import Live, Topology, parse_live, unreconciled


class FailoverNotAdopted(SeawallError):
    """Deploying would undo a failover that operations have made. The message says what the file lacks."""


@dataclass(frozen=True)
class LiveReading:
    """What the regions answered."""

    live: Live | None
    """The document with the largest epoch; `None` when no region has one."""
    warnings: tuple[str, ...] = field(default=())
    """A line for each region that could not be asked."""


def read_live(service: str, environment: str, regions: Sequence[str]) -> LiveReading:
    """Ask every region for its live document, the arbiter's too. One that is down must not keep the others from deployments.

    Raises:
        FailoverNotAdopted: No region could be asked, so nobody knows what is live.
        InvalidInput: A document cannot be read, or two of one epoch contradict each other.
    """
    name = live_parameter(service, environment)
    folder = name.rpartition("/")[0]
    found: dict[str, Live] = {}
    warnings: list[str] = []
    for region in regions:
        try:
            answer = aws.ssm.get_parameters_by_path(path=folder, region=region, with_decryption=False)
        except Exception as error:  # noqa: BLE001 -- whatever the engine or the provider says: the region has no answer
            warnings.append(f"the live document of {region} could not be read: {_first_line(error)}")
            continue
        for position, each in enumerate(answer.names):
            if each == name:
                found[region] = _parsed(answer.values[position], region)
    if len(warnings) == len(regions):
        raise FailoverNotAdopted(
            f"no region could be asked whether a failover has happened, so nothing is deployed: {'; '.join(warnings)}"
        )
    return LiveReading(_latest(found), tuple(warnings))


def refuse_to_undo(declared: Topology, reading: LiveReading) -> None:
    """Refuse a deployment that a failover has overtaken; pass on what could not be asked as warnings.

    Raises:
        FailoverNotAdopted: The live document is ahead of the declared one, or names other roles at the same epoch.
        InvalidInput: The live document names what is not declared.
    """
    line = unreconciled(declared, reading.live)
    if line is not None:
        raise FailoverNotAdopted(f"seawall:{line}")
    for warning in reading.warnings:
        pulumi.warn(warning)


def _parsed(text: str, region: str) -> Live:
    try:
        return parse_live(text)
    except InvalidInput as error:
        raise InvalidInput(f"{error.name} in {region}", error.value, allowed=error.allowed) from error


def _latest(found: dict[str, Live]) -> Live | None:
    """The document with the largest epoch.

    Raises:
        InvalidInput: Two regions have different documents of that epoch: two failovers did not know of each other.
    """
    if not found:
        return None
    latest = max(found.values(), key=lambda live: live.epoch)
    for region, live in found.items():
        if live.epoch == latest.epoch and (live.primary_region, live.writer) != (latest.primary_region, latest.writer):
            raise InvalidInput(
                f"live.epoch in {region}",
                live.epoch,
                allowed="one document per epoch",
                because="another region's document of this epoch names other roles: decide which one stands",
            )
    return latest


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
