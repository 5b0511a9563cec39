"""The rules of Route 53 that decide an answer, each with the page of AWS's documentation that states it.

Words are ours, pages are AWS's: "Developer Guide" is the Route 53 Developer Guide, "API reference" Route 53's.
"""

from enum import Enum
from typing import Final

__all__ = ["Rule"]

CHOOSES: Final = "Developer Guide, How Amazon Route 53 chooses records when health checking is configured"
COMPLEX: Final = "Developer Guide, How health checks work in complex Amazon Route 53 configurations"
DETERMINES: Final = "Developer Guide, How Amazon Route 53 determines whether a health check is healthy"
VALUES: Final = "Developer Guide, Values that you specify when you create or update health checks"
PROBLEMS: Final = "Developer Guide, How Amazon Route 53 averts failover problems"


class Rule(Enum):
    """Why a record counts as healthy or not, or why it is the one that is answered. `text` says it, `source` where AWS does."""

    NO_HEALTH_CHECK = ("a record without a health check always counts as healthy", CHOOSES)
    TARGET_NOT_EVALUATED = ("an alias that does not evaluate its target's health always counts as healthy", COMPLEX)
    TARGET_HEALTH = ("an alias that evaluates its target is healthy while one record of the target is", CHOOSES)
    RESOURCE_HEALTH = ("an alias that evaluates an AWS resource has that resource's health", CHOOSES)
    RESOURCE_HAS_NO_HEALTH = (
        "evaluating this kind of resource does not see your application fail",
        "API reference, AliasTarget, EvaluateTargetHealth",
    )
    CHECK_PROBES = ("a record with a health check has the health of what the check asks, not of its own value", CHOOSES)
    DISABLED = ("a disabled health check always counts as healthy", "API reference, HealthCheckConfig, Disabled")
    INVERTED = ("an inverted health check counts as the opposite", VALUES)
    THRESHOLD = ("a calculated check is healthy while enough of its children are", DETERMINES)
    THRESHOLD_ZERO = ("a calculated check with a threshold of 0 always counts as healthy", VALUES)
    THRESHOLD_TOO_HIGH = ("a calculated check that wants more children than it has always counts as unhealthy", VALUES)
    NO_DATA = ("an alarm's check without data says what its setting for insufficient data says", DETERMINES)
    ROUTING_CONTROL = ("a routing control's check is healthy while the control is on", VALUES)
    PRIMARY_HEALTHY = ("the primary is answered while it is healthy", CHOOSES)
    SECONDARY = ("the secondary is answered while the primary is unhealthy and the secondary is not", CHOOSES)
    BOTH_UNHEALTHY = ("when both sides of a failover are unhealthy the primary is answered", CHOOSES)
    ALL_UNHEALTHY = ("when no record of a group is healthy, all of them count as healthy", CHOOSES)
    BY_WEIGHT = ("healthy records are answered in proportion to their weights", CHOOSES)
    ZERO_WEIGHT = ("records of weight 0 are answered only when every record with a weight is unhealthy", CHOOSES)
    ALL_ZERO_WEIGHTS = (
        "when every weight is 0 all records are answered equally often",
        "API reference, ResourceRecordSet, Weight",
    )
    NEAREST = ("of the healthy records the one of the nearest region is answered", COMPLEX)
    SMALLEST_LOCATION = (
        "of the healthy records for the client's location the smallest location's is answered",
        "API reference, ResourceRecordSet, HealthCheckId (geolocation routing)",
    )
    NO_LOCATION = (
        "without a record for the client's location, and without a default one, there is no answer",
        "API reference, ResourceRecordSet, GeoLocation",
    )
    OTHER_LOCATIONS = (
        "records of other locations are never answered, healthy or not",
        "API reference, ResourceRecordSet, GeoLocation",
    )
    UP_TO_EIGHT = ("up to eight healthy values are answered", "API reference, ResourceRecordSet, MultiValueAnswer")
    ONLY_RECORD = ("the only record of a name is always answered", PROBLEMS)
    ALL_VALUES = (
        "a record is answered with all its values, whatever their health",
        "Developer Guide, Choosing a routing policy (simple routing)",
    )

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
