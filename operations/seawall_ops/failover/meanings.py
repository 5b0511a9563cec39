"""What each way in which a check can end means, in one table. Pure.

The rule behind it: unhealthy is what is seen of the *subject*. What is about the observer, its credentials, its name
servers or its route is unknown, and so is what somebody else may have meant to do.
"""

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from seawall_ops.failover.votes import Health

__all__ = ["AWS_MEANINGS", "MEANINGS", "AwsMeaning", "Outcome", "aws_meaning", "outcome_of", "outcome_of_status"]


class Outcome(Enum):
    """How a check ended."""

    ANSWERED = "answered as it should"
    REFUSED = "nobody listens"
    TIMED_OUT = "no answer in time"
    CLOSED = "the connection was closed in the middle"
    HOST_UNREACHABLE = "the host cannot be reached"
    FAILED = "answered that it cannot serve"
    STARTING = "starting up, shutting down or recovering from a crash"
    READ_ONLY = "takes no writes, and follows nobody"
    FULL = "its disk is full"
    NO_ROUTE = "the observer has no route"
    NO_NAME = "its name cannot be resolved"
    NO_TRUST = "its certificate is not trusted"
    DENIED = "the observer's credentials are refused"
    CROWDED = "takes no more connections"
    NOT_FOUND = "has no such page"
    WRONG_ROLE = "has another role than the topology says"
    NONSENSE = "answered something that is not understood"
    OBSERVER = "the observer itself failed"
    NOT_ASKED = "was not asked"


MEANINGS: Final[Mapping[Outcome, Health]] = {
    Outcome.ANSWERED: Health.HEALTHY,
    # Seen of the subject. Whether the observer's own network is at fault is the self-check's business.
    Outcome.REFUSED: Health.UNHEALTHY,
    Outcome.TIMED_OUT: Health.UNHEALTHY,
    Outcome.CLOSED: Health.UNHEALTHY,
    Outcome.HOST_UNREACHABLE: Health.UNHEALTHY,
    Outcome.FAILED: Health.UNHEALTHY,
    Outcome.STARTING: Health.UNHEALTHY,
    Outcome.READ_ONLY: Health.UNHEALTHY,
    Outcome.FULL: Health.UNHEALTHY,
    # About the observer, or about a mistake that no failover mends.
    Outcome.NO_ROUTE: Health.UNKNOWN,
    Outcome.NO_NAME: Health.UNKNOWN,
    Outcome.NO_TRUST: Health.UNKNOWN,
    Outcome.DENIED: Health.UNKNOWN,
    Outcome.CROWDED: Health.UNKNOWN,  # it lives; the next writer would get the same crowd
    Outcome.NOT_FOUND: Health.UNKNOWN,
    Outcome.WRONG_ROLE: Health.UNKNOWN,  # somebody is changing roles by hand: promoting another one would make two writers
    Outcome.NONSENSE: Health.UNKNOWN,
    Outcome.OBSERVER: Health.UNKNOWN,
    Outcome.NOT_ASKED: Health.UNKNOWN,
}

# Server errors of PostgreSQL ("PostgreSQL Error Codes") by SQLSTATE.
SQLSTATES: Final[Mapping[str, Outcome]] = {
    "57P01": Outcome.STARTING,  # admin_shutdown
    "57P02": Outcome.STARTING,  # crash_shutdown
    "57P03": Outcome.STARTING,  # cannot_connect_now
    "57014": Outcome.TIMED_OUT,  # query_canceled, by statement_timeout
    "53300": Outcome.CROWDED,  # too_many_connections
    "53100": Outcome.FULL,  # disk_full
    "25006": Outcome.READ_ONLY,  # read_only_sql_transaction
    "28000": Outcome.DENIED,  # invalid_authorization_specification
    "28P01": Outcome.DENIED,  # invalid_password
    "42501": Outcome.DENIED,  # insufficient_privilege
    "3D000": Outcome.DENIED,  # invalid_catalog_name: a database that is not there
}
# While connecting, libpq gives no SQLSTATE, only the server's own words, or the system's for what the network did; RDS and
# every default speak English. Words that are not in here mean that nothing is known.
WORDS: Final = (
    (
        re.compile(r"starting up|shutting down|in recovery mode|not (yet )?accepting connections|restarting"),
        Outcome.STARTING,
    ),
    (re.compile(r"too many (clients|connections)|remaining connection slots"), Outcome.CROWDED),
    (
        re.compile(r"password|authentication|pg_hba\.conf|role .* does not exist|database .* does not exist"),
        Outcome.DENIED,
    ),
    (re.compile(r"permission denied|not permitted"), Outcome.DENIED),
    (re.compile(r"certificate|SSL error"), Outcome.NO_TRUST),
    (
        re.compile(r"server closed the connection|[Cc]onnection reset|Broken pipe|terminating connection"),
        Outcome.CLOSED,
    ),
    (re.compile(r"timeout expired|timed out|did not answer in time"), Outcome.TIMED_OUT),
    (re.compile(r"Connection refused"), Outcome.REFUSED),
    (re.compile(r"No route to host|Host is down"), Outcome.HOST_UNREACHABLE),
    (re.compile(r"Network is (unreachable|down)"), Outcome.NO_ROUTE),
)
# Errors of MySQL and MariaDB by number ("Server Error Message Reference", "Client Error Message Reference").
MYSQL_ERRORS: Final[Mapping[int, Outcome]] = {
    1040: Outcome.CROWDED,
    1044: Outcome.DENIED,
    1045: Outcome.DENIED,
    1049: Outcome.DENIED,
    1053: Outcome.STARTING,
    1227: Outcome.DENIED,
    2002: Outcome.REFUSED,
    2006: Outcome.CLOSED,
    2013: Outcome.CLOSED,
}
OS_ERRORS: Final[Mapping[int, Outcome]] = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ETIMEDOUT: Outcome.TIMED_OUT,
    errno.ECONNRESET: Outcome.CLOSED,
    errno.EPIPE: Outcome.CLOSED,
    errno.EHOSTUNREACH: Outcome.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Outcome.HOST_UNREACHABLE,
    errno.ENETUNREACH: Outcome.NO_ROUTE,
    errno.ENETDOWN: Outcome.NO_ROUTE,
    errno.EADDRNOTAVAIL: Outcome.OBSERVER,
    errno.EMFILE: Outcome.OBSERVER,
    errno.ENFILE: Outcome.OBSERVER,
}


