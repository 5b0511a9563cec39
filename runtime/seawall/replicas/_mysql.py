"""What to ask MySQL and MariaDB, and what their answers mean. Their positions do not compare, so tokens are moments.

Not run against a server here: there is none among the wheels. The columns are those of the reference manuals ("SHOW REPLICA
STATUS", MySQL 8.0.22 and MariaDB 10.5.1 or newer).
"""

from collections.abc import Mapping
from typing import Final, cast

from seawall.errors import InvalidInput
from seawall.replicas._model import Observation

__all__ = ["MYSQL_READ_ONLY", "MYSQL_STATUS", "observe_mysql"]

MYSQL_READ_ONLY: Final = "SELECT @@global.read_only"
"""One row of one column, for `observe_mysql`."""

MYSQL_STATUS: Final = "SHOW REPLICA STATUS"
"""No row on a writer, one row of many columns on a replica, for `observe_mysql`."""

LAG_COLUMNS: Final = ("Seconds_Behind_Source", "Seconds_Behind_Master")
LAG_RESOLUTION_SECONDS: Final = 1.0  # it is given in whole seconds, rounded down


def observe_mysql(read_only: object, status: Mapping[str, object] | None) -> Observation:
    """What the two answers say.

    Args:
        read_only: The value of `MYSQL_READ_ONLY`.
        status: The row of `MYSQL_STATUS` by column name; `None`: there was none.

    Raises:
        InvalidInput: a value that none of them can have.
    """
    if str(read_only) not in ("0", "1", "ON", "OFF"):
        raise InvalidInput("@@global.read_only", read_only, allowed="0 or 1")
    if status is None and str(read_only) in ("0", "OFF"):
        return Observation(in_recovery=False)
    behind = None if status is None else next((status[each] for each in LAG_COLUMNS if each in status), None)
    lag = None if behind is None else float(cast("float", behind)) + LAG_RESOLUTION_SECONDS
    return Observation(in_recovery=True, lag_seconds=lag)
