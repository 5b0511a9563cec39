"""A check that follows a routing control of Application Recovery Controller."""

from typing import Any, Final

import pulumi

from pulumi_seawall._arns import arn_of
from pulumi_seawall._inputs import text
from seawall.timing import Source, Term

CONTROL_SECONDS: Final = (5.0, 30.0)  # typical and worst, assumed: AWS says seconds and documents no figure


def control_terms() -> tuple[Term, ...]:
    """From a routing control's new state until Route 53's DNS servers know."""
    typical, worst = CONTROL_SECONDS
    reason = "the cluster's new state reaches the DNS servers; AWS documents no figure"
    return (Term("routing control", typical, worst, Source.ASSUMED, reason),)


def control_settings(control_arn: pulumi.Input[str]) -> dict[str, Any]:
    """Arguments of `aws.route53.HealthCheck`: healthy while the control is on."""
    return {"type": "RECOVERY_CONTROL", "routing_control_arn": control_arn}


def control_arn(name: str, value: pulumi.Input[str]) -> pulumi.Input[str]:
    """The ARN of a routing control.

    Raises:
        InvalidInput: It is none.
    """
    return text(name, value, lambda label, known: arn_of(label, known, "route53-recovery-control", "controlpanel/", ""))
