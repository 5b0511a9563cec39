"""RDS and the networks around it, asked for one member of the database in its own region.

What AWS answers is one of three things to a failover: a result, a refusal (nothing was changed by that call), or silence (it
may have happened). Throttling is none of them: it is asked again, for a bounded time.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import StepRefused
from seawall.topology import Member
from seawall_ops.clients import client, code_of
from seawall_ops.failover.plans.servers import MemberUnreachable

__all__ = ["INVALID_STATE", "Clients", "RdsApi", "Refused", "bounded", "said_at"]

Clients = Callable[[str, str], Any]
"""boto3's client of a service (its name there, e.g. `rds`) in a region."""

CONNECT_SECONDS: Final = 3.0  # a region whose API is gone must not hold up what is decided about it
READ_SECONDS: Final = 10.0  # RDS answers a change within a few seconds
ATTEMPTS: Final = 2  # one more, for a connection that had gone stale
THROTTLED_SECONDS: Final = 20.0  # RDS and EC2 fill their buckets within seconds
FIRST_PAUSE_SECONDS: Final = 1.0  # doubled each time

THROTTLES: Final = frozenset(
    {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "RequestThrottled"}
)
DENIALS: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "OptInRequired", "UnauthorizedOperation", "NotAuthorized"}
)
SERVER_FAULT: Final = 500  # HTTP; AWS answers so while it cannot serve
INVALID_STATE: Final = frozenset({"InvalidDBInstanceState", "InvalidDBInstanceStateFault"})
"""What RDS refuses while it is at work on an instance: it passes."""

MISSING_INSTANCE: Final = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"})
CLUSTERED: Final = "aurora"


class Refused(StepRefused):
    """AWS refused a call: that call has changed nothing.

    Args:
        because: Why, in one line.
        code: AWS's own, e.g. `InvalidDBInstanceState`.
    """

    def __init__(self, because: str, code: str) -> None:
        self.code: Final = code
        super().__init__(because)

    def __reduce__(self) -> "tuple[object, ...]":
        return Refused, (self.because, self.code)


def bounded(service: str, region: str) -> Any:
    """A client that gives up within half a minute, as `RdsApi` takes it: two attempts, of 3 s to connect and 10 s to read."""
    return client(
        service, region, connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS, attempts=ATTEMPTS
    )  # fmt: skip


def said_at(answer: Mapping[str, Any]) -> datetime | None:
    """When AWS gave an answer, by its own clock, to the second; `None`: it did not say. Our clock is never compared with it."""
    headers = cast("Mapping[str, str]", answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}))
    try:
        return parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None


@final
@dataclass(frozen=True, slots=True)
class RdsApi:
    """AWS's APIs, with clients that are made once.

    Args:
        clients: Where they come from.
        clock: Monotonic time.
        sleep: Waits, in seconds.
    """

    clients: Clients = bounded
    clock: Clock = SYSTEM_CLOCK
    sleep: Callable[[float], None] = time.sleep
    _made: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any], init=False, repr=False)

    def ask(self, member: Member, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """One call, in the member's region.

        Args:
            member: For whom; errors name it.
            service: boto3's name of it.
            operation: AWS's name of the call, e.g. `RebootDBInstance`.
            parameters: Of the call.

        Raises:
            MemberUnreachable: No answer, or none but throttling; it may have happened.
            Refused: AWS says no; that call has changed nothing.
            StepRefused: It was not asked: there are no credentials, or the line is not to be trusted.
        """
        return self._asked(member, service, operation, lambda made: getattr(made, _snake(operation))(**parameters))

    def every(
        self, member: Member, service: str, operation: str, key: str, **parameters: Any
    ) -> list[Mapping[str, Any]]:
        """All pages of a list.

        Args:
            key: Of the list in each page.

        Raises:
            MemberUnreachable, StepRefused: As `ask`.
        """

        def read(made: Any) -> list[Mapping[str, Any]]:
            pages = cast("Iterator[Mapping[str, Any]]", made.get_paginator(_snake(operation)).paginate(**parameters))
            return [each for page in pages for each in page[key]]

        return self._asked(member, service, operation, read)

    def instance(self, member: Member, identifier: str | None = None) -> Mapping[str, Any] | None:
        """RDS's description of the member's instance, or of another one in its region; `None`: there is none of that name.

        Raises:
            MemberUnreachable, StepRefused: As `ask`. So is an instance of Aurora: it replicates by clusters.
        """
        name = identifier or member.identifier
        try:
            found = self.ask(member, "rds", "DescribeDBInstances", DBInstanceIdentifier=name)["DBInstances"]
        except Refused as error:
            if error.code in MISSING_INSTANCE:
                return None
            raise
        if not found:
            return None
        instance = cast("Mapping[str, Any]", found[0])
        if instance.get("DBClusterIdentifier") or str(instance.get("Engine", "")).startswith(CLUSTERED):
            raise StepRefused(
                f"{name} is in a cluster, which is failed over in another way: Aurora and Multi-AZ clusters"
            )
        return instance

    def existing(self, member: Member) -> Mapping[str, Any]:
        """The member's instance, which has to be there.

        Raises:
            StepRefused: There is none: it was renamed or deleted, and nobody knows who may write to it.
            MemberUnreachable: No answer.
        """
        found = self.instance(member)
        if found is None:
            raise StepRefused(f"there is no RDS instance {member.identifier} in {member.region}")
        return found

    def _client(self, service: str, region: str) -> Any:
        """Made when it is first asked: loading AWS's models takes longer than the calls do."""
        if (service, region) not in self._made:
            self._made[service, region] = self.clients(service, region)
        return self._made[service, region]

    def _asked(self, member: Member, service: str, operation: str, call: Callable[[Any], Any]) -> Any:
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            BotoCoreError,
            ClientError,
            ConnectionError,  # noqa: A004 - botocore's own, beside `HTTPClientError`
            HTTPClientError,
            ProxyConnectionError,
            SSLError,
        )

        ends, pause = self.clock.monotonic() + THROTTLED_SECONDS, FIRST_PAUSE_SECONDS
        asked = f"{service} {operation} in {member.region}"
        while True:
            try:
                return call(self._client(service, member.region))
            except ClientError as error:
                code = code_of(error)
                details = cast("Any", error).response
                said = f"{code}: {details.get('Error', {}).get('Message', '')}".rstrip(": ").replace("\n", " ")
                if code in THROTTLES:
                    if self.clock.monotonic() + pause > ends:
                        raise MemberUnreachable(
                            member.name, f"{asked}: throttled for {THROTTLED_SECONDS:g} s"
                        ) from error
                    self.sleep(pause)
                    pause *= 2
                    continue
                if details.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= SERVER_FAULT:
                    raise MemberUnreachable(member.name, f"{asked}: {said}") from error
                if code in DENIALS:
                    action = f"{service}:{operation}"
                    raise Refused(f"the role may not call {action} in {member.region}: {said}", code) from error
                raise Refused(f"{asked}: {said}", code) from error
            except (ProxyConnectionError, SSLError) as error:
                raise StepRefused(f"{asked}: {_line(error)}") from error
            except (ConnectionError, HTTPClientError) as error:
                raise MemberUnreachable(member.name, f"{asked}: {_line(error)}") from error
            except BotoCoreError as error:
                raise StepRefused(f"{asked}: {_line(error)}") from error


def _snake(operation: str) -> str:
    import botocore  # pyright: ignore[reportMissingTypeStubs]

    return cast("Any", botocore).xform_name(operation)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")
