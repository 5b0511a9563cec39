"""The two forms of `pulumi_seawall.FailoverSwitch`, as a failover throws them: by their data planes alone.

A switch turns a *region* off; of its two regions the other one is then answered. Its positions are told by the region that
they turn off, as `FailoverSwitch.positions` and the environment's file of settings have them:

```yaml
switch: {eu-west-1: "s3://shop-switch-1/out-of-service", us-west-2: "s3://shop-switch-2/out-of-service"}
```

With both regions off Route 53 answers the primary, whichever that is: nothing is forced, and neither do the health checks
decide. `look` tells that apart, and `force` repairs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast, final

from seawall.errors import MISSING, CloudUnavailable, InvalidInput
from seawall_ops.clients import asking, client, code_of
from seawall_ops.failover.plans.servers import NameSwitch

__all__ = ["PERMISSIONS", "ObjectSwitch", "RoutingControlSwitch", "SwitchLook", "parse_switch"]

PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "object": ("s3:ListBucket", "s3:PutObject", "s3:DeleteObject"),
    "routing_control": (
        "route53-recovery-cluster:GetRoutingControlState",
        "route53-recovery-cluster:UpdateRoutingControlStates",
    ),
}
"""By form. `s3:ListBucket` on the bucket: without it S3 says "denied" of an object that is not there."""

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 2.0
OBJECT_ATTEMPTS: Final = 2  # putting and deleting an object may be repeated
ENDPOINT_ATTEMPTS: Final = 1  # the next endpoint is the next attempt
ENDPOINTS: Final = 5  # regions that keep a cluster's state
SIDES: Final = 2
S3: Final = "s3://"
CONTROL: Final = ":route53-recovery-control:"
SERVICE: Final = "route53-recovery-cluster"
ON, OFF = "On", "Off"
REFUSED: Final = frozenset({"AccessDeniedException", "ResourceNotFoundException", "ValidationException"})
SERVER_ERRORS: Final = 500  # HTTP statuses from here on are no answer
BOTH_OFF: Final = "both regions are switched off, and the primary is answered all the same"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SwitchLook:
    """How a switch stands.

    Args:
        region: The one that the name is forced to; `None`: to none.
        shown: In one line: what is off, and what could not be seen.
    """

    region: str | None
    shown: str


@final
class ObjectSwitch:
    """The form `object`: what switches a region off is an object in a bucket of the *other* region.

    So the region that is left need not answer. What its bucket holds is unknown then, and counts as not thrown, as it does
    for Route 53's checkers, who cannot see it either. A bucket that answers and refuses is another matter: the checkers may
    well see what this role may not, and nothing is taken for seen.

    Args:
        positions: By the region that it switches off `s3://BUCKET/KEY`.
        make_client: Gives boto3's client of S3 for a region; default the user's own credentials.

    Raises:
        InvalidInput: There are not two regions, or a position is none.
        CloudUnavailable: There are no such credentials.
    """

    __slots__ = ("_clients", "_places")

    def __init__(self, positions: Mapping[str, str], make_client: Callable[[str], Any] | None = None) -> None:
        self._places: Final = {region: _object(region, place) for region, place in _two(positions).items()}
        make = _s3 if make_client is None else make_client
        self._clients: Final = {region: make(self._other(region)) for region in self._places}  # by what is switched off

    @property
    def where(self) -> str:
        """Each region and the object that switches it off."""
        return ", ".join(f"{region} by {S3}{bucket}/{key}" for region, (bucket, key) in sorted(self._places.items()))

    def look(self) -> SwitchLook:
        """How it stands.

        Raises:
            CloudUnavailable: Neither bucket answers, or one refuses.
        """
        seen = {region: self._is_off(region) for region in sorted(self._places)}
        silent = [region for region, off in seen.items() if isinstance(off, CloudUnavailable)]
        if len(silent) == len(seen):
            raise cast("CloudUnavailable", seen[silent[0]])
        off = [region for region, is_off in seen.items() if is_off is True]
        unseen = "".join(f"; what switches {each} off is unseen, and counts as absent: {seen[each]}" for each in silent)
        return _looked(off, self._other, unseen)

    def region(self) -> str | None:
        """As `NameSwitch`; `None` also while both are off."""
        return self.look().region

    def force(self, region: str | None) -> None:
        """As `NameSwitch`. Forcing writes into the region that is forced to, first; whether the object that switches *that*
        one off could be taken away in the other region is said by an error, after the name has moved all the same.

        Raises:
            InvalidInput: It is none of the two regions.
        """
        if region is None:
            failed = [error for each in sorted(self._places) if (error := self._delete(each)) is not None]
            if failed:
                raise failed[0]
            return
        leaving = self._other(_one_of(region, self._places))
        bucket, key = self._places[leaving]
        with asking(f"s3 PutObject {bucket}"):
            self._clients[leaving].put_object(Bucket=bucket, Key=key)
        failed_to_clear = self._delete(region)
        if failed_to_clear is not None:
            because = (
                f"{leaving} is off; perhaps {region} is, too, once its switch can be seen: {failed_to_clear.because}"
            )
            raise CloudUnavailable(failed_to_clear.asked, because) from failed_to_clear

    def _other(self, region: str) -> str:
        return next(each for each in self._places if each != region)

    def _is_off(self, region: str) -> bool | CloudUnavailable:
        """Whether an object switches it off; the error where its bucket is silent.

        Raises:
            CloudUnavailable: The bucket refuses.
        """
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        bucket, key = self._places[region]
        try:
            with asking(f"s3 ListObjectsV2 {bucket}"):
                # The key itself is the first of all that begin with it.
                answer = self._clients[region].list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        except CloudUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and _status(cause) < SERVER_ERRORS:
                raise
            return error
        return any(each["Key"] == key for each in cast("list[Mapping[str, str]]", answer.get("Contents", [])))

    def _delete(self, region: str) -> CloudUnavailable | None:
        bucket, key = self._places[region]
        try:
            with asking(f"s3 DeleteObject {bucket}"):
                self._clients[region].delete_object(Bucket=bucket, Key=key)
        except CloudUnavailable as error:
            return error
        return None


@final
class RoutingControlSwitch:
    """The form `routing_control`: a pair of controls that five regions keep, of which any one that answers will do.

    Both are set in one call, so that the safety rule (somebody serves) holds before and after it, and none is overridden.

    Args:
        positions: By the region that it switches off the routing control's ARN.
        endpoints: The cluster's five endpoint URLs by region: nobody can ask the control plane for them when it counts.
        make_client: Gives boto3's client of the cluster for a region and URL; default the user's own credentials.

    Raises:
        InvalidInput: There are not two regions or five endpoints, or a position is none.
    """

    __slots__ = ("_clients", "_controls", "_endpoints", "_make")

    def __init__(
        self,
        positions: Mapping[str, str],
        endpoints: Mapping[str, str],
        make_client: Callable[[str, str], Any] | None = None,
    ) -> None:
        self._controls: Final = {region: _control(region, arn) for region, arn in _two(positions).items()}
        if len(endpoints) != ENDPOINTS:
            raise InvalidInput("switch_endpoints", len(endpoints), allowed=f"the cluster's {ENDPOINTS}, by region")
        for region, url in endpoints.items():
            if not url.startswith("https://"):
                raise InvalidInput(f"switch_endpoints.{region}", url, allowed="a URL that begins with https://")
        self._endpoints: Final = dict(endpoints)
        self._make: Final = _cluster if make_client is None else make_client
        self._clients: Final[dict[str, Any]] = {}

    @property
    def where(self) -> str:
        """Each region and its control."""
        return ", ".join(f"{region} by {arn}" for region, arn in sorted(self._controls.items()))

    def look(self) -> SwitchLook:
        """How it stands, as the first endpoint that answers has it.

        Raises:
            CloudUnavailable: None does, or one refuses.
        """

        def states(endpoint: Any) -> dict[str, str]:
            return {
                region: str(endpoint.get_routing_control_state(RoutingControlArn=arn)["RoutingControlState"])
                for region, arn in sorted(self._controls.items())
            }

        found = self._ask("GetRoutingControlState", states, leaving=None)
        return _looked([region for region, state in found.items() if state == OFF], self._other, "")

    def region(self) -> str | None:
        """As `NameSwitch`; `None` also while both are off, as new controls are."""
        return self.look().region

    def force(self, region: str | None) -> None:
        """As `NameSwitch`: the endpoint of the region that is forced to is asked first, that of the other one last.

        Raises:
            InvalidInput: It is none of the two regions.
        """
        leaving = None if region is None else self._other(_one_of(region, self._controls))
        entries = [
            {"RoutingControlArn": arn, "RoutingControlState": OFF if each == leaving else ON}
            for each, arn in sorted(self._controls.items())
        ]

        def update(endpoint: Any) -> None:
            endpoint.update_routing_control_states(UpdateRoutingControlStateEntries=entries)

        self._ask("UpdateRoutingControlStates", update, leaving=leaving)

    def _other(self, region: str) -> str:
        return next(each for each in self._controls if each != region)

    def _ask(self, operation: str, question: Callable[[Any], T], *, leaving: str | None) -> T:
        """Ask the endpoints in turn; the last one's error when none answers."""
        to = None if leaving is None else self._other(leaving)
        order = sorted(self._endpoints, key=lambda each: (each == leaving, each != to, each))
        last: CloudUnavailable | None = None
        for region in order:
            try:
                with asking(f"{SERVICE} {operation} in {region}"):
                    return question(self._client(region))
            except CloudUnavailable as error:
                if code_of(cast("Exception", error.__cause__)) in REFUSED:
                    raise
                last = error
        raise cast("CloudUnavailable", last)

    def _client(self, region: str) -> Any:
        if region not in self._clients:
            self._clients[region] = self._make(region, self._endpoints[region])
        return self._clients[region]


