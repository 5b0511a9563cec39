"""Clients of AWS for operators' tools, and what AWS answers mapped onto Seawall's errors.

boto3 is imported when the first client is made, not before: `seawall --help` does not wait for it.
All clients are of one session. Each session of its own would read AWS's models again, 2 to 11 MiB of memory for each client,
and fetch credentials of its own. A session is not to be used by two threads at once, so clients are made one after the other;
once made, they are safe in all threads.
"""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, cast

from seawall.errors import CloudUnavailable, InvalidInput, SeawallError

__all__ = ["asking", "client", "code_of"]

# An operator waits at the terminal: a few tries with back-off, then the line that says what is wrong.
ATTEMPTS: Final = 5
CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0

_MAKING: Final = threading.Lock()


def client(
    service: str,
    region: str | None = None,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float = READ_SECONDS,
    attempts: int = ATTEMPTS,
    endpoint_url: str | None = None,
) -> Any:
    """A boto3 client with the user's own credentials; `AWS_ENDPOINT_URL` is followed, as boto3 does by itself.

    The profile and the credentials are those that this process had when it made its first client.

    Args:
        service: boto3's name of it, e.g. `route53`.
        region: An AWS region; default the user's own.
        connect_seconds: To wait for a connection, in each attempt.
        read_seconds: To wait for an answer, in each attempt.
        attempts: In all; 1: whoever asks decides what to do when there is no answer.
        endpoint_url: Where the service is asked, where that is no address that the SDK knows.

    Raises:
        InvalidInput: No region is known.
        CloudUnavailable: There is no such profile, or its files are broken.
    """
    from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
    from botocore.exceptions import NoRegionError  # pyright: ignore[reportMissingTypeStubs]

    config = Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    with asking(service), _MAKING:
        try:
            return _session().client(service, region_name=region, config=config, endpoint_url=endpoint_url)
        except NoRegionError:
            allowed = "an AWS region, or AWS_REGION set in the environment"
            raise InvalidInput("region", region, allowed=allowed) from None


@cache
def _session() -> Any:
    import boto3  # pyright: ignore[reportMissingTypeStubs]

    return cast("Any", boto3).session.Session()


@contextmanager
def asking(what: str) -> Generator[None]:
    """Whatever botocore raises inside becomes one line; errors of ours pass.

    Args:
        what: What is asked, e.g. `route53 ListResourceRecordSets`.

    Raises:
        CloudUnavailable: AWS refused, throttled or did not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # pyright: ignore[reportMissingTypeStubs]

    try:
        yield
    except SeawallError:
        raise
    except ClientError as error:
        details = cast("Mapping[str, Mapping[str, object]]", cast("Any", error).response).get("Error", {})
        because = f"{details.get('Code', 'error')}: {details.get('Message', '')}".rstrip(": ")
        raise CloudUnavailable(what, because) from error
    except BotoCoreError as error:
        raise CloudUnavailable(what, f"{type(error).__name__}: {error}") from error


def code_of(error: Exception) -> str:
    """The code of botocore's `ClientError`, e.g. `ConditionalCheckFailedException`; empty where it has none."""
    response = cast("Mapping[str, Mapping[str, object]]", getattr(error, "response", {}))
    return str(response.get("Error", {}).get("Code", ""))
