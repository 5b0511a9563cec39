"""A document is read by every app and kept in plain text: what looks like a secret is refused, and never shown."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from seawall.errors import InvalidInput

KEYS: Final = re.compile(
    r"password|passwd|passphrase|secret|token|credential|private.?key|api.?key|access.?key|authorization|pwd$",
    re.IGNORECASE,
)
TEXTS: Final = (
    (re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#]*@", re.IGNORECASE), "a URL with a user"),
    (re.compile(r"\b(password|passwd|pwd|secret|token|api_?key)\s*[=:]\s*\S", re.IGNORECASE), "a password"),
    (re.compile(r"\b(A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key"),
    (re.compile(r"x-amz-(signature|credential|security-token)=", re.IGNORECASE), "a signed URL"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."), "a JSON web token"),
)
BECAUSE: Final = "the document is public: let the app get secrets from its own secret store"


def refuse_secrets(name: str, value: object) -> None:
    """Look through a document, of any depth, for what looks like a secret.

    Raises:
        InvalidInput: A key or a text does. The line names where, and never shows what.
    """
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            where = f"{name}.{key}" if name else str(key)
            if KEYS.search(str(key)):
                raise InvalidInput(where, "(hidden)", allowed="no such key", because=BECAUSE)
            refuse_secrets(where, inner)
    elif isinstance(value, str):
        for pattern, what in TEXTS:
            if pattern.search(value):
                raise InvalidInput(name, "(hidden)", allowed=f"no text that looks like {what}", because=BECAUSE)
    elif isinstance(value, Sequence):
        for position, inner in enumerate(cast("Sequence[object]", value)):
            refuse_secrets(f"{name}[{position}]", inner)