def parse_switch(positions: object, endpoints: object = None) -> NameSwitch:
    """The switch that the settings say.

    Args:
        positions: Of `switch`: by the region that it switches off `s3://BUCKET/KEY`, or a routing control's ARN; of both
            regions, in one form.
        endpoints: Of `switch_endpoints`: with routing controls the cluster's five URLs by region, else `None`.

    Raises:
        InvalidInput: It is no such thing.
        CloudUnavailable: There are no credentials.
    """
    places = _texts("switch", positions)
    if any(place.startswith(S3) for place in places.values()):
        if endpoints is not None:
            raise InvalidInput("switch_endpoints", "given", allowed="only with routing controls")
        return ObjectSwitch(places)
    if endpoints is None:
        raise InvalidInput(
            "switch_endpoints",
            MISSING,
            allowed=f"the cluster's {ENDPOINTS}, by region, since nobody can ask for them later",
        )
    return RoutingControlSwitch(places, _texts("switch_endpoints", endpoints))


def _looked(off: list[str], other: Callable[[str], str], unseen: str) -> SwitchLook:
    if len(off) == SIDES:
        return SwitchLook(None, BOTH_OFF)
    if off:
        return SwitchLook(other(off[0]), f"{off[0]} is switched off{unseen}")
    return SwitchLook(None, f"nothing is switched off{unseen}")


