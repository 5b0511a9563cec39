"""Tokens on their way through a client: signed, so that nobody makes the servers wait for a position of their own making."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NoReturn, final

from seawall._numbers import number
from seawall.errors import CannotPickle, InvalidInput
from seawall.replicas._tokens import MOST_POSITIONS, ConsistencyToken, TimeToken, Token

__all__ = ["TokenSigner"]

SHORTEST_KEY_BYTES: Final = 16
MAC_BYTES: Final = 16  # half of SHA-256: 2**-128 to guess one, and a cookie stays short
LONGEST_TEXT: Final = 400  # characters; what `dump` makes has at most 340
CONTEXT: Final = b"seawall consistency token 1\0"  # the same key may sign other things
CLOCK_SKEW_SECONDS: Final = 60.0  # a text from the future by more than this was not written by our servers

_TEXT: Final = re.compile(r"1\.([0-9a-f]{1,12})\.([0-9a-f_-]*)\.([0-9a-f]{0,16})\.([A-Za-z0-9_-]{22})", re.ASCII)
_MICROSECONDS: Final = 1_000_000


@final
class TokenSigner:
    """Writes tokens as a text for a cookie, a header or a job's arguments, and reads it back.

    Args:
        keys: One secret of at least 16 bytes, or several: the first signs, all are accepted, so that keys can be changed.
        max_age_seconds: Older texts are no tokens. Longer than the longest lag that you let replicas have.
        now: The wall clock, in seconds since the epoch.

    Raises:
        InvalidInput: no key, a short one, or an age that is not above 0.
    """

    __slots__ = ("_keys", "_now", "max_age_seconds")

    def __init__(
        self, keys: bytes | Sequence[bytes], *, max_age_seconds: float = 300.0, now: Callable[[], float] = time.time
    ) -> None:
        each = (keys,) if isinstance(keys, bytes) else tuple(keys)
        if not each or any(len(key) < SHORTEST_KEY_BYTES for key in each):
            shown = [f"{len(key)} bytes" for key in each]  # never the key itself
            raise InvalidInput("keys", shown, allowed=f"one or more of at least {SHORTEST_KEY_BYTES} bytes each")
        number("max_age_seconds", max_age_seconds, above=0.0)
        self._keys: Final = each
        self._now: Final = now
        self.max_age_seconds: Final = max_age_seconds

    def dump(self, tokens: Iterable[Token]) -> str:
        """The tokens as a text of `A-Za-z0-9._-`; empty when there are none."""
        positions: list[str] = []
        moment = ""
        for token in tokens:
            if isinstance(token, TimeToken):
                moment = f"{round(token.at_seconds * _MICROSECONDS):x}"
            else:
                positions.append(f"{token.system_id:x}-{token.timeline:x}-{token.lsn:x}")
        if not positions and not moment:
            return ""
        text = f"1.{int(self._now()):x}.{'_'.join(positions[-MOST_POSITIONS:])}.{moment}"
        return f"{text}.{_mac(self._keys[0], text)}"

    def load(self, text: str) -> tuple[Token, ...] | None:
        """The tokens; `None` for what is not signed by one of the keys, too old, or no such text. Never raises."""
        found = _TEXT.fullmatch(text) if len(text) <= LONGEST_TEXT else None
        if found is None:
            return None
        signed = text[: found.start(4) - 1]
        if not any(hmac.compare_digest(_mac(key, signed), found[4]) for key in self._keys):
            return None
        age = self._now() - int(found[1], 16)
        if not -CLOCK_SKEW_SECONDS <= age <= self.max_age_seconds:
            return None
        try:
            positions = [tuple(int(part, 16) for part in one.split("-")) for one in found[2].split("_") if one]
            tokens: list[Token] = [ConsistencyToken(*numbers) for numbers in positions]
            if found[3]:
                tokens.append(TimeToken(int(found[3], 16) / _MICROSECONDS))
        except (ValueError, TypeError):  # signed with our key, but not by this code
            return None
        return tuple(tokens)

    def __repr__(self) -> str:
        return f"<TokenSigner with {len(self._keys)} keys>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a TokenSigner")  # the keys would go with it


def _mac(key: bytes, text: str) -> str:
    digest = hmac.new(key, CONTEXT + text.encode(), hashlib.sha256).digest()[:MAC_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
