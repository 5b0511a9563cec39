"""What may stand in a document's fields. Each check answers the value, or raises one line that names the field."""

import math
import re
from typing import Final
from urllib.parse import urlsplit

from seawall.errors import InvalidInput

REGION: Final = re.compile(
    r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}"
)  # the shape, not a list: an app outlives its list of regions
NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
HOST: Final = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")  # RDS: at most 63, a letter first
SCHEMES: Final = ("http", "https")
LONGEST_URL: Final = 2048  # characters; a parameter holds 8 KB in all
HIDDEN: Final = "(hidden)"
HIGHEST_PORT: Final = 65535
LARGEST_EPOCH: Final = 2**53 - 1  # the largest whole number that every JSON reader keeps exactly


def named(name: str, value: object) -> str:
    """The name of an endpoint or a member: 1 to 63 letters, digits, `.`, `_` and `-`.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise InvalidInput(
            name, value, allowed="1 to 63 letters, digits, `.`, `_` and `-`, a letter or digit at each end"
        )
    return value


def region(name: str, value: object) -> str:
    """An AWS region by its shape, e.g. `eu-west-1`.

    Raises:
        InvalidInput: It has another shape.
    """
    if not isinstance(value, str) or not REGION.fullmatch(value):
        raise InvalidInput(name, value, allowed="an AWS region, e.g. eu-west-1")
    return value


def host(name: str, value: object) -> str:
    """A host's name or IPv4 address, without scheme, port and user.

    Raises:
        InvalidInput: It is not; a value that might carry credentials is not shown.
    """
    if not isinstance(value, str) or not HOST.fullmatch(value):
        raise InvalidInput(
            name, HIDDEN if "@" in str(value) else value, allowed="a host's name, without scheme, port and user"
        )
    return value


def identifier(name: str, value: object) -> str:
    """An RDS instance's identifier.

    Raises:
        InvalidInput: It is too long, begins with no letter, ends in a hyphen or has two in a row.
    """
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value) or value.endswith("-") or "--" in value:
        raise InvalidInput(
            name, value, allowed="1 to 63 letters, digits and single hyphens, a letter first, no hyphen last"
        )
    return value


def url(name: str, value: object) -> str:
    """An absolute http(s) URL without user, password and fragment.

    Raises:
        InvalidInput: It is not; a URL with credentials is not shown.
    """
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise InvalidInput(name, value, allowed="a URL")
    if len(value) > LONGEST_URL:
        raise InvalidInput(name, value, allowed=f"at most {LONGEST_URL} characters")
    try:
        parts = urlsplit(value)
        host_name, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput(name, HIDDEN if "@" in value else value, allowed="a URL") from None
    if "@" in parts.netloc:
        raise InvalidInput(
            name, HIDDEN, allowed="a URL without user and password", because="the document is no place for a secret"
        )
    if parts.scheme not in SCHEMES or not host_name or parts.fragment:
        raise InvalidInput(name, value, allowed="an absolute http or https URL without a fragment")
    return value


def line(name: str, value: object, longest: int) -> str:
    """One printable line.

    Raises:
        InvalidInput: It is empty, too long or has control characters.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
        raise InvalidInput(name, value, allowed=f"one line of 1 to {longest} characters")
    return value


def whole(name: str, value: object, lowest: int, highest: int) -> int:
    """A whole number; JSON writers of other languages may send 10 as 10.0.

    Raises:
        InvalidInput: It is not.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise InvalidInput(name, value, allowed=f"a whole number, {lowest} to {highest}")
    return value


def number(name: str, value: object, lowest: float, highest: float = math.inf, *, open_: bool = False) -> float:
    """A finite number within limits; with `open_`, above the lowest and not equal to it.

    Raises:
        InvalidInput: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidInput(name, value, allowed="a finite number")
    if value > highest or value < lowest or (open_ and value == lowest):
        bound = f"{'above' if open_ else 'at least'} {lowest:g}"
        raise InvalidInput(name, value, allowed=bound if highest == math.inf else f"{bound} and at most {highest:g}")
    return value
