"""The checks: one look at each endpoint and member, all at once, each within its time-out.

A check asks and classifies; what its end means is in `meanings`. The writer is connected to, asked `select 1`'s worth of
status, and asked whether it would take a write; nothing is written unless a statement for that is given.
"""

import http.client
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast, final
from urllib.parse import urlsplit

from seawall.errors import CloudUnavailable
from seawall.replicas import Observation as Said
from seawall.topology import Effective, Endpoint, Member
from seawall_ops.clients import asking
from seawall_ops.failover.meanings import Outcome, aws_meaning, outcome_of, outcome_of_status
from seawall_ops.failover.votes import Evidence, Subject

__all__ = ["Answer", "Check", "Checks", "Look", "MemberCheck", "Reference", "ask_all", "check_service", "check_status"]

REGION_PATH: Final = "/regionz"  # seawall.health: whether another region would do better
PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """How one check ended."""

    outcome: Outcome
    because: str = ""
    said: Said | None = None
    """What a member said of itself."""
    status: str | None = None
    """AWS's word for an instance."""
    asked_at: float = 0.0
    """When, in the monotonic clock's seconds."""


@final
@dataclass(slots=True)
class Progress:
    """Where a check is: one that hangs in a name server says nothing of its subject."""

    resolving: bool = False


Check = Callable[[Progress], Answer]
"""Looks once. Whatever it raises is classified."""


class MemberCheck(Protocol):
    """Asks a member of the database. Bounded by its own time-outs."""

    def __call__(self, member: Member, address: str, *, writer: bool) -> Answer:
        """Ask once.

        Args:
            member: Who.
            address: The IP address that its host has now.
            writer: Whether it is the writer, and has to take writes.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that has nothing to do with what is watched, and is there while the observer's own network is.

    For instance its own region's endpoint of an AWS service.
    """

    host: str
    port: int = 443

    def answers(self, timeout_seconds: float) -> bool:
        """Whether it can be connected to."""
        try:
            socket.create_connection((self.host, self.port), timeout=timeout_seconds).close()
        except OSError:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Look:
    """What one round found."""

    answers: Mapping[Subject, Answer]
    references: Mapping[str, bool]
    """Which of the independent references answered."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """All checks of an observer."""

    timeout_seconds: float
    references: tuple[Reference, ...]
    member: MemberCheck | None = None
    """`None`: databases are not watched."""
    rds: Callable[[str], Any] | None = None
    """boto3's client of RDS in a region; `None`: AWS is not asked."""
    _hanging: dict[str, threading.Thread] = field(default_factory=dict[str, threading.Thread], init=False)

    def look(self, view: Effective) -> Look:
        """Do one round: everything at once. Takes at most `timeout_seconds`, and a moment."""
        checks = {str(subject): check for subject, check in self._of(view).items()}
        references = {str(each): _reference(each, self.timeout_seconds) for each in self.references}
        answers = ask_all({**checks, **references}, self.timeout_seconds, self._hanging)
        return Look(
            {Subject.parse(key): answers[key] for key in checks},
            {key: answers[key].outcome is Outcome.ANSWERED for key in references},
        )

    def _of(self, view: Effective) -> dict[Subject, Check]:
        checks: dict[Subject, Check] = {
            Subject(Evidence.SERVICE, each.name): _service(each, self.timeout_seconds) for each in view.endpoints
        }
        database = view.declared.database
        for each in () if database is None else database.members:
            if self.member is not None and database is not None:
                writer = view.writer is not None and view.writer.name == each.name
                checks[Subject(Evidence.DATABASE, each.name)] = _member(each, database.port, self.member, writer)
            if self.rds is not None:
                checks[Subject(Evidence.STATUS, each.name)] = _status(each, self.rds)
        return checks


