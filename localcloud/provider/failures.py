"""Errors as one line each: no traceback, and no value that a request carried."""

import re
from collections.abc import Collection
from typing import Final

from seawall.errors import SeawallError

LONGEST_LINE: Final = 600  # characters
_NAMES: Final = re.compile(r'parameter (?P<path>[\w.\[\]]+)|(?:parameter|input)[^:"]*: "(?P<name>\w+)"')


def one_line(error: BaseException) -> str:
    """What went wrong, for a person who runs `pulumi up`."""
    if isinstance(error, SeawallError):
        return _line(str(error))
    from botocore import exceptions as botocore

    if isinstance(error, botocore.ParamValidationError):
        return f"the request does not fit the API: {_parameter_names(str(error))}"
    if isinstance(error, botocore.ClientError):
        details = error.response.get("Error", {})
        return _line(f"{error.operation_name}: {details.get('Code', 'Error')}: {details.get('Message', '')}")
    if isinstance(error, botocore.ConnectionError | botocore.HTTPClientError):
        return "the local cloud does not answer: run `make dev`"
    return _line(f"{type(error).__name__}: {error}")


def is_absent(error: BaseException, codes: Collection[str]) -> bool:
    """Whether the service says, by one of these codes, that there is no such object."""
    from botocore.exceptions import ClientError

    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in codes


def _parameter_names(report: str) -> str:
    """Only the names of the parameters in botocore's report: it prints their values too, and they may be secrets."""
    names = sorted({match["path"] or match["name"] for match in _NAMES.finditer(report)})
    return ", ".join(names) if names else "a parameter is missing or of the wrong type"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
