"""A copy of the live topology in SSM Parameter Store, which has no conditional write.

Parameter Store keeps what was written as a history of versions, one after the other, and nobody can write between two of
them. So the history decides in place of a condition. The document that *stands* is the one with the highest epoch in it, of
two with the same epoch the one that was written first. Hence the invariant:

    Whatever anybody writes, and in whichever order it arrives, the document that stands never goes back to an earlier
    epoch, and none takes the place of another one of its own epoch.

What apps read is the last version, and that is the document that stands except in one case: two writers have read the same
version, and the one with the earlier epoch was written later. Each writer therefore refuses an epoch that is overtaken
before it writes, looks at the history after it has written, and puts back what stands if something else is on top: its own
late write, or somebody else's. Only then does it say whether it was its own document that won. What the writer that was
late must live through to do so is two requests, seconds. Were it killed between them, the earlier document stays on top
until somebody writes to this place again, who finds it in the same way. How far that can reach:

- Writers hold a lease, and ask it right before they write. One that is stopped in between for longer than the lease lasts,
  and then killed within those seconds, is what it takes; or a request that was held up in the network, which AWS refuses
  five minutes after it was signed.
- Apps keep what they have: `seawall.watch` refuses an earlier epoch. One that starts meanwhile takes the earlier document.
- A failover that is under way looks again before it promotes, sees that its announcement is not there, and stops.

The history holds 100 versions, more failovers than are made while a write is late. Limits of requests are those of the
account and region: a write that was throttled was refused, and is tried again.

What is created is of the cheapest tier that holds it, and has no tags: those would take a right more, in the one write that
must not fail. Type and tier of one that is there already are left alone.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast, final

from seawall.contract import live_parameter
from seawall.errors import CloudUnavailable, SeawallError
from seawall.topology import Live, dump, parameter_tier, parse_live
from seawall_ops.clients import asking, client, code_of
from seawall_ops.failover.plans.places import PlaceUnavailable, refuse_overtaken

__all__ = ["PERMISSIONS", "SsmPlace"]

PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "read": ("ssm:GetParameters",),
    "write": ("ssm:GetParameterHistory", "ssm:PutParameter"),
}
"""By what is done, on the live document's parameter."""

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 2.0
READ_ATTEMPTS: Final = 2  # a look may be repeated blindly, a write may not
PUT_ATTEMPTS: Final = 1
ROUNDS: Final = 8  # each looks first; what follows on a look that needs a write is a look again
PAUSE_SECONDS: Final = 0.5  # SSM takes three writes in a second from a whole account
DESCRIPTION: Final = "Live topology, for the service's apps. Written by failovers, and by nobody else."

NOT_THERE: Final = "ParameterNotFound"
MADE_MEANWHILE: Final = "ParameterAlreadyExists"
REFUSED_FOR_NOW: Final = frozenset({"ThrottlingException", "Throttling", "TooManyUpdates", "RequestLimitExceeded"})


