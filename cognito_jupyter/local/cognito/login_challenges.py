"""What the login page wants after the right password: a new password, or the code of an authenticator app.

Cognito has pages of their own for these, whose addresses are not in its guide; here it is that of the login page.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from flask import Response, render_template, request

from ..model import User
from .api.errors import ApiError
from .api.passwords import check_password
from .responses import CSRF_COOKIE, set_cookie
from .totp import is_totp_code
from .user_pool import UserPool

Step = Literal["password", "code"]
_SECONDS = 180
"""How long the user has for each page; AWS's default for a session (AuthSessionValidity)."""
_WRONG_CODE = "Invalid code received for user"
_FIELDS: dict[Step, dict[str, str]] = {
    "password": {
        "title": "Change your password",
        "text": "Your password was a temporary one. Choose your own.",
        "field": "new_password",
        "label": "New password",
        "type": "password",
        "autocomplete": "new-password",
    },
    "code": {
        "title": "Enter your code",
        "text": "Your authenticator app shows a code of six digits.",
        "field": "code",
        "label": "Code",
        "type": "text",
        "autocomplete": "one-time-code",
    },
}


@dataclass(frozen=True, repr=False)
class PendingLogin:
    """A login whose password was right, and which waits for more.

    Attributes:
        username: The user.
        steps: What is still wanted, in this order.
        expires: When it ends, in seconds since the epoch.
    """

    username: str
    steps: tuple[Step, ...]
    expires: float


class LoginChallenges:
    """What the login page wants after the right password.

    Args:
        pool: The user pool.
        on_secrets: Called with the secrets that are received and issued.
    """

    def __init__(self, pool: UserPool, on_secrets: Callable[..., None]) -> None:
        self._pool = pool
        self._on_secrets = on_secrets
        self._pending: dict[str, PendingLogin] = {}

    def start(self, user: User) -> Response | None:
        """Returns the page after the right password; None if that is enough."""
        wanted: dict[Step, Any] = {"password": user.must_change_password, "code": user.totp_secret}
        steps = tuple(step for step, value in wanted.items() if value)
        return self._page(user.username, steps) if steps and user.provider is None else None

    def go_on(self) -> User | Response | None:
        """Takes the form of such a page; returns the user, or the next page, or None if there is no such login."""
        pending = self._pending.pop(request.form["session"], None)
        user = self._pool.users.get(pending.username) if pending is not None else None
        if pending is None or user is None or not user.enabled or pending.expires <= self._pool.knobs.now():
            return None
        error = self._change_password(user) if pending.steps[0] == "password" else self._check_code(user)
        steps = pending.steps if error else pending.steps[1:]
        return self._page(user.username, steps, error) if steps else self._pool.users[user.username]

    def _change_password(self, user: User) -> str:
        """Returns why the new password is refused; empty if it is not."""
        password = request.form.get("new_password", "")
        try:
            check_password(password)
        except ApiError as error:
            return error.message
        self._on_secrets(password)
        changed = replace(user, password=password, must_change_password=False, modified=self._pool.knobs.now())
        self._pool.users[user.username] = changed
        return ""

    def _check_code(self, user: User) -> str:
        code, now = request.form.get("code", ""), self._pool.knobs.now()
        return "" if is_totp_code(code, str(user.totp_secret), now) else _WRONG_CODE

    def _page(self, username: str, steps: tuple[Step, ...], error: str = "") -> Response:
        session, csrf = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
        self._pending[session] = PendingLogin(username, steps, self._pool.knobs.now() + _SECONDS)
        self._on_secrets(session)
        action = f"{request.path}?{request.query_string.decode('latin-1')}"
        fields = {"action": action, "csrf": csrf, "session": session, "error": error}
        response = Response(render_template("challenge.html", **_FIELDS[steps[0]], **fields))
        set_cookie(response, CSRF_COOKIE, csrf, 600)
        return response
