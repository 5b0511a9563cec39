"""What a failover's settings are held against: by whoever deploys them, and by whoever reads them. Pure."""

from collections.abc import Sequence
from typing import Final

from seawall.errors import InvalidInput

__all__ = ["DAYS", "FEWEST_DOMAINS", "LONGEST_NAME", "check_ttl", "shortest_staleness_seconds", "too_few"]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # as `datetime.weekday` counts
FEWEST_DOMAINS: Final = 3  # with two, the one that is left cannot tell a dead neighbor from a cut line
LONGEST_NAME: Final = 63  # characters of a cluster or a domain; they are keys and parts of file names
TRIES_BEFORE_THE_END: Final = 2  # renewals that may time out one after the other before a lease is lost


def too_few(domains: Sequence[str]) -> str | None:
    """Why nothing is ever acted on with these failure domains, in one line; `None`: they are enough."""
    if len(domains) >= FEWEST_DOMAINS:
        return None
    return (
        f"{len(domains)} failure domain{'' if len(domains) == 1 else 's'} ({', '.join(domains)}): without a third witness a "
        "dead region and a cut line look the same"
    )


def shortest_staleness_seconds(interval_seconds: float, timeout_seconds: float) -> float:
    """Two rounds, each with the time-out of its checks and of the board: one lost vote is no lost observer."""
    return 2 * (interval_seconds + 2 * timeout_seconds)


def check_ttl(
    name: str,
    ttl_seconds: float,
    *,
    margin_seconds: float,
    renew_every_seconds: float,
    request_timeout_seconds: float,
    retry_seconds: float,
) -> None:
    """Refuse a lease that one renewal without an answer would lose.

    Args:
        name: Of the number, for the refusal.
        ttl_seconds: After which a holder that died loses the lease.
        margin_seconds: So much earlier the holder stops.
        renew_every_seconds: Between two renewals.
        request_timeout_seconds: Until a request counts as not answered.
        retry_seconds: From a renewal that was not answered to the next one.

    Raises:
        InvalidInput: It is one.
    """
    least = margin_seconds + renew_every_seconds + TRIES_BEFORE_THE_END * request_timeout_seconds + retry_seconds
    if ttl_seconds < least:
        raise InvalidInput(
            name,
            ttl_seconds,
            allowed=f"at least {least:g}",
            because=f"margin_seconds + renew_every_seconds + {TRIES_BEFORE_THE_END} x request_timeout_seconds + "
            "retry_seconds must pass before one unanswered renewal loses the lease",
        )
