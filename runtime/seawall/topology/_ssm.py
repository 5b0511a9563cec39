"""Both documents from SSM Parameter Store, in one request. boto3 is imported on the first reading, not before."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast, final

from seawall.contract._documents import declared_parameter, live_parameter
from seawall.errors import InvalidInput, MissingExtra, SeawallError, TopologyUnavailable

# A region's parameters are throttled together (40 requests a second, SSM's default), so a reader asks once for both, and
# once more at most: the watch that calls it waits longer, with jitter, after each failure.
ATTEMPTS: Final = 2
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 2.0

GetParameters = Callable[..., Mapping[str, Any]]


@final
class SsmParameters:
    """The two parameters of one service and environment.

    Raises:
        InvalidInput: `service` or `environment` is no such name.
    """

    __slots__ = ("_client", "_given", "_names", "_pid", "_region")

    def __init__(self, service: str, environment: str, *, region: str | None, client: object | None) -> None:
        self._names: Final = (declared_parameter(service, environment), live_parameter(service, environment))
        self._region: Final = region
        self._given: Final = client
        self._client: object | None = None
        self._pid = 0

    @property
    def region(self) -> str | None:
        """The region that is asked; `None` while nobody knows, which is until the first reading where boto3 finds it."""
        client = self._given if self._given is not None else self._client
        found: object = getattr(getattr(client, "meta", None), "region_name", self._region)
        return found if isinstance(found, str) else self._region

    @property
    def where(self) -> str:
        """Where the declared document is kept, for messages."""
        return f"ssm {self._region or '(default region)'} {self._names[0]}"

    def read(self) -> tuple[str | None, str | None]:
        """The declared and the live document, unparsed; `None` for a parameter that does not exist.

        Raises:
            TopologyUnavailable: SSM does not answer, refuses or throttles.
            MissingExtra: boto3 is not installed.
            InvalidInput: No region is known.
        """
        found = self._read(self._names)
        return found.get(self._names[0]), found.get(self._names[1])

    def read_live(self) -> str | None:
        """The live document alone, unparsed: where only it is kept, an app may be allowed to read only it.

        Raises:
            As `read`.
        """
        return self._read(self._names[1:]).get(self._names[1])

    def _read(self, names: Sequence[str]) -> dict[str, str]:
        try:
            answer = _get_parameters(self._connected(), names)
        except SeawallError:
            raise
        except Exception as error:
            # botocore's own tree, or what an HTTP library beneath it lets through; making a client looks for credentials.
            raise TopologyUnavailable(self.where, _reason(error)) from error
        return {
            cast("str", each["Name"]): cast("str", each["Value"])
            for each in cast("Sequence[Mapping[str, object]]", answer["Parameters"])
        }

    def _connected(self) -> object:
        if self._given is not None:
            return self._given
        if self._client is None or self._pid != os.getpid():  # a forked child must not share its parent's connections
            self._client = _new_client(self._region)
            self._pid = os.getpid()
        return self._client


def _get_parameters(client: object, names: Sequence[str]) -> Mapping[str, Any]:
    get = cast("GetParameters", getattr(client, "get_parameters"))  # noqa: B009 - boto3 makes it at run time
    return get(Names=list(names))


def _new_client(region: str | None) -> object:
    try:
        import boto3  # pyright: ignore[reportMissingTypeStubs]
        from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
        from botocore.exceptions import NoRegionError  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise MissingExtra("aws", feature="reading the topology from SSM") from error
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    try:
        # A session of its own: boto3's default one is shared with the app, and must not be used by two threads at once.
        return cast("Any", boto3).session.Session().client("ssm", region_name=region, config=config)
    except NoRegionError:
        raise InvalidInput("region", region, allowed="an AWS region, or AWS_REGION set in the environment") from None


def _reason(error: Exception) -> str:
    """One line without what a service may have put in its message beyond that: its own code, or the error's kind."""
    response: object = getattr(error, "response", None)
    if isinstance(response, Mapping):
        details = cast("Mapping[str, Mapping[str, object]]", response).get("Error", {})
        return f"{details.get('Code', 'error')}: {details.get('Message', '')}".rstrip(": ")
    return f"{type(error).__name__}: {error}"
