"""Where the documents are read from: files, text, SSM; and `load`, which reads and merges them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, final

from seawall.contract._documents import (
    DECLARED_KEY,
    ENVIRONMENT_VARIABLE,
    LIVE_KEY,
    LIVE_PATH_VARIABLE,
    LIVE_REGION_VARIABLE,
    LIVE_SOURCE_VARIABLE,
    SERVICE_VARIABLE,
    TOPOLOGY_PATH_VARIABLE,
    TOPOLOGY_VARIABLE,
)
from seawall.errors import MISSING, InvalidInput, TopologyUnavailable
from seawall.topology._checks import region
from seawall.topology._codec import LARGEST_TEXT_BYTES, parse, parse_live
from seawall.topology._ssm import SsmParameters
from seawall.topology._view import Effective, merge

SSM: Final = "ssm"
REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")  # the first is set by EKS, ECS and Lambda


@dataclass(frozen=True, slots=True)
class Texts:
    """What one reading found.

    Args:
        declared: The declared document, unparsed.
        live: The live document, unparsed; `None` while there is none.
        doubt: Why `live` is a copy that may be behind, in one line; `None`: it is the document that counts. Roles are
            taken from a copy, too; a lease is never renewed by one.
    """

    declared: str
    live: str | None = None
    doubt: str | None = None


class TopologySource(Protocol):
    """Anything that documents are read from. `read` may be called from any thread, and must not block for long."""

    def read(self) -> Texts:
        """Read both documents, anew.

        Raises:
            TopologyUnavailable: They cannot be read now.
        """
        ...


@final
class FileSource:
    """Documents in files, e.g. a mounted ConfigMap.

    Mount the ConfigMap as a folder: Kubernetes never updates a file that is mounted by `subPath`.

    Args:
        path: The declared document, or the folder that holds it as `topology.json`.
        live_path: The live document; by default `live.json` in that folder. It need not exist: then there is none.
    """

    __slots__ = ("_live", "_path")

    def __init__(self, path: str | os.PathLike[str], live_path: str | os.PathLike[str] | None = None) -> None:
        self._path = Path(path)
        self._live = Path(live_path) if live_path is not None else None

    def read(self) -> Texts:
        """Read the files.

        Raises:
            TopologyUnavailable: The declared document cannot be read, or the live one is there but cannot be.
        """
        folder = self._path.is_dir()
        declared = self._path / DECLARED_KEY if folder else self._path
        live = self._live or (self._path / LIVE_KEY if folder else None)
        text = _text_of(declared)
        if text is None:
            raise TopologyUnavailable(f"file {declared}", "there is no such file")
        return Texts(text, _text_of(live) if live is not None else None)

    def __repr__(self) -> str:
        return f"FileSource({str(self._path)!r})"


@final
class TextSource:
    """Documents that are given as text, e.g. in an environment variable. They never change.

    Args:
        declared: The declared document, as JSON.
        live: The live document, as JSON.
    """

    __slots__ = ("_texts",)

    def __init__(self, declared: str, live: str | None = None) -> None:
        self._texts = Texts(declared, live)

    def read(self) -> Texts:
        """The texts, as given."""
        return self._texts

    def __repr__(self) -> str:
        return "TextSource()"


@final
class SsmSource:
    """Documents in SSM parameters of one region; both are read in one request. Needs the extra `aws`.

    The app's role needs `ssm:GetParameters` on both. A client of its own is made on the first reading and again after a
    fork; it gives up after a second attempt, so that a job of a worker does not block for long.

    Args:
        service: Name of the service.
        environment: Name of the environment.
        region: The app's own region; by default `AWS_REGION`, then `AWS_DEFAULT_REGION`, then what boto3 finds.
        client: A boto3 `ssm` client to use instead, e.g. with other time-outs.

    Raises:
        InvalidInput: `service` or `environment` is no such name.
    """

    __slots__ = ("_parameters",)

    def __init__(
        self, service: str, environment: str, *, region: str | None = None, client: object | None = None
    ) -> None:
        self._parameters = SsmParameters(service, environment, region=region, client=client)

    def read(self) -> Texts:
        """Read both parameters.

        Raises:
            TopologyUnavailable: SSM does not answer, refuses, throttles, or has no declared document.
            MissingExtra: boto3 is not installed.
            InvalidInput: No region is known.
        """
        declared, live = self._parameters.read()
        if declared is None:
            raise TopologyUnavailable(self._parameters.where, "there is no such parameter")
        return Texts(declared, live)

    def read_live(self) -> str | None:
        """Read the live document alone; it may be there without a declared one.

        Raises:
            TopologyUnavailable: SSM does not answer, refuses or throttles.
            MissingExtra: boto3 is not installed.
            InvalidInput: No region is known.
        """
        return self._parameters.read_live()

    @property
    def live_region(self) -> str | None:
        """The region that both documents are read from; `None` while only boto3 would know it."""
        return self._parameters.region

    def __repr__(self) -> str:
        return f"SsmSource({self._parameters.where!r})"


@final
class LiveFromSsm:
    """The declared document from one source, the live one from SSM: a ConfigMap knows nothing of a failover.

    Args:
        declared: Where the declared document is read from.
        live: Where the live one that counts is, e.g. in a region outside of what may fail over.
        copy: Where a copy of it is that is read while `live` does not answer: roles are known then, and an app can start,
            but such a reading has a `doubt` and renews no lease. `None`: nothing is read instead.
    """

    __slots__ = ("_copy", "_declared", "_live")

    def __init__(self, declared: TopologySource, live: SsmSource, copy: SsmSource | None = None) -> None:
        self._declared = declared
        self._live = live
        self._copy = copy

    def read(self) -> Texts:
        """Read both.

        Raises:
            TopologyUnavailable: One of the two cannot be read, nor a copy. Roles are not guessed from the declared one alone.
        """
        declared = self._declared.read().declared
        try:
            return Texts(declared, self._live.read_live())
        except TopologyUnavailable as error:
            if self._copy is None:
                raise
            return Texts(declared, self._copy.read_live(), doubt=str(error))

    @property
    def live_region(self) -> str | None:
        """The region whose live document counts; `None` while only boto3 would know it."""
        return self._live.live_region

    def __repr__(self) -> str:
        copy = "" if self._copy is None else f", copy={self._copy!r}"
        return f"LiveFromSsm({self._declared!r}, {self._live!r}{copy})"


def default_source(environ: Mapping[str, str] | None = None) -> TopologySource:
    """The source that the environment variables name. The first that is set counts, in this order:

    1. `SEAWALL_TOPOLOGY_PATH`: a file, or a folder with `topology.json` and perhaps `live.json`.
    2. `SEAWALL_TOPOLOGY`: the declared document itself.
    3. `SEAWALL_SERVICE` and `SEAWALL_ENVIRONMENT`: SSM, in the app's own region.

    The live document comes from the same place, unless `SEAWALL_LIVE_PATH` names a file (with 1), or
    `SEAWALL_LIVE_SOURCE` is `ssm` (with 1 and 2; `SEAWALL_SERVICE` and `SEAWALL_ENVIRONMENT` say which).

    From SSM it comes from the app's own region, unless `SEAWALL_LIVE_REGION` names the one whose document counts: outside
    of what may fail over. Then it is read there, in a request of its own, and its copy in the own region only while that
    region does not answer; see `Texts.doubt`.

    Args:
        environ: The variables; by default the process's.

    Raises:
        InvalidInput: None is set, or one has a value that is not allowed.
    """
    variables = os.environ if environ is None else environ
    path, text = variables.get(TOPOLOGY_PATH_VARIABLE), variables.get(TOPOLOGY_VARIABLE)
    live_path, live_source = variables.get(LIVE_PATH_VARIABLE), variables.get(LIVE_SOURCE_VARIABLE)
    if live_source not in (None, "", SSM):
        raise InvalidInput(LIVE_SOURCE_VARIABLE, live_source, allowed=f"{SSM}, or not set")
    if live_path and (live_source or not path):
        raise InvalidInput(
            LIVE_PATH_VARIABLE,
            live_path,
            allowed=f"only beside {TOPOLOGY_PATH_VARIABLE}, without {LIVE_SOURCE_VARIABLE}",
        )
    live_region = variables.get(LIVE_REGION_VARIABLE) or None
    if live_region and (path or text) and not live_source:
        raise InvalidInput(
            LIVE_REGION_VARIABLE,
            live_region,
            allowed=f"only where the live document is in SSM: with {LIVE_SOURCE_VARIABLE} = {SSM}",
        )
    given: TopologySource | None = None  # beside the live document
    if path:
        given = FileSource(path, live_path or None)
    elif text:
        given = TextSource(text)
    if given is not None and not live_source:
        return given
    own, arbiter = _ssm_source(variables), _arbiter(variables, live_region)
    if arbiter is not None:
        return LiveFromSsm(given or own, arbiter, own)
    return own if given is None else LiveFromSsm(given, own)


def load(source: TopologySource | None = None) -> Effective:
    """Read both documents and merge them: who is the primary and who writes, now.

    To follow changes while the app runs: `seawall.watch.TopologyWatch`.

    Args:
        source: Where to read; by default what the environment variables name, see `default_source`.

    Raises:
        TopologyUnavailable: The documents cannot be read now.
        InvalidInput: A document is broken, the two contradict each other, or no source is named.
        MissingExtra: They are in SSM, and boto3 is not installed.
    """
    return view_of((source or default_source()).read())


def view_of(texts: Texts) -> Effective:
    """The view of what one reading found.

    Raises:
        InvalidInput: A document is broken, or the two contradict each other.
    """
    return merge(parse(texts.declared), parse_live(texts.live) if texts.live is not None else None)


async def aload(source: TopologySource | None = None) -> Effective:
    """As `load`, on asyncio: reads in a thread, so that the event loop goes on.

    On trio, give `load` to its own `trio.to_thread.run_sync`.

    Raises:
        TopologyUnavailable: The documents cannot be read now.
        InvalidInput: A document is broken, the two contradict each other, or no source is named.
        MissingExtra: They are in SSM, and boto3 is not installed.
    """
    import asyncio  # 30 ms, which sync apps need not pay

    return await asyncio.to_thread(load, source)


def _arbiter(variables: Mapping[str, str], live_region: str | None) -> SsmSource | None:
    """Where the live document that counts is; `None`: in the app's own region, which one request suffices for."""
    if live_region is None or region(LIVE_REGION_VARIABLE, live_region) == own_region(variables):
        return None
    return _ssm_source(variables, live_region)


