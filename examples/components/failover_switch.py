"""A switch by which an operator makes the standby take over, with nothing of the primary's region."""

import pulumi

from pulumi_seawall import FailoverSwitch

switch = FailoverSwitch(
    "shop",
    {
        "primary_region": "eu-west-1",
        "standby_region": "eu-central-1",
        "object": {"checker_cidrs": ["15.177.0.0/18"]},
    },
)
pulumi.export("throw_with", switch.throw_commands)