def outcome_of(error: BaseException) -> Outcome:
    """How a check ended that raised. What is not known here is the observer's own failure."""
    for each in _chain(error):
        if isinstance(each, ssl.SSLError):
            return Outcome.NO_TRUST
        if isinstance(each, socket.gaierror):
            return Outcome.NO_NAME
        if isinstance(each, http.client.RemoteDisconnected):
            return Outcome.CLOSED
        if isinstance(each, http.client.HTTPException):
            return Outcome.NONSENSE
        if isinstance(each, TimeoutError):
            return Outcome.TIMED_OUT
        if isinstance(each, OSError) and each.errno in OS_ERRORS:
            return OS_ERRORS[each.errno]
        found = _by_code(each)
        if found is not None:
            return found
    return Outcome.OBSERVER


def _by_code(error: BaseException) -> Outcome | None:
    """Of a database driver's error."""
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state in SQLSTATES:
        return SQLSTATES[state]
    if isinstance(error, OSError):
        return None
    if error.args and isinstance(error.args[0], int):
        return MYSQL_ERRORS.get(error.args[0])
    if type(error).__module__.partition(".")[0] in ("psycopg", "pymysql"):
        return next((outcome for words, outcome in WORDS if words.search(str(error))), None)
    return None


def _chain(error: BaseException) -> Iterable[BaseException]:
    """An error and what it came from."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        current = current.__cause__ or current.__context__
    return seen


def outcome_of_status(status: int) -> Outcome:
    """How an HTTP check ended, by its status code."""
    if 200 <= status < 300:
        return Outcome.ANSWERED
    if status in (401, 403):
        return Outcome.DENIED
    if status == 404:
        return Outcome.NOT_FOUND
    if status == 429:
        return Outcome.CROWDED
    return Outcome.FAILED if status >= 500 else Outcome.NONSENSE


@dataclass(frozen=True, slots=True)
class AwsMeaning:
    """What AWS's word for an instance means."""

    health: Health
    at_work: bool = False
    """Something is being changed, and ends by itself."""


_WELL: Final = AwsMeaning(Health.HEALTHY)
_LOST: Final = AwsMeaning(Health.UNHEALTHY)
_AT_WORK: Final = AwsMeaning(Health.UNKNOWN, at_work=True)

# RDS user guide, "Viewing Amazon RDS DB instance status". What is not listed is unknown.
AWS_MEANINGS: Final[Mapping[str, AwsMeaning]] = {
    **dict.fromkeys(
        (
            "available",
            "backing-up",
            "configuring-enhanced-monitoring",
            "configuring-log-exports",
            "storage-optimization",
        ),
        _WELL,
    ),
    **dict.fromkeys(
        (
            "failed",
            "stopped",
            "storage-full",
            "inaccessible-encryption-credentials",
            "incompatible-network",
            "incompatible-option-group",
            "incompatible-parameters",
            "incompatible-restore",
            "restore-error",
        ),
        _LOST,
    ),
    **dict.fromkeys(
        (
            "creating",
            "deleting",
            "maintenance",
            "modifying",
            "rebooting",
            "renaming",
            "resetting-master-credentials",
            "starting",
            "stopping",
            "upgrading",
        ),
        _AT_WORK,
    ),
}


def aws_meaning(status: str) -> AwsMeaning:
    """What AWS's word for an instance means; unknown where it is a new one."""
    return AWS_MEANINGS.get(status, AwsMeaning(Health.UNKNOWN))
