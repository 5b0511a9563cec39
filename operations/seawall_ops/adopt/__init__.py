"""`seawall adopt`: bring what exists under Seawall, with nothing replaced and nothing made twice.

`account` and `state` look (an AWS account, an export of a Pulumi state) and give an `Estate`; `proposal` makes of it the
configuration and the import file, and says what cannot be adopted and why. Looking changes nothing, and the proposal
is a pure function of what was seen.
"""

from seawall_ops.adopt.observed import Estate
from seawall_ops.adopt.proposal import Proposal, Wishes, propose

__all__ = ["Estate", "Proposal", "Wishes", "propose"]
