"""The loss of a zone, on purpose, in an environment that allows it, until an alarm stops it."""

from pulumi_seawall import FaultExperiment, FaultKind

FaultExperiment(
    "lose-a-zone",
    {
        "kind": FaultKind.ZONE_LOSS,
        "region": "eu-west-1",
        "account_id": "123456789012",
        "environment": "staging",
        "allowed_environments": ["staging"],
        "stop_alarms": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-errors"],
        "fleet_size": 6,
        "in_zone": 2,
        "zone": "eu-west-1a",
        "duration_seconds": 1800,
    },
)