@final
class SsmPlace:
    """The live document's parameter in one region.

    A denied call is `PlaceUnavailable` like any other that gives no answer, and no `StepRefused`: that one would say that
    nothing was changed at all, which a copy cannot know, for the arbiter has been written before it.

    Args:
        service: Name of the service.
        environment: Name of the environment.
        region: Where the parameter is.
        client: boto3's, for SSM in that region, that repeats no write by itself; default one of the user's own credentials.
        pause: Waits for so many seconds, before a write that was refused for its moment is tried again.

    Raises:
        InvalidInput: A name is not allowed.
        CloudUnavailable: There are no such credentials.
    """

    __slots__ = ("_pause", "_put", "_read", "_region", "name")

    def __init__(
        self,
        service: str,
        environment: str,
        region: str,
        client: Any = None,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name: Final = live_parameter(service, environment)
        self._region: Final = region
        self._read: Final = _client(region, READ_ATTEMPTS) if client is None else client
        self._put: Final = _client(region, PUT_ATTEMPTS) if client is None else client
        self._pause: Final = pause

    @property
    def where(self) -> str:
        """Region and parameter."""
        return f"ssm {self._region} {self.name}"

    def read(self) -> Live | None:
        """As `LivePlace`: what apps of the region read."""
        with self._asking("GetParameters"):
            answer = self._read.get_parameters(Names=[self.name])
        found = cast("Sequence[Mapping[str, str]]", answer["Parameters"])
        return parse_live(found[0]["Value"]) if found else None

    def write(self, live: Live) -> None:
        """As `LivePlace`. What stands is on top when it returns, and when it raises `Overtaken`."""
        unclear: PlaceUnavailable | None = None
        last: PlaceUnavailable | None = None
        written = 0
        later = False
        for _ in range(ROUNDS):
            if later:
                self._pause(PAUSE_SECONDS)
            later = True
            versions = self._history()
            if max(versions, default=0) < written:
                continue  # what was written is not shown yet
            stands = _standing(versions)
            overtaken = stands is not None and stands != live and stands.epoch >= live.epoch
            wanted = stands if overtaken and stands is not None else live
            if versions and versions[max(versions)] == wanted:
                refuse_overtaken(self.where, wanted, live)
                return
            if unclear is not None:
                raise unclear  # perhaps it is on its way still: sent a second time, it might arrive after a successor's
            try:
                written = self._put_once(wanted, create=not versions)
                later = False  # looked at again at once: apps are waiting for the next region's copy
            except _RefusedForNow as error:
                last = PlaceUnavailable(self.where, str(error))
            except PlaceUnavailable as error:
                unclear = error
        raise (
            unclear or last or PlaceUnavailable(self.where, "it does not show what was written, or others write to it")
        )

    def _put_once(self, live: Live, *, create: bool) -> int:
        """The version that it has become; 0: somebody else has made the parameter meanwhile.

        Raises:
            _RefusedForNow: Nothing was written, for certain, and trying again may help.
            PlaceUnavailable: There is no answer, or a refusal; it may have been written.
        """
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        text = dump(live)
        made = {"Type": "String", "Tier": parameter_tier(text).value, "Description": DESCRIPTION} if create else {}
        with self._asking("PutParameter"):
            try:
                answer = self._put.put_parameter(Name=self.name, Value=text, Overwrite=not create, **made)
            except ClientError as error:
                if code_of(error) == MADE_MEANWHILE:
                    return 0
                if code_of(error) in REFUSED_FOR_NOW:
                    raise _RefusedForNow(code_of(error)) from error
                raise
        return int(answer["Version"])

    def _history(self) -> dict[int, Live]:
        """Every version that is kept; empty where the parameter does not exist."""
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        found: dict[int, Live] = {}
        more: dict[str, str] = {}
        while True:
            with self._asking("GetParameterHistory"):
                try:
                    page = self._read.get_parameter_history(Name=self.name, **more)
                except ClientError as error:
                    if code_of(error) == NOT_THERE:
                        return {}
                    raise
            for each in cast("Sequence[Mapping[str, Any]]", page["Parameters"]):
                found[int(each["Version"])] = parse_live(str(each["Value"]))
            if not page.get("NextToken"):
                return found
            more = {"NextToken": str(page["NextToken"])}

    @contextmanager
    def _asking(self, operation: str) -> Generator[None]:
        """What SSM raises, as ours."""
        try:
            with asking(f"ssm {operation}"):
                yield
        except CloudUnavailable as error:
            raise PlaceUnavailable(self.where, error.because) from error


class _RefusedForNow(SeawallError):
    """A write was refused for its moment."""


def _standing(versions: Mapping[int, Live]) -> Live | None:
    """Of the highest epoch the document that was written first."""
    if not versions:
        return None
    highest = max(each.epoch for each in versions.values())
    return next(versions[number] for number in sorted(versions) if versions[number].epoch == highest)


def _client(region: str, attempts: int) -> Any:
    return client("ssm", region, connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS, attempts=attempts)
