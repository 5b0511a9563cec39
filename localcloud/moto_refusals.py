"""What moto does not know: one clear error, in the protocol the caller speaks, that names service and operation.

Without this a service that moto has no backend for is an internal server error, which botocore retries for a while, and
an operation that a backend lacks answers with a page of HTML.
"""

import json
from collections.abc import Iterable
from typing import Any, Final
from xml.sax.saxutils import escape

CODE: Final = "NotInTheLocalCloud"
XML_SERVICES: Final = (
    "route53",
    "cloudfront",
    "s3",
    "s3-outposts",
)  # GETs without a content type get XML here, else JSON
STATUS: Final = "501 Not Implemented"  # botocore retries 500, 502, 503 and 504, not this


class Refusals:
    """WSGI middleware around moto's dispatcher.

    Args:
        dispatcher: A `DomainDispatcherApplication`.
    """

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher: Final = dispatcher

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        service = service_of(environ)
        if service is not None and self._unknown(environ):
            return refuse(environ, start_response, f"{service} is not in the local cloud: moto has no such service")
        if service in (None, "s3"):  # unsigned, or objects whose own content may be a page
            return self._dispatcher(environ, start_response)
        answer = _Answer()
        try:
            body = self._dispatcher(environ, answer)
        except NotImplementedError as error:
            operation = str(error).removeprefix("The ").removesuffix(" action has not been implemented")
            return refuse(environ, start_response, f"{service} {operation} is not in the local cloud: moto lacks it")
        if answer.is_a_page:
            _close(body)
            what = f"{service} {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            return refuse(environ, start_response, f"{what} is not in the local cloud: moto lacks it")
        start_response(*answer.arguments)
        return body

    def _unknown(self, environ: dict[str, Any]) -> bool:
        """Whether moto has no backend for it. (Where it can tell nothing it takes the call for one of S3.)"""
        host = self._dispatcher.infer_service_region_host(environ, environ.get("PATH_INFO", ""))
        return host is not None and not self._dispatcher.get_backend_for_host(host)


class _Answer:
    """A `start_response` that waits, so that the answer can still be exchanged."""

    def __init__(self) -> None:
        self.arguments: tuple[Any, ...] = ()

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.arguments = (status, headers) if exc_info is None else (status, headers, exc_info)

    @property
    def is_a_page(self) -> bool:
        """Flask's own 404, or moto's: no AWS service answers with one."""
        if not self.arguments or not self.arguments[0].startswith("404"):
            return False
        kinds = [value for name, value in self.arguments[1] if name.lower() == "content-type"]
        return any(kind.startswith(("text/html", "text/plain")) for kind in kinds)


def service_of(environ: dict[str, Any]) -> str | None:
    """The service that a signed request names in its credential scope."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    return scope[3] if len(scope) == len(("key", "date", "region", "service", "aws4_request")) else None


def _close(body: Any) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def refuse(environ: dict[str, Any], start_response: Any, message: str) -> Iterable[bytes]:
    """Answer with the error, as CBOR, XML or JSON: whichever the request came in."""
    content_type = environ.get("CONTENT_TYPE", "")
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        body = b"\xa2" + b"".join(_cbor_text(text) for text in ("__type", CODE, "message", message))
    elif "x-www-form-urlencoded" in content_type or "xml" in content_type or service_of(environ) in XML_SERVICES:
        headers = [("Content-Type", "text/xml")]
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{CODE}</Code><Message>{escape(message)}</Message></Error>"
            "<RequestId>local</RequestId></ErrorResponse>"
        ).encode()
    else:
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", CODE)]
        body = json.dumps({"__type": CODE, "message": message}).encode()
    start_response(STATUS, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _cbor_text(text: str) -> bytes:
    """A text string of RFC 8949: major type 3 with a two-byte length."""
    encoded = text.encode()
    return b"\x79" + len(encoded).to_bytes(2, "big") + encoded
