"""What a panel says, made from the notebook's state. `LoginPanel` calls it at each change; it changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ...errors import with_notes
from ...oauth.discovery import override_notice
from ...oauth.login import CallbackRoute
from ...oauth.redirect_uri import RELAY_PATH
from ...sharing.cluster.share import ClusterShare, cluster_shares
from ...signin.service import SignIn
from ...signin.user_name import describe_user
from ..display.login_views import UNCONFIRMED_RELAY
from ..model.controller import Phase, SignInStatus
from ..model.login_task import LoginTask
from ..model.notebook_share import UNCHANGED_OBJECTS, in_place_of
from ..model.state import NotebookState
from ..model.user_namespace import BoundSession, role_account, short_role
from . import html as page

_TITLES = {
    Phase.IDLE: "You are not signed in",
    Phase.STARTING: "One moment",
    Phase.WAITING: "Sign in to use AWS in this notebook",
    Phase.FINISHING: "Signing you in",
    Phase.SIGNED_IN: "You are signed in",
    Phase.UNFINISHED: "The sign-in was not finished",
    Phase.ENDED: "Your sign-in has ended",
}
_ENDED = (
    "The user pool has ended it. Sign in again, here or by %cognito_login, and this notebook's session works again."
)
_UNLOADED = (
    "The extension was unloaded",
    "This panel does nothing any more. Run %load_ext cognito_jupyter, and then %cognito_panel for a new one.",
)
_BUSY = {Phase.STARTING: "Getting the sign-in ready", Phase.FINISHING: "Fetching your AWS keys"}


def panel_content(state: NotebookState, status: SignInStatus, *, fallback: bool) -> tuple[str, str]:
    """Returns what a panel says, as HTML: the status, and its details, which during a login hold its state and nonce.

    Args:
        state: The notebook's state.
        status: The status of its sign-in.
        fallback: Whether view.js is missing: the HTML then holds no paste box, and CSS moves the bars.
    """
    if status.unloaded:
        return page.heading(*_UNLOADED, neutral=True), ""
    error = with_notes(status.warning) if status.warning else _ENDED if status.phase is Phase.ENDED else None
    busy = status.busy or _BUSY.get(status.phase)
    head = page.heading(_TITLES[status.phase], error, busy, neutral=status.user_cancelled)
    login_task, current = state.controller.login_task, state.current
    now = datetime.now(UTC) if fallback else None
    body = ""
    if status.phase is Phase.WAITING and login_task is not None:
        body = _waiting(login_task, now)
    elif status.phase is Phase.SIGNED_IN and current is not None:
        body = _signed_in(state, current, now)
    return head, body


def _waiting(login_task: LoginTask, now: datetime | None) -> str:
    login, request = login_task.login, login_task.request
    if login is None:
        return ""
    reason = "You requested the paste box" if request.paste else None
    if login.listener_error is not None:
        reason = login.listener_error.what.rstrip(".")
    elif login.route is CallbackRoute.UNCONFIRMED_RELAY:
        reason = UNCONFIRMED_RELAY
    elif request.remote_reason is not None and login.route is not CallbackRoute.RELAY and not login.browser_returns:
        reason = f"Your browser may be on another computer than this notebook's kernel ({request.remote_reason})"
    # A page at the address of a relay hands it over to this panel, also where no kernel listens.
    may_return = login.listening or login.redirect_uri.endswith(RELAY_PATH)
    # The user must see where AWS_ENDPOINT_URL* moves Cognito before trusting it with a password.
    notice = override_notice()
    options = page.SignInOptions(
        login.authorization_url, login.redirect_uri, reason, may_return, (notice,) if notice else ()
    )
    countdown = page.countdown(login_task.deadline, request.settings.timeout, now)
    return page.sign_in_options(options, paste_box=now is None) + countdown


def _signed_in(state: NotebookState, current: SignIn, now: datetime | None) -> str:
    manager, bound, request = current.manager, state.bound_session, state.controller.request
    rows = [] if state.hide_user() else [("User", describe_user(manager.claims))]
    code: list[tuple[str, str]] = []
    if bound is None or request is None:
        keys = page.note("No variable holds a session of this sign-in: run %cognito_login.")
    else:
        rows += _role_facts(state, current, bound)
        code.append(("Use it as", f'{request.session_name}.client("s3")'))
        cached = manager.cached_credentials(bound.role_arn)
        if cached is None or cached.expiration <= datetime.now(UTC):
            keys = page.note("AWS keys: none at the moment; the next use fetches new ones.")
        else:
            keys = page.time_left("AWS keys", cached.expiration, cached.lifetime, "renewed automatically", now)
    share = state.notebook_share
    machine_role = page.note(in_place_of(share.machine_role)) if share.machine_role else ""
    unchanged = page.note(UNCHANGED_OBJECTS) if share.roles and share.role_changed else ""
    return page.facts(rows, code) + keys + machine_role + unchanged + _sign_in_time(current, now)


def _role_facts(state: NotebookState, current: SignIn, bound: BoundSession) -> list[tuple[str, str]]:
    """Returns role, account and region of a session, and which other roles are shared.

    Args:
        state: The notebook's state.
        current: The sign-in; the panel's menu shows the role of one that has several.
        bound: The session.
    """
    role_arn, rows = bound.role_arn, []
    if role_arn is None or len(current.manager.roles) < 2:
        rows.append(("Role", _role_name(role_arn)))
    if role_arn is not None:
        rows.append(("Account", role_account(role_arn)))
    rows.append(("Region", bound.value.region_name or "not set"))
    shared = [role.role_arn for role in state.notebook_share.roles]
    if shared and shared != [role_arn]:
        rows.append(("Shared", ", ".join(map(_role_name, shared))))
    rows += [(share.cluster_name, _describe_cluster(share)) for share in cluster_shares(current.manager)]
    return rows


def _describe_cluster(share: ClusterShare) -> str:
    if not share.workers_report:
        return share.pusher.address
    used = f"last used at {page.local_time(share.last_request)}" if share.last_request else "not used yet"
    return f"{share.workers_in_words} at {share.pusher.address}, {used}"


def _role_name(role_arn: str | None) -> str:
    return short_role(role_arn).removeprefix("role ")


def _sign_in_time(current: SignIn, now: datetime | None) -> str:
    """Returns how long the sign-in lasts, as far as that is known: only the user pool and a setting know it."""
    auth_time = current.manager.claims.get("auth_time")
    if not auth_time:
        return ""
    start, days = datetime.fromtimestamp(auth_time, UTC), current.settings.refresh_token_days
    if days is None:
        return page.note(
            f"Signed in at {page.local_time(start)}. You stay signed in for up to 30 days, unless "
            "your organisation set another limit."
        )
    duration = timedelta(days=days)
    began = f"you signed in at {page.local_time(start)}"
    return page.time_left("Sign-in", start + duration, duration.total_seconds(), began, now)
