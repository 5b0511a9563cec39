"""Short ways to write a zone for `seawall_ops.dns`, and to ask it."""

from collections.abc import Iterable
from fractions import Fraction

from seawall_ops.dns import (
    Alias,
    CheckKind,
    Client,
    Health,
    HealthCheck,
    Policy,
    Record,
    Signal,
    Zone,
    answer,
)

NAME = "example.com."
ANYWHERE = Client()


def record(
    policy: Policy,
    value: str | None = None,
    *,
    name: str = NAME,
    check: str | None = None,
    alias: str | None = None,
    evaluate: bool = True,
    set_identifier: str | None = None,
    ttl: int = 60,
) -> Record:
    """An A record with one value, or an alias; its set identifier is its value unless given."""
    return Record(
        name,
        "A",
        policy,
        (value,) if value is not None else (),
        Alias(alias, evaluate) if alias is not None else None,
        None if alias is not None else ttl,
        set_identifier or value or alias,
        check,
    )


def endpoint_check(id_: str, host: str | None = None, **more: object) -> HealthCheck:
    """A check of an endpoint."""
    return HealthCheck(id_, CheckKind.ENDPOINT, host=host, **more)  # type: ignore[arg-type]


def health(
    checks: Iterable[HealthCheck | str] = (), unhealthy: Iterable[str] = (), targets: Iterable[str] = ()
) -> Health:
    """Checks (a name alone is a check of an endpoint), of which some see an unhealthy endpoint."""
    known = [one if isinstance(one, HealthCheck) else endpoint_check(one) for one in checks]
    return Health(
        {check.id: check for check in known},
        dict.fromkeys(unhealthy, Signal.UNHEALTHY),
        unhealthy_targets=frozenset(targets),
    )


def shares(zone: Zone, state: Health, client: Client = ANYWHERE, name: str = NAME) -> dict[tuple[str, ...], Fraction]:
    """What is answered, and how often."""
    found: dict[tuple[str, ...], Fraction] = {}
    for outcome in answer(zone, name, "A", client, state).outcomes:
        found[outcome.endpoints] = found.get(outcome.endpoints, Fraction(0)) + outcome.share
    return found


def only(zone: Zone, state: Health, client: Client = ANYWHERE, name: str = NAME) -> str:
    """The one value that is always answered."""
    ((endpoint,),) = shares(zone, state, client, name)
    return endpoint
