"""Requests at a share's endpoint that do not have its token, or come from a web page."""

from __future__ import annotations

import itertools

import pytest

from cognito_jupyter.sharing.endpoint.process import EndpointProcess
from tests.sharing.endpoint.test_process import KEYS, endpoint, get_path, send_bytes

from .attempts import Attempts

__all__ = ["endpoint"]  # a fixture
PATHS = (
    "/Analyst",
    "/",
    "/Analyst/",
    "//Analyst",
    "/x/../Analyst",
    "/Analyst?x",
    "/%41nalyst",
    "*",
    "http://evil/Analyst",
)
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "get", "PUT")


def hosts_and_tokens(token: str) -> list[tuple[str, str]]:
    """Pairs of which at least one is wrong."""
    right = ("127.0.0.1", token)
    hosts = (right[0], "evil.example", "127.0.0.1.evil.example", "localhost.", "0.0.0.0", "[::]", "127.0.0.1@evil", "")
    tokens = (
        token,
        "",
        token[:-1],
        f"{token}x",
        f"Bearer {token}",
        token.swapcase(),
        f" {token[1:]}",
        "x" * 5000,
        "\xff",
    )
    return [pair for pair in itertools.product(hosts, tokens) if pair[0] != right[0] or pair[1] != token]


@pytest.mark.parametrize("method", METHODS)
def test_no_client_without_the_token_gets_a_key(attempts: Attempts, endpoint: EndpointProcess, method: str) -> None:
    endpoint.wait_until_handled()
    for path, (host, token) in itertools.product(PATHS, hosts_and_tokens(endpoint.token)):
        head = f"{method} {path} HTTP/1.1\r\n" + (f"Host: {host}\r\n" if host else "")
        response = send_bytes(endpoint, f"{head}Authorization: {token}\r\n\r\n".encode("latin-1"))
        holds = (
            not any(key.encode() in response for key in (*KEYS.values(), endpoint.token)) and b" 200 " not in response
        )
        attempts.check((method, path, host, token[:5]), holds)
    assert get_path(endpoint) == (200, KEYS)
