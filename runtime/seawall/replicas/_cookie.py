"""The cookie that carries tokens from one request to the next: how it is written, and found again. Pure.

Source of the rules: RFC 6265 (names, values, several cookies of one name), and its successor's draft for `SameSite` and
the `__Host-` and `__Secure-` prefixes, which browsers have enforced for years.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final

from seawall.errors import InvalidInput

__all__ = ["SameSite", "TokenCookie"]

SameSite: TypeAlias = Literal["lax", "strict", "none"]

NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110
PATH: Final = re.compile(r"/[\x21-\x3a\x3c-\x7e]*")  # printable, and no `;`, which would begin another attribute
MOST_OF_ONE_NAME: Final = (
    4  # cookies with our name that are looked at: one per path is plausible, hundreds are an attack
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCookie:
    """A cookie's name and attributes. It is `HttpOnly` always: no script has to read it.

    Raises:
        InvalidInput: a browser would refuse such a cookie, or take it for another one.
    """

    name: str
    path: str
    max_age_seconds: int
    secure: bool
    """Whether it is sent over TLS only."""
    same_site: SameSite

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InvalidInput("cookie", self.name, allowed="letters, digits and !#$%&'*+.^_`|~-, at least one")
        if not PATH.fullmatch(self.path):
            raise InvalidInput("cookie_path", self.path, allowed="a path that begins with / and has no ;")
        if self.same_site not in ("lax", "strict", "none"):
            raise InvalidInput("same_site", self.same_site, allowed="lax, strict or none")
        if self.same_site == "none" and not self.secure:
            raise InvalidInput("secure", False, allowed="True", because="browsers drop SameSite=None without Secure")
        if self.name.startswith(("__Host-", "__Secure-")) and not self.secure:
            raise InvalidInput("secure", False, allowed="True", because=f"the name {self.name} promises it")
        if self.name.startswith("__Host-") and self.path != "/":
            raise InvalidInput("cookie_path", self.path, allowed="/", because=f"the name {self.name} promises it")

    def line(self, value: str) -> str:
        """The value of a `Set-Cookie` header; an empty value takes the cookie away."""
        age = self.max_age_seconds if value else 0
        secure = "; Secure" if self.secure else ""
        return (
            f"{self.name}={value}; Path={self.path}; Max-Age={age}; HttpOnly{secure}"
            f"; SameSite={self.same_site.capitalize()}"
        )

    def values_in(self, header: str) -> list[str]:
        """What a `Cookie` header holds under our name: the most specific path first, as browsers send them."""
        found: list[str] = []
        for part in header.split(";"):
            name, separator, value = part.partition("=")
            if separator and name.strip() == self.name:
                found.append(value.strip().strip('"'))
        return found[:MOST_OF_ONE_NAME]
