"""Texts for the record: drivers put whole connection strings into their errors, and a record is kept for years."""

import re
from typing import Final

from seawall.errors import InvalidInput
from seawall.topology import refuse_secrets

__all__ = ["scrubbed"]

HIDDEN: Final = "(hidden)"
LONGEST_TEXT: Final = 2000  # characters of one text; an error's first lines say what is wrong
_IN_URL: Final = re.compile(r"(?<=://)[^/\s?#@]*@")
_ASSIGNED: Final = re.compile(
    r"(?i)(\b(?:password|passwd|pwd|passphrase|secret|token|api[-_]?key|x-amz-\w+|authorization)[\"']?\s*[=:]\s*)"
    r"(?:(?:bearer|basic)\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"')]+)"
)


def scrubbed(text: str) -> str:
    """The text without what looks like a secret, at most 2000 characters.

    Users in URLs and values of passwords are cut out; where `seawall.topology` would refuse what is left, all of it is.
    """
    text = _ASSIGNED.sub(HIDDEN, _IN_URL.sub("", text))
    text = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
    try:
        refuse_secrets("text", text)
    except InvalidInput as refusal:
        return f"{HIDDEN}: {refusal.allowed}"
    return text
