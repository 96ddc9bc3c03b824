"""Odd values of settings, and endpoints of other machines."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from cognito_jupyter.errors import SettingError
from cognito_jupyter.settings import parsers

from .attempts import Attempts
from .test_words import hidden_characters

PARSERS: dict[str, Callable[[object], object]] = {
    name: parser
    for name, parser in inspect.getmembers(parsers, inspect.isfunction)
    if name[0] != "_"
    and parser.__module__ == parsers.__name__
    and next(iter(inspect.signature(parser).parameters)) == "value"
}
ODD: list[object] = [
    *(None, True, 0, -1, math.nan, math.inf, 10**400, 1e308, b"bytes", [], {}, ["x\n"], {"a": 1}, object()),
    *(datetime(2026, 1, 1, tzinfo=UTC), "", " ", "\n", "x" * 10_000, "-" * 100, "--help", "'\"", "$(id)", "%s%n"),
    *("../..", "/etc/passwd", "~root", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://"),
    *("http://user:pass-word@h/", "https://h:99999", "https://[::1", "https://h\\@evil.example", "//evil.example"),
    *("us-east-1_", "us-east-1:", "arn:aws:iam::1:role/x", "<script>", "\u202e", "\ufb00", "\uff55\uff53"),
]
GOOD = ("us-east-1", "https://h.example", "http://localhost:3000", "us-east-1_Pool", "openid email", "Analyst")


AS_TYPED = {"profile_name", "role_suffix"}
"""Parsers of names that are only compared; what shows them makes them printable."""


@pytest.mark.parametrize("name", PARSERS)
def test_an_odd_value_is_a_value_in_one_line_or_an_error_in_one_line(attempts: Attempts, name: str) -> None:
    hidden = [f"{good}{character}" for good in GOOD for character in hidden_characters()]
    for value in [*ODD, *hidden]:
        try:
            shown = str(PARSERS[name](value))
        except SettingError as error:
            attempts.check(value, str(error).isprintable() and "pass-word" not in str(error))
        except Exception as error:  # noqa: BLE001 - any other one is what is searched for
            attempts.check((value, error), holds=False)
        else:
            attempts.check(value, shown.isprintable() or name in AS_TYPED)


HOSTS = (
    *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.1", "0x7f.0.0.1", "2130706433", "0"),
    *(
        "10.0.0.1",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "localhost.",
        "xn--localhost-cua",
        "LOCALHOST.x",
    ),
    *(
        "localhost\\.evil.example",
        "localhost%00.evil.example",
        "localhost%2eevil.example",
        "\uff4cocalhost.example",
        "[::]",
    ),
)
WAYS = (
    "{}",
    "{}:80",
    "{}:443",
    "localhost@{}",
    "user:pass-word@{}",
    "localhost:80@{}",
    "{}/localhost",
    "{}?@localhost",
)


@pytest.mark.parametrize("scheme", ["http", "HTTP", "ht\ntp", " http", "ftp", "ws", "file", "", "localhost", "http:"])
def test_no_endpoint_of_another_machine_is_used_unless_it_is_https(attempts: Attempts, scheme: str) -> None:
    for host in HOSTS:
        for way in WAYS:
            url = f"{scheme}://{way.format(host)}"
            error = attempts.refused(url, partial(parsers.aws_endpoint, url, "AWS_ENDPOINT_URL"), SettingError)
            attempts.check(f"the message for {url}", "pass-word" not in str(error) and host not in str(error))
