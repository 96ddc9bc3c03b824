"""From how a sign-in stands to what a panel says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..display.status import describe_user
from ..model.controller import Phase, SignInStatus
from . import html as page

if TYPE_CHECKING:
    from ..model.sign_in import LoginRequest, SignIn
    from ..model.state import NotebookState

_TITLES = {
    Phase.IDLE: "You are not signed in",
    Phase.STARTING: "One moment",
    Phase.WAITING: "Sign in to use AWS in this notebook",
    Phase.FINISHING: "Signing you in",
    Phase.SIGNED_IN: "You are signed in",
    Phase.UNFINISHED: "The sign-in was not finished",
    Phase.ENDED: "Your sign-in has ended",
}
_ENDED = "The user pool has ended it. Sign in again, and the session of this notebook goes on working."
_BUSY = {Phase.STARTING: "Getting the sign-in ready", Phase.FINISHING: "Fetching your AWS keys"}


@dataclass(frozen=True, repr=False)
class Content:
    """What a panel says, as HTML; while a sign-in waits, the body holds its state and nonce.

    Attributes:
        head: How it stands.
        body: What belongs to that.
    """

    head: str
    body: str


def panel_content(state: NotebookState, status: SignInStatus, *, fallback: bool) -> Content:
    """What a panel says.

    Args:
        state: The notebook's.
        status: How its sign-in stands.
        fallback: Whether the HTML is all there is: no box in it, and CSS to move the bars.
    """
    error = status.warning or (_ENDED if status.phase is Phase.ENDED else None)
    busy = status.busy or _BUSY.get(status.phase)
    head = page.heading(_TITLES[status.phase], error, busy, neutral=status.user_cancelled)
    body = ""
    if status.phase is Phase.WAITING:
        body = _waiting(state, fallback)
    elif status.phase is Phase.SIGNED_IN and state.current is not None:
        body = _signed_in(state, state.current, fallback)
    return Content(head, body)


def _waiting(state: NotebookState, fallback: bool) -> str:
    login_task = state.controller.login_task
    if login_task is None or login_task.login is None:
        return ""
    login = login_task.login
    options = page.SignInOptions(
        login.authorization_url, login.redirect_uri, _paste_first_reason(state), login.listening, _endpoint_notes()
    )
    now = datetime.now(UTC) if fallback else None
    box = {"box": ""} if fallback else {}
    return page.sign_in_options(options, **box) + page.countdown(login_task.deadline, login_task.request.timeout, now)


def _paste_first_reason(state: NotebookState) -> str | None:
    """Why pasting stands first; None where the link does."""
    login_task = state.controller.login_task
    if login_task is None or login_task.login is None:
        return None
    request: LoginRequest = login_task.request
    problem = login_task.login.listener_error
    if problem is not None:
        return problem.what.rstrip(".")
    if request.remote_reason is not None:
        return f"Your browser may be on another computer than this notebook's kernel ({request.remote_reason})"
    return "You asked for the paste box" if request.paste else None


def _endpoint_notes() -> tuple[str, ...]:
    """What a person must know who is about to trust these keys: AWS_ENDPOINT_URL* can move them."""
    from ...oauth.discovery import endpoint_override

    override = endpoint_override()
    return (f"The user pool's keys come from {override}, as AWS_ENDPOINT_URL* say.",) if override else ()


def _signed_in(state: NotebookState, current: SignIn, fallback: bool) -> str:
    now = datetime.now(UTC) if fallback else None
    rows = [] if state.hide_user else [("Who", describe_user(current.manager.claims))]
    rows.append(("Variables", ", ".join(state.variables.bound()) or "none"))
    return page.facts(rows) + _credentials_time(state, current, now) + _sign_in_time(current, now)


def _credentials_time(state: NotebookState, current: SignIn, now: datetime | None) -> str:
    bound = state.bound_session
    if bound is None:
        return page.note("No variable holds a session of this sign-in: %cognito_login makes one.")
    until = current.manager.expiration(bound.role_arn)
    if until is None or until <= datetime.now(UTC):
        return page.note("AWS keys: none held just now; the next use fetches new ones.")
    return page.time_left("AWS keys", until, current.manager.lifetime(bound.role_arn), "renewed by themselves", now)


def _sign_in_time(current: SignIn, now: datetime | None) -> str:
    """The user pool alone knows when its session ends, unless somebody has told us."""
    auth_time = current.manager.claims.get("auth_time")
    if not auth_time:
        return ""
    start, days = datetime.fromtimestamp(auth_time, UTC), current.settings.refresh_token_days
    if days is None:
        text = (
            f"Signed in since {page.local_time(start)}. It lasts until the user pool ends it, "
            "30 days unless set otherwise."
        )
        return page.note(text)
    duration = timedelta(days=days)
    return page.time_left("Sign-in", start + duration, duration.total_seconds(), f"began {page.local_time(start)}", now)
