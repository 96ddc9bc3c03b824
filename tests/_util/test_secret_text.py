"""Tokens and keys are texts that work as any other, and that no repr, no view of a dict and no pickle shows."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import pydoc
import reprlib
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from IPython.lib.pretty import pretty
from rich.pretty import pretty_repr

from cognito_jupyter._util.redaction import RedactedVariables, SecretText, SigningSecret, redacted
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.role_credentials import FrozenCredentials
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.s1gnature" * 3
PART = 8
"""Characters of a secret that count as the secret."""

VIEWS: dict[str, Callable[[Any], object]] = {
    "itself": lambda tokens: tokens,
    "copy()": lambda tokens: tokens.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "dict()": dict,
    "dict() of items": lambda tokens: dict(tokens.items()),
    "** ": lambda tokens: {**tokens},
    "a comprehension": lambda tokens: {key: value for key, value in tokens.items()},  # noqa: C416 - as users write it
    "| {}": lambda tokens: tokens | {"x": "y"},
    "{} |": lambda tokens: {"x": "y"} | tokens,
    "|=": lambda tokens: tokens.__ior__({"access_token": TOKEN}),
    "items()": lambda tokens: tokens.items(),
    "values()": lambda tokens: tokens.values(),
    "list of items": lambda tokens: list(tokens.items()),
    "list of values": lambda tokens: list(tokens.values()),
    "tuple of values": lambda tokens: tuple(tokens.values()),
    "sorted values": lambda tokens: sorted(map(str, tokens)) and sorted(v for v in tokens.values() if v != 3600),
    "set of values": lambda tokens: set(tokens.values()),
    "popitem": lambda tokens: (tokens | {"id_token": TOKEN}).pop("id_token"),
    "get": lambda tokens: tokens.get("id_token"),
    "setdefault": lambda tokens: tokens.copy().setdefault("new", TOKEN),
    "fromkeys": lambda tokens: type(tokens).fromkeys(["id_token"], TOKEN),
    "one value": lambda tokens: tokens["id_token"],
    "in a list": lambda tokens: [tokens["id_token"]],
    "a part": lambda tokens: tokens["id_token"][:40],
    "the parts": lambda tokens: tokens["id_token"].split("."),
    "a partition": lambda tokens: tokens["id_token"].partition("."),
    "its characters": lambda tokens: list(tokens["id_token"]),
    "with more before it": lambda tokens: "Bearer " + tokens["id_token"],
    "with more after it": lambda tokens: tokens["id_token"] + ";",
    "without white space": lambda tokens: tokens["id_token"].strip(),
}


def shown_in_rich(value: object) -> str:
    """Shows a value at its whole length, and as rich's tracebacks do, which take the first 80 characters of a str."""
    return pretty_repr(value) + pretty_repr(value, max_string=80)


SHOWN_BY: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "!r": lambda value: f"{value!r}",
    "%r": lambda value: "%r" % (value,),  # noqa: UP031 - as log messages are formatted
    "ascii": ascii,
    "pprint": pprint.pformat,
    "reprlib": reprlib.repr,
    "IPython": pretty,
    "rich": shown_in_rich,
    "pydoc, as IPython and cgitb": lambda value: pydoc.text.repr(value) + pydoc.html.repr(value),
}


def tokens_of() -> Mapping[str, object]:
    return redacted({"id_token": TOKEN, "access_token": TOKEN, "refresh_token": TOKEN, "expires_in": 3600})


@pytest.mark.parametrize("how", SHOWN_BY)
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_of_tokens_shows_a_token(view: str, how: str) -> None:
    shown = SHOWN_BY[how](VIEWS[view](tokens_of()))
    assert not [part for part in (TOKEN[:PART], TOKEN[-PART:], "', 'y', 'J") if part in shown]


@pytest.mark.parametrize("how", [key for key in SHOWN_BY if not key.startswith("pydoc")])
def test_the_search_finds_a_plain_token(how: str) -> None:
    assert TOKEN[:PART] in SHOWN_BY[how]({"id_token": TOKEN})


def test_a_token_works_as_any_other_str() -> None:
    token = redacted({"id_token": TOKEN})["id_token"]
    assert isinstance(token, str)
    assert (token, hash(token), len(token)) == (TOKEN, hash(TOKEN), len(TOKEN))
    assert f"{token}" == str(token) == "%s" % token == TOKEN  # noqa: UP031 - each way to print it
    assert type(str(token)) is str
    assert token.encode() == TOKEN.encode()
    assert json.loads(json.dumps({"t": token})) == {"t": TOKEN}
    assert token.split(".") == TOKEN.split(".")
    assert "Bearer " + token == f"Bearer {TOKEN}"
    assert token.startswith("eyJ") and token[3] == TOKEN[3] and list(token) == list(TOKEN)  # noqa: PT018 - one claim


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("view", ["itself", "copy()", "dict()", "items()", "list of values", "one value", "in a list"])
def test_tokens_are_not_pickled(view: str, protocol: int) -> None:
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(VIEWS[view](tokens_of()), protocol)


def test_what_libraries_pass_on_to_their_workers_is_pickled_as_plain_text() -> None:
    frozen = FrozenCredentials("ASIA", "k3y", "t0ken")
    assert pickle.loads(pickle.dumps(frozen)) == frozen
    for value, plain in ((SigningSecret("k3y"), "k3y"), (RedactedVariables({"A": "b"}), {"A": "b"})):
        assert b"cognito_jupyter" not in pickle.dumps(value)
        loaded = pickle.loads(pickle.dumps(value))
        assert loaded == plain and type(loaded) is type(plain)  # noqa: PT018 - one claim


def test_everything_that_a_manager_returns_redacts_and_is_not_pickled(manager: CognitoCredentialsManager) -> None:
    manager.get_credentials()
    secrets = [str(secret) for secret in manager._secrets()]
    assert len(secrets) == 5
    for returned in (
        manager.auth_tokens,
        manager.credentials,
        manager.creds_response,
        manager.refresh_user_pool_tokens(),
    ):
        assert returned is not None
        secrets += [str(value) for value in returned.values() if isinstance(value, SecretText)]
        for how, show in SHOWN_BY.items():
            for view in (returned, dict(returned), list(returned.values()), {**returned}):
                assert not [secret for secret in secrets if secret[:PART] in show(view)], how
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(returned)


def test_store_refuses_tokens_and_leaves_none_in_a_file(cognito: LocalCognito, tmp_path: Path) -> None:
    """IPython's %store in a process of its own, for tokens and for the copies that users make of them."""
    program = f"""
from cognito_jupyter._util.redaction import redacted
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "storemagic")
tokens = redacted({{"id_token": "{TOKEN}"}})
shell.user_ns.update(a=tokens, b=dict(tokens), c=list(tokens.values()), d=tokens["id_token"], e={TOKEN[::-1]!r})
for name in "abcde":
    try:
        shell.run_line_magic("store", name)
    except TypeError as error:
        print("refused:", error)
"""
    environment = {"IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": ""}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.count("they stay in this process") == 4, run.stdout
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN[::-1].encode() in stored
    assert TOKEN.encode() not in stored


def test_a_traceback_that_captures_locals_shows_no_token(authenticator: CognitoOAuthAuthenticator) -> None:
    tokens = tokens_of()
    token = tokens["id_token"]
    try:
        authenticator.get_authorization_url(token[:3] / 1, "state")  # type: ignore[index] # what fails
    except TypeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "token = " in text
    assert TOKEN[:PART] not in text
