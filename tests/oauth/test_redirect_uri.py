"""Redirect URIs, Cognito domains and Host headers."""

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.errors import SettingError
from cognito_jupyter.oauth.redirect_uri import RedirectUri, parse_host_header, parse_redirect_uris
from cognito_jupyter.settings import parsers


@pytest.mark.parametrize(
    ("text", "host", "port", "path", "loopback"),
    [
        ("http://localhost:3000", "localhost", 3000, "/", True),
        ("http://127.0.0.1:3000/callback", "127.0.0.1", 3000, "/callback", True),
        ("http://[::1]:3000/", "::1", 3000, "/", True),
        ("http://localhost", "localhost", 80, "/", True),
        ("https://localhost:3000", "localhost", 3000, "/", False),
        (
            "https://hub.example/hub/user-redirect/proxy/3000/callback",
            "hub.example",
            443,
            "/hub/user-redirect/proxy/3000/callback",
            False,
        ),
        ("http://localhost.evil.example:3000", "localhost.evil.example", 3000, "/", False),
    ],
)
def test_a_redirect_uri_is_parsed_into_host_port_path_and_loopback(
    text: str, host: str, port: int, path: str, loopback: bool
) -> None:
    assert parse_redirect_uris(text) == (RedirectUri(text, host, port, path, loopback),)


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_redirect_uri_is_a_setting_error(text: str) -> None:
    with pytest.raises(SettingError, match="empty"):
        parse_redirect_uris(text)


def test_several_redirect_uris_are_separated_by_white_space() -> None:
    assert [uri.port for uri in parse_redirect_uris(" http://localhost:3000\n\thttp://localhost:3001 ")] == [3000, 3001]


@pytest.mark.parametrize(
    "text",
    [
        "localhost:3000",
        "ftp://localhost",
        "http://",
        "http://localhost:port",
        "http://u@localhost",
        "http://localhost#x",
        "http://[::1",
    ],
)
def test_a_malformed_redirect_uri_is_a_setting_error_that_shows_an_example(text: str) -> None:
    with pytest.raises(SettingError, match="http://localhost:3000"):
        parse_redirect_uris(text)


@pytest.mark.parametrize(
    ("domain", "origin"),
    [
        ("your-app.auth.us-east-1.amazoncognito.com", "https://your-app.auth.us-east-1.amazoncognito.com"),
        ("https://login.example.org/", "https://login.example.org"),
        ("http://localhost:9229", "http://localhost:9229"),
        ("http://127.0.0.1:9229/", "http://127.0.0.1:9229"),
        ("https://cognito", "https://cognito"),
    ],
)
def test_a_bare_host_means_https_and_loopback_may_be_plain_http(domain: str, origin: str) -> None:
    assert parsers.origin(domain) == origin


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "http://login.example.org",
        "https://a/b",
        "https://a?b",
        "https://u:p@a",
        "ftp://a",
        "a b",
        "http://127.0.0.1.evil.example",
    ],
)
def test_a_malformed_or_plain_http_domain_is_a_setting_error(domain: str) -> None:
    """The user would type a password there."""
    with pytest.raises(SettingError):
        parsers.origin(domain)


@given(st.text())
def test_any_text_parses_or_is_a_setting_error(text: str) -> None:
    for parse in (parsers.origin, parse_redirect_uris):
        try:
            parse(text)
        except SettingError:
            pass
    parse_host_header(text)


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("LOCALHOST:1", "localhost"),
        ("[::1]:3000", "::1"),
        ("a@localhost", None),
        ("localhost:x", None),
        ("localhost/x", None),
        ("", None),
    ],
)
def test_a_host_header_names_a_host_or_is_malformed(header: str, host: str | None) -> None:
    assert parse_host_header(header) == host
