"""The numbers of a failover that is played through: the seed's own, and the same scaled down to what a test may take."""

from dataclasses import dataclass
from typing import Final

from seawall_ops.failover.policy import Policy
from seawall_ops.lease import LeaseTerms

HOME: Final = "eu-west-1"
AWAY: Final = "us-west-2"
THIRD: Final = "eu-central-1"
"""Where board, leases, records and the arbiter's live document are: nothing fails over from it or to it."""
CLUSTER: Final = "shop-loopback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """All of them, in seconds where nothing else is said."""

    policy: Policy
    leases: LeaseTerms
    topology_seconds: float
    """How often apps read the topology."""
    epoch_lease_seconds: float
    """`ttl_seconds` of the apps' `EpochLease`."""
    epoch_margin_seconds: float


SEED: Final = Numbers(
    policy=Policy(cluster=CLUSTER, domains=(HOME, AWAY, THIRD)),
    leases=LeaseTerms(),
    topology_seconds=10.0,
    epoch_lease_seconds=30.0,
    epoch_margin_seconds=3.0,
)
"""Three failed checks of 30 s, given up after 5 s: what the seed asks for, and `Policy`'s defaults."""

SCALED: Final = Numbers(
    policy=Policy(
        cluster=CLUSTER,
        domains=(HOME, AWAY, THIRD),
        interval_seconds=1.0,
        timeout_seconds=0.5,
        successes_to_clear=4,
        decision_interval_seconds=0.5,
        stale_after_seconds=8.0,  # two busy cores are no lost observer
        cool_down_seconds=60.0,
    ),
    leases=LeaseTerms(
        ttl_seconds=6.0, margin_seconds=0.5, renew_every_seconds=1.5, request_timeout_seconds=1.5, retry_seconds=0.5
    ),
    topology_seconds=0.5,
    epoch_lease_seconds=4.0,
    epoch_margin_seconds=1.0,
)
