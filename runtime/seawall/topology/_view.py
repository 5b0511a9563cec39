"""What is declared and what is live, as one view: who is the primary and who writes, now.

The rule, by epochs: a live document that is behind the declared one is history and is ignored; at the same epoch or
ahead of it, it is the truth. Epochs only grow, so of two live documents the one with the larger epoch is the later.
"""

from dataclasses import dataclass, replace

from seawall.errors import InvalidInput
from seawall.topology._documents import SCHEMA_VERSION, Endpoint, Live, Member, Role, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The declared document with the live roles; from `merge`."""

    declared: Topology
    live: Live | None
    """The live document that counts; `None` when there is none, or it is behind."""
    endpoints: tuple[Endpoint, ...]
    """The declared endpoints, with the roles that they have now."""
    writer: Member | None
    """The member that takes writes now; `None` where there is no database."""
    ignored: str | None = None
    """Why a live document does not count, when one was given and does not."""

    @property
    def epoch(self) -> int:
        """The larger of the two documents' epochs."""
        return self.live.epoch if self.live else self.declared.epoch

    @property
    def primary(self) -> Endpoint:
        """The endpoint that is the primary now."""
        return next(endpoint for endpoint in self.endpoints if endpoint.role is Role.PRIMARY)

    @property
    def readers(self) -> tuple[Member, ...]:
        """The members that do not take writes, the ones of the primary's region first, then in their order."""
        database = self.declared.database
        others = [] if database is None else [member for member in database.members if member is not self.writer]
        return tuple(sorted(others, key=lambda member: member.region != self.primary.region))

    @property
    def live_ahead(self) -> bool:
        """Whether a failover has happened that the declared document does not know of."""
        return self.live is not None and self.live.epoch > self.declared.epoch

    def as_topology(self) -> Topology:
        """The declared document that says what is live: what a deployment should declare next."""
        database = self.declared.database
        if database is not None and self.writer is not None:
            database = replace(database, writer=self.writer.name)
        return replace(
            self.declared,
            epoch=self.epoch,
            endpoints=self.endpoints,
            database=database,
            schema_version=SCHEMA_VERSION,
        )


def merge(declared: Topology, live: Live | None = None) -> Effective:
    """The view that apps act on.

    With a live document that counts, the endpoint in its `primary_region` is the primary and the declared primary, if it
    is another, is its standby. Other roles stay.

    Raises:
        InvalidInput: The live document is of another service or environment, or names a region without an endpoint or a
            member that the declared one does not have.
    """
    if live is None:
        return Effective(declared=declared, live=None, endpoints=declared.endpoints, writer=_writer(declared, None))
    for name in ("service", "environment"):
        if getattr(live, name) != getattr(declared, name):
            raise InvalidInput(f"live.{name}", getattr(live, name), allowed=f"{getattr(declared, name)}, as declared")
    if live.epoch < declared.epoch:
        return Effective(
            declared=declared,
            live=None,
            endpoints=declared.endpoints,
            writer=_writer(declared, None),
            ignored=f"live epoch {live.epoch} is behind the declared epoch {declared.epoch}",
        )
    if live.primary_region not in [endpoint.region for endpoint in declared.endpoints]:
        raise InvalidInput(
            "live.primary_region",
            live.primary_region,
            allowed="a region with an endpoint: " + ", ".join(endpoint.region for endpoint in declared.endpoints),
        )
    return Effective(
        declared=declared,
        live=live,
        endpoints=tuple(_with_role(endpoint, live.primary_region) for endpoint in declared.endpoints),
        writer=_writer(declared, live),
    )


def unreconciled(declared: Topology, live: Live | None) -> str | None:
    """Why deploying `declared` would undo a failover, in one line; `None` when it would not.

    It would when the live document is ahead, and also when both have one epoch but name different roles: then somebody
    changed the roles in the file without raising its epoch, and apps would go on to follow the live document.

    Raises:
        InvalidInput: As `merge`.
    """
    view = merge(declared, live)
    if view.live is None or (not view.live_ahead and _roles(view) == _roles(merge(declared))):
        return None
    wants = [f"the primary {view.primary.region}"]
    if view.writer is not None:
        wants.append(f"the writer {view.writer.name}")
    relation = "is ahead of" if view.live_ahead else "has other roles than"
    return (
        f"epoch = {declared.epoch}: {view.epoch}, because the live document (epoch {view.live.epoch}, "
        f"{view.live.changed_at:%Y-%m-%d %H:%M} UTC: {view.live.reason}) {relation} the declared one: "
        f"declare {' and '.join(wants)}, and nothing is replaced"
    )


def _roles(view: Effective) -> tuple[tuple[Endpoint, ...], Member | None]:
    return view.endpoints, view.writer


def _with_role(endpoint: Endpoint, primary_region: str) -> Endpoint:
    if endpoint.region == primary_region:
        return replace(endpoint, role=Role.PRIMARY)
    return replace(endpoint, role=Role.STANDBY) if endpoint.role is Role.PRIMARY else endpoint


def _writer(declared: Topology, live: Live | None) -> Member | None:
    database = declared.database
    if database is None:
        return None
    if live is None or live.writer is None:
        return database.member(database.writer)
    try:
        return database.member(live.writer)
    except InvalidInput as error:
        raise InvalidInput("live.writer", live.writer, allowed=error.allowed) from None
