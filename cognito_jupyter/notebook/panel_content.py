"""From how a sign-in stands to what a panel says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from . import panel_page as page
from .controller import Phase, Standing
from .status import person_of

if TYPE_CHECKING:
    from .signin import LoginRequest, SignIn
    from .state import NotebookState

_TITLES = {
    Phase.IDLE: "You are not signed in",
    Phase.STARTING: "One moment",
    Phase.WAITING: "Sign in to use AWS in this notebook",
    Phase.FINISHING: "Signing you in",
    Phase.SIGNED_IN: "You are signed in",
    Phase.OVER: "The sign-in was not finished",
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


def content_of(state: NotebookState, standing: Standing, *, plain: bool) -> Content:
    """What a panel says.

    Args:
        state: The notebook's.
        standing: How its sign-in stands.
        plain: Whether the HTML is all there is: no box in it, and CSS to move the bars.
    """
    problem = standing.problem or (_ENDED if standing.phase is Phase.ENDED else None)
    busy = standing.busy or _BUSY.get(standing.phase)
    head = page.heading(_TITLES[standing.phase], problem, busy, calm=standing.as_wished)
    body = ""
    if standing.phase is Phase.WAITING:
        body = _waiting(state, plain)
    elif standing.phase is Phase.SIGNED_IN and state.current is not None:
        body = _signed_in(state, state.current, plain)
    return Content(head, body)


def _waiting(state: NotebookState, plain: bool) -> str:
    attempt = state.controller.attempt
    if attempt is None or attempt.login is None:
        return ""
    login = attempt.login
    ways = page.Ways(login.authorization_url, login.redirect_uri, _distance(state), login.listening, _moved())
    now = datetime.now(UTC) if plain else None
    box = {"box": ""} if plain else {}
    return page.ways(ways, **box) + page.countdown(attempt.ends_at, attempt.request.timeout, now)


def _distance(state: NotebookState) -> str | None:
    """Why pasting stands first; None where the link does."""
    attempt = state.controller.attempt
    if attempt is None or attempt.login is None:
        return None
    request: LoginRequest = attempt.request
    problem = attempt.login.listener_problem
    if problem is not None:
        return problem.what.rstrip(".")
    if request.distance is not None:
        return f"Your browser may be on another computer than this notebook's kernel ({request.distance})"
    return "You asked for the paste box" if request.paste else None


def _moved() -> tuple[str, ...]:
    """What a person must know who is about to trust these keys: AWS_ENDPOINT_URL* can move them."""
    from ..oauth.discovery import endpoint_override

    override = endpoint_override()
    return (f"The user pool's keys come from {override}, as AWS_ENDPOINT_URL* say.",) if override else ()


def _signed_in(state: NotebookState, current: SignIn, plain: bool) -> str:
    now = datetime.now(UTC) if plain else None
    rows = [] if state.hides_person else [("Who", person_of(current.manager.claims))]
    rows.append(("Variables", ", ".join(state.variables.held()) or "none"))
    return page.facts(rows) + _keys(state, current, now) + _sign_in_time(current, now)


def _keys(state: NotebookState, current: SignIn, now: datetime | None) -> str:
    bound = state.bound_session
    if bound is None:
        return page.note("No variable holds a session of this sign-in: %cognito_login makes one.")
    until = current.manager.expiration(bound.role_arn)
    if until is None or until <= datetime.now(UTC):
        return page.note("AWS keys: none held just now; the next use fetches new ones.")
    return page.time_left("AWS keys", until, current.manager.lifetime(bound.role_arn), "renewed by themselves", now)


def _sign_in_time(current: SignIn, now: datetime | None) -> str:
    """The user pool alone knows when its session ends, unless somebody has told us."""
    since = current.manager.claims.get("auth_time")
    if not since:
        return ""
    began, days = datetime.fromtimestamp(since, UTC), current.settings.refresh_token_days
    if days is None:
        said = (
            f"Signed in since {page.clock(began)}. It lasts until the user pool ends it, 30 days unless set otherwise."
        )
        return page.note(said)
    lasts = timedelta(days=days)
    return page.time_left("Sign-in", began + lasts, lasts.total_seconds(), f"began {page.clock(began)}", now)