def _two(positions: Mapping[str, str]) -> Mapping[str, str]:
    if len(positions) != SIDES:
        raise InvalidInput("switch", ", ".join(positions) or "none", allowed="the two regions that can be switched off")
    return positions


def _object(region: str, place: str) -> tuple[str, str]:
    bucket, _, key = place.removeprefix(S3).partition("/")
    if not place.startswith(S3) or not bucket or not key:
        raise InvalidInput(f"switch.{region}", place, allowed="s3://BUCKET/KEY, as the other region's")
    return bucket, key


def _control(region: str, arn: str) -> str:
    if CONTROL not in arn or "/routingcontrol/" not in arn:
        raise InvalidInput(f"switch.{region}", arn, allowed="s3://BUCKET/KEY, or a routing control's ARN")
    return arn


def _one_of(region: str, known: Mapping[str, object]) -> str:
    if region not in known:
        raise InvalidInput("region", region, allowed=f"one that the switch knows: {', '.join(sorted(known))}")
    return region


def _texts(name: str, given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise InvalidInput(name, given, allowed="a mapping by region")
    found = cast("dict[object, object]", given)
    for region, text in found.items():
        if not isinstance(region, str) or not isinstance(text, str):
            raise InvalidInput(f"{name}.{region}", text, allowed="a text")
    return cast("dict[str, str]", found)


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", SERVER_ERRORS))


def _s3(region: str) -> Any:
    return client("s3", region, connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS, attempts=OBJECT_ATTEMPTS)


def _cluster(region: str, url: str) -> Any:
    return client(
        SERVICE,
        region,
        connect_seconds=CONNECT_SECONDS,
        read_seconds=READ_SECONDS,
        attempts=ENDPOINT_ATTEMPTS,
        endpoint_url=url,
    )
