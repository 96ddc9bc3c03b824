"""The authorization response in a redirect, and what users paste instead of its URL."""

from urllib.parse import urlencode

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.errors import PastedUrlError
from cognito_jupyter.oauth.authorization_response import AuthorizationResponse, parse_pasted_url, parse_query

CODE, STATE = "8d8b5fb2-8e3a-4d6f", "st4te-abc_DEF"
QUERY = f"code={CODE}&state={STATE}"
DOMAIN = "https://x.auth.us-east-1.amazoncognito.com"
URL = f"http://localhost:3000/?{QUERY}"
EXPECTED = AuthorizationResponse(CODE, None, None, STATE)


@pytest.mark.parametrize(
    "pasted",
    [
        URL,
        QUERY,
        f"?{QUERY}",
        f"  {URL}\n",
        f'"{URL}"',
        f"'{URL}'",
        f"`{URL}`",
        f"<{URL}>",
        URL.removeprefix("http://"),
        URL.replace("&", "&amp;"),
        URL[:40] + "\n" + URL[40:],
        URL[:30] + "\r\n    " + URL[30:],
        f"{URL}#",
        f"https://hub.example/user/ann/proxy/3000/?redirects=1&{QUERY}",
    ],
)
def test_every_way_to_copy_the_url_is_understood(pasted: str) -> None:
    """The whole URL or its query, with the changes that mail, chat and terminals make."""
    assert parse_pasted_url(pasted) == EXPECTED


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        ("", "Nothing was pasted"),
        ("   \n", "Nothing was pasted"),
        (CODE, "only a code"),
        ("https://x.auth.us-east-1.amazoncognito.com/login?client_id=a&state=b", "sign-in page"),
        ("https://x.auth.us-east-1.amazoncognito.com/oauth2/authorize?client_id=a", "sign-in page"),
        (f"{DOMAIN}/error?error=redirect_mismatch&client_id=a", r"does not know this redirect URI .*Check client_id"),
        (f"{DOMAIN}/error?error=Required+parameters+missing", r"link was not complete .*Open the whole sign-in link"),
        (
            f"{DOMAIN}/error?error=Required%20parameters%20missing",
            r"link was not complete .*Open the whole sign-in link",
        ),
        (f"{DOMAIN}/error?error=Required parameters missing", r"link was not complete .*Open the whole sign-in link"),
        (f"{DOMAIN}/error?error=unknown_failure&client_id=a", r"Cognito's error page \(unknown_failure\)"),
        (f"{DOMAIN}/error", "error page, and it does not say"),
        (f"{DOMAIN}/saml2/idpresponse", "not finished yet"),
        (f"{DOMAIN}/oauth2/idpresponse?code={CODE}&state=the-providers", "not finished yet"),
        (f"{DOMAIN}/oauth2/idpresponse?error=access_denied", "not finished yet"),
        ("http://localhost:3000/?error=server_error&error_description=Invalid+SAML", r"\(server_error: Invalid SAML\)"),
        ("http://localhost:3000/?error=access_denied&state=", r"\(access_denied\)\. Sign in again, or ask"),
        ("http://localhost:3000/?error=temporarily_unavailable", r"in a minute"),
        ("http://localhost:3000/?error=%00%1b", "an error without a printable name"),
        (f"http://localhost:3000/?code={CODE}", r"has no state.*portal"),
        (f"http://localhost:3000/?code={CODE}&state=", "not complete"),
        (f"http://localhost:3000/?code={CODE}&state=a&state=b", "occurs twice"),
        ("http://localhost:8888/lab/tree/notebook.ipynb", "neither a code nor an error"),
        ("hello there", "neither a code nor an error"),
    ],
)
def test_each_wrong_paste_has_its_own_error_message(pasted: str, sentence: str) -> None:
    """The message says what the pasted text looks like, and does not show it."""
    with pytest.raises(PastedUrlError, match=sentence) as raised:
        parse_pasted_url(pasted)
    assert CODE not in str(raised.value)
    assert raised.value.remedy


def test_an_error_response_is_parsed_with_its_description() -> None:
    response = parse_pasted_url(
        f"http://localhost:3000/?error=access_denied&error_description=User+said+no&state={STATE}"
    )
    assert response == AuthorizationResponse(None, "access_denied", "User said no", STATE)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=",
        "code=a&error=b&state=c",
        "code=a&code=b&state=c",
        "state=c",
        "x=1",
        "&".join(f"a{i}=1" for i in range(60)),
    ],
)
def test_a_query_without_exactly_one_code_or_error_is_rejected(query: str) -> None:
    assert parse_query(query) is None


@given(st.text())
def test_any_pasted_text_is_a_response_or_an_error_with_a_remedy(text: str) -> None:
    try:
        response = parse_pasted_url(text)
    except PastedUrlError as error:
        assert error.remedy
    else:
        assert response.state
        assert bool(response.authorization_code) != bool(response.error)


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_code_and_state_are_read_unchanged(code: str, state: str) -> None:
    try:
        query = urlencode({"code": code, "state": state})
    except UnicodeEncodeError:
        return
    assert parse_query(query) == AuthorizationResponse(code, None, None, state)


@given(st.binary())
def test_any_bytes_in_a_query_are_parsed_without_an_exception(raw: bytes) -> None:
    parse_query(raw.decode("latin-1"))


def test_the_repr_shows_neither_code_nor_state() -> None:
    assert CODE not in repr(EXPECTED)
    assert STATE not in repr(EXPECTED)


@given(st.text(min_size=1), st.text())
def test_any_error_is_shown_as_one_printable_line(error: str, description: str) -> None:
    try:
        query = urlencode({"error": error, "error_description": description})
    except UnicodeEncodeError:
        return
    response = parse_query(query)
    assert response is not None
    assert response.error
    assert response.reason.isprintable()
    assert len(response.reason) <= 402