def ask_all(
    checks: Mapping[str, Check], timeout_seconds: float, hanging: dict[str, threading.Thread]
) -> Mapping[str, Answer]:
    """Run checks at once, each in a thread of its own, and give up those that take too long.

    Args:
        checks: By name.
        timeout_seconds: For all of them.
        hanging: Threads that were given up in earlier rounds; kept up to date. One that still hangs is not started again.
    """
    done: queue.SimpleQueue[tuple[str, Answer]] = queue.SimpleQueue()
    progress = {name: Progress() for name in checks}
    answers: dict[str, Answer] = {}
    threads: dict[str, threading.Thread] = {}
    began = time.monotonic()
    for name, check in checks.items():
        earlier = hanging.get(name)
        if earlier is not None and earlier.is_alive():
            answers[name] = Answer(Outcome.OBSERVER, "an earlier check still hangs")
            continue
        hanging.pop(name, None)
        thread = threading.Thread(target=_run, args=(name, check, progress[name], done), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads
            answers[name] = Answer(Outcome.OBSERVER, str(error))
        else:
            threads[name] = thread
    while len(answers) < len(checks):
        try:
            name, answer = done.get(timeout=max(0.0, began + timeout_seconds - time.monotonic()))
        except queue.Empty:
            break
        answers[name] = answer
    for name in checks:
        if name not in answers:
            hanging[name] = threads[name]
            outcome = Outcome.NO_NAME if progress[name].resolving else Outcome.TIMED_OUT
            answers[name] = Answer(outcome, f"no answer within {timeout_seconds:g} s")
    return answers


def _run(name: str, check: Check, progress: Progress, done: "queue.SimpleQueue[tuple[str, Answer]]") -> None:
    try:
        answer = check(progress)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is classified
        answer = Answer(outcome_of(error), f"{type(error).__name__}: {error}")
    done.put((name, answer))


def check_service(endpoint: Endpoint, timeout_seconds: float, progress: Progress | None = None) -> Answer:
    """GET an endpoint's health page, by default `/regionz`: Python's own client, no redirects, no proxies.

    Raises:
        OSError, http.client.HTTPException: No answer; `outcome_of` says what that means.
    """
    parts = urlsplit(endpoint.health_url or endpoint.url.rstrip("/") + REGION_PATH)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    address = _resolved(host, port, progress or Progress())
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = _Pinned(
            address, host, port, timeout=timeout_seconds, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(address, port, timeout=timeout_seconds)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        shown = host if parts.port is None else f"{host}:{parts.port}"
        connection.request("GET", target, headers={"Host": shown, "User-Agent": "seawall-observer"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return Answer(outcome_of_status(status), f"status {status}")


class _Pinned(http.client.HTTPSConnection):
    """HTTPS to an address that was resolved before, with the certificate of the name."""

    def __init__(self, address: str, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._address: Final = address
        self._tls: Final = context

    def connect(self) -> None:
        """Connect to the address, and shake hands by the name."""
        plain = socket.create_connection((self._address, self.port), timeout=self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def check_status(rds: Any, identifier: str) -> Answer:
    """What AWS says of an instance. Never proof of anything alone: see `decision`."""
    try:
        with asking("rds DescribeDBInstances"):
            found = rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
    except CloudUnavailable as error:
        return Answer(Outcome.OBSERVER, str(error))
    if not found:
        return Answer(Outcome.NONSENSE, "AWS does not list it")
    status = str(cast("Mapping[str, object]", found[0])["DBInstanceStatus"])
    meaning = aws_meaning(status)
    because = f"AWS says {status}" + (", which ends by itself" if meaning.at_work else "")
    return Answer(Outcome.ANSWERED, because, status=status)


def _service(endpoint: Endpoint, timeout_seconds: float) -> Check:
    return lambda progress: check_service(endpoint, timeout_seconds, progress)


def _member(member: Member, port: int, ask: MemberCheck, writer: bool) -> Check:
    def check(progress: Progress) -> Answer:
        asked_at = time.monotonic()
        answer = ask(member, _resolved(member.host, port, progress), writer=writer)
        return Answer(answer.outcome, answer.because, answer.said, answer.status, asked_at)

    return check


def _status(member: Member, rds: Callable[[str], Any]) -> Check:
    return lambda _progress: check_status(rds(member.region), member.identifier)


def _reference(reference: Reference, timeout_seconds: float) -> Check:
    def check(_progress: Progress) -> Answer:
        return Answer(Outcome.ANSWERED if reference.answers(timeout_seconds) else Outcome.TIMED_OUT)

    return check


def _resolved(host: str, port: int, progress: Progress) -> str:
    """The address of a host, with its own mark while the name servers are asked.

    Raises:
        socket.gaierror: There is none, or nobody knows.
    """
    progress.resolving = True
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    progress.resolving = False
    return str(found[0][4][0])
