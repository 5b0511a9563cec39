"""What the real provider refuses of an RDS instance before anything is made."""

import re
from collections.abc import Iterator
from typing import Final

from localcloud.provider.adapter import Properties
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

LONGEST_IDENTIFIER: Final = 63  # characters
MOST_BACKUP_DAYS: Final = 35
# Letters, digits and single hyphens; a letter first, no hyphen last.
_IDENTIFIER: Final = re.compile(r"(?!.*--)[a-z][a-z0-9-]*(?<!-)")
_SNAPSHOT: Final = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]*(?<!-)")


def refusals(inputs: Properties) -> Iterator[InvalidInput]:
    """One error for each rule that the inputs break."""
    identifier, snapshot = inputs.get("identifier"), inputs.get("finalSnapshotIdentifier")
    if isinstance(identifier, str) and not (
        _IDENTIFIER.fullmatch(identifier) and len(identifier) <= LONGEST_IDENTIFIER
    ):
        allowed = (
            f"up to {LONGEST_IDENTIFIER} lowercase letters, digits and single hyphens, a letter first, no hyphen last"
        )
        yield InvalidInput("identifier", identifier, allowed=allowed)
    if isinstance(snapshot, str) and not _SNAPSHOT.fullmatch(snapshot):
        allowed = "letters, digits and single hyphens, a letter first, no hyphen last"
        yield InvalidInput("finalSnapshotIdentifier", snapshot, allowed=allowed)
    days = inputs.get("backupRetentionPeriod")
    if isinstance(days, int) and not 0 <= days <= MOST_BACKUP_DAYS:
        yield InvalidInput("backupRetentionPeriod", days, allowed=f"0 to {MOST_BACKUP_DAYS} days")
    if inputs.get("manageMasterUserPassword") and inputs.get("password") is not None:
        yield InvalidInput("password", "(given)", allowed="left out with manageMasterUserPassword")
    engine = inputs.get("engine")
    if engine is not None and engine is not UNKNOWN and str(engine).startswith("aurora"):
        yield InvalidInput("engine", engine, allowed="an engine of instances", because="Aurora's are in clusters")
