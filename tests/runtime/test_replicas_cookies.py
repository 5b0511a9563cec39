"""The cookie that carries a request's tokens: what is refused, and how its line is written."""

from typing import Any, Literal

import pytest
from starlette.responses import PlainTextResponse

from seawall.errors import InvalidInput
from seawall.replicas._cookie import TokenCookie
from seawall.replicas._middleware import ConsistencyMiddleware
from seawall.replicas._signer import TokenSigner

SIGNER = TokenSigner(b"0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"cookie": None}, "cookie = None"),
        ({"cookie": "a b"}, "cookie = a b"),
        ({"cookie": ""}, "cookie = ''"),
        ({"cookie_path": "shop"}, "cookie_path = shop"),
        ({"cookie_path": "/;Domain=x"}, "cookie_path = /;Domain=x"),
        ({"same_site": "None"}, "same_site = None"),
        ({"same_site": "none", "secure": False}, "secure = False: True, because browsers drop SameSite=None"),
        ({"cookie": "__Host-x", "secure": False}, "secure = False: True, because the name __Host-x promises it"),
        ({"cookie": "__Secure-x", "secure": False}, "secure = False"),
        ({"cookie": "__Host-x", "cookie_path": "/shop"}, "cookie_path = /shop"),
        ({"header": "X Y"}, "header = X Y"),
        ({"start_on_writer_for": "POST"}, "start_on_writer_for = POST"),
    ],
)
def test_what_browsers_would_refuse_is_refused_in_one_line(given: dict[str, Any], line: str):
    """A cookie that silently never comes back is a stale read that nobody can explain."""
    with pytest.raises(InvalidInput) as caught:
        ConsistencyMiddleware(PlainTextResponse("ok"), **{"signer": SIGNER, **given})
    assert str(caught.value).startswith(line)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("same_site", ["lax", "strict", "none"])
def test_a_cookies_line_is_what_the_standard_librarys_parser_reads(same_site: Literal["lax", "strict", "none"]):
    """The line is written by hand; a parser that is not ours reads the same from it."""
    from http.cookies import SimpleCookie

    cookie = TokenCookie(name="a", path="/x", max_age_seconds=9, secure=True, same_site=same_site)
    morsel = SimpleCookie(cookie.line("v1.abc"))["a"]
    assert (morsel.value, morsel["path"], morsel["max-age"], morsel["secure"], morsel["httponly"]) == (
        "v1.abc",
        "/x",
        "9",
        True,
        True,
    )
    assert morsel["samesite"].lower() == same_site
    assert cookie.values_in('b=2;a="v1.abc" ; a=2') == ["v1.abc", "2"]
