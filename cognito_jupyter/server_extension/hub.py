"""For `jupyterhub_config.py`: leads an authorization response to the server whose kernel waits for it.

`configure(c)` is all that a hub needs. It works without the hook too, but then the hub sends the browser to the user's
default server, and the hub's log has the authorization code: the hub redacts `code=` in a URL, but not in the URL that
is the value of `next=`.

JupyterHub imports this module: it needs the standard library alone.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Callable
from typing import Any

CALLBACK_PATH = "cognito-jupyter/callback"
HOOK_VARIABLE = "COGNITO_JUPYTER_HUB_HOOK"
"""The environment variable that tells a user's servers that the hub has the hook."""
_LOGGERS = ("JupyterHub", "jupyterhub", "tornado.access", "tornado.application", "tornado.general")
# The path as it is, or percent-encoded once or more, as in `next=`; then its query.
_CALLBACK_QUERY = re.compile(r"(cognito-jupyter(?:/|%(?:25)*2F)callback)(?:\?|%(?:25)*3F)[^\s\"]*", re.IGNORECASE)

UserRedirectHook = Callable[[str, Any, Any, str], str | None]
"""What `c.JupyterHub.user_redirect_hook` is: from a path, a request, a user and the hub's base URL to a URL."""


def configure(c: Any) -> None:
    """Sets up a hub for sign-ins at Amazon Cognito, in its `jupyterhub_config.py`.

    A `user_redirect_hook` that was set before is called for all other URLs.

    Args:
        c: The configuration object of that file.
    """
    previous: UserRedirectHook | None = c.JupyterHub.get("user_redirect_hook")

    def hook(path: str, request: Any, user: Any, base_url: str) -> Any:
        if path.strip("/") == CALLBACK_PATH or previous is None:
            return user_redirect_hook(path, request, user, base_url)
        return previous(path, request, user, base_url)

    c.JupyterHub.user_redirect_hook = hook
    c.Spawner.environment.update({HOOK_VARIABLE: "1"})
    redact_log()


def redact_log() -> None:
    """Removes authorization codes from the log of the hub's process, also where they are a part of `next=`."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _redact_record not in logger.filters:
            logger.addFilter(_redact_record)


def user_redirect_hook(path: str, request: Any, user: Any, base_url: str) -> str | None:  # noqa: ARG001 - JupyterHub's
    """Returns the URL of the server that an authorization response is for: the one that its `state` names.

    If that one does not run, it is the default server, or any other that runs. That server decides about the response.

    Args:
        path: The part of the URL after `/hub/user-redirect/`.
        request: Tornado's request.
        user: The user of the hub who is signed in to it.
        base_url: The hub's base URL.

    Returns:
        A URL; None: it is another path, or none of the user's servers runs, so the hub does what it usually does.
    """
    if path.strip("/") != CALLBACK_PATH:
        return None
    ready = [name for name, spawner in user.spawners.items() if spawner.ready]
    if not ready:
        return None
    name = server_name_in(request.arguments.get("state", []))
    if name not in ready:
        name = "" if "" in ready else ready[0]
    return f"{user.server_url(name).rstrip('/')}/{CALLBACK_PATH}?{request.query}"


def server_name_in(states: list[bytes]) -> str:
    """Returns the name of the server that a state carries.

    Args:
        states: The values of the response's parameter `state`.

    Returns:
        The name; the empty name, which is the default server's, if there is none, or not exactly one state.
    """
    encoded = states[0].partition(b".")[2] if len(states) == 1 else b""
    try:
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _redact_record(record: logging.LogRecord) -> bool:
    """A filter of logging: replaces the query of a callback's URL, wherever it is in a message."""
    message = record.getMessage()
    redacted = _CALLBACK_QUERY.sub(r"\1?[secret]", message)
    if redacted != message:
        record.msg, record.args = redacted, ()
    return True