def _ssm_source(variables: Mapping[str, str], of: str | None = None) -> SsmSource:
    service, environment = variables.get(SERVICE_VARIABLE), variables.get(ENVIRONMENT_VARIABLE)
    if not service or not environment:
        name = SERVICE_VARIABLE if not service else ENVIRONMENT_VARIABLE
        raise InvalidInput(
            name,
            MISSING,
            allowed=f"{TOPOLOGY_PATH_VARIABLE}, {TOPOLOGY_VARIABLE}, or {SERVICE_VARIABLE} and {ENVIRONMENT_VARIABLE}",
            because="the topology is read from where these variables say",
        )
    return SsmSource(service, environment, region=of or own_region(variables))


def own_region(variables: Mapping[str, str] | None = None) -> str | None:
    """The region that the environment says this app runs in, or `None`."""
    found = os.environ if variables is None else variables
    return next((found[name] for name in REGION_VARIABLES if found.get(name)), None)


def _text_of(path: Path) -> str | None:
    """A file's text; `None` when there is no such file."""
    try:
        with path.open("rb") as file:
            # One byte more than allowed is enough for the parser to refuse it; a wrong path may name a huge file.
            return file.read(LARGEST_TEXT_BYTES + 1).decode()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise TopologyUnavailable(f"file {path}", reason) from error
