"""LoginPanel: signing in with a click, and seeing who one is.

It shows where the notebook's sign-in stands, whoever moved it: this panel, another one, a magic, or the user pool.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Unicode

from ..credentials.roles import shortest_suffixes
from . import panel_page as page
from .controller import Phase, Standing, Watcher
from .display import PANEL_ONLY, moment
from .frontend import sign_of_distance
from .status import person_of
from .variables import BoundSession

if TYPE_CHECKING:
    from .state import NotebookState

_HEARTBEAT = 400
"""Milliseconds after which a front end that shows the panel says so."""
_TITLES = {
    Phase.IDLE: "You are not signed in",
    Phase.STARTING: "One moment",
    Phase.WAITING: "Sign in to use AWS in this notebook",
    Phase.FINISHING: "Signing you in",
    Phase.SIGNED_IN: "You are signed in",
    Phase.OVER: "The sign-in was not finished",
    Phase.ENDED: "Your sign-in has ended",
}
_BUTTONS = {Phase.IDLE: "Sign in", Phase.OVER: "Try again", Phase.ENDED: "Sign in again"}
_ENDED = "The user pool has ended it. Sign in again, and the session of this notebook goes on working."
_BUSY = {Phase.STARTING: "Getting the sign-in ready", Phase.FINISHING: "Fetching your AWS keys"}


class PasteField(ipywidgets.Password):
    """A box whose text is neither shown nor sent back."""

    value = Unicode("").tag(sync=True, echo_update=False)


class LoginPanel(ipywidgets.VBox, Watcher):
    """A panel for signing in and out, with what a person wants to know in between.

    Args:
        state: The notebook's state; None: that of the shell it is made in, with the extension loaded if it was not.

    Attributes:
        seen: Whether a front end has shown it.
    """

    def __init__(self, state: NotebookState | None = None) -> None:
        self._state = state or _state_here()
        self.seen = False
        self._make_parts()
        super().__init__(layout=ipywidgets.Layout(width="auto"))
        self.add_class("cognito-panel")
        self._state.controller.watch(self)
        self.changed()

    def _make_parts(self) -> None:
        wide = ipywidgets.Layout(width="auto")
        self._head, self._link, self._help = (ipywidgets.HTML(layout=wide) for _ in range(3))
        self._left, self._who = (ipywidgets.HTML(layout=wide) for _ in range(2))
        self._paste = PasteField(
            description="Address", placeholder="Paste the whole address here", layout=wide, continuous_update=True
        )
        self._paste.observe(self._pasted, "value")
        self._cancel = _button("Cancel", lambda: self._state.controller.cancel(wait=False))
        self._start = _button("Sign in", self.start, style="primary")
        self._out = _button("Sign out", self._sign_out)
        self._roles = ipywidgets.Dropdown(description="Role", layout=wide)
        self._roles.observe(self._role_chosen, "value")
        # Ticks once in the front end as soon as it is shown there: the one sign of life that widgets have.
        self._pulse = ipywidgets.Play(max=1, interval=_HEARTBEAT, layout=ipywidgets.Layout(display="none"))
        self._pulse.observe(self._shown, "value")

    # -- what is shown

    def __repr__(self) -> str:
        return f"LoginPanel. {PANEL_ONLY.text()}"

    def _repr_mimebundle_(self, **how: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**how)
        return {**bundle, "text/plain": repr(self), "text/html": PANEL_ONLY.html()}

    def changed(self) -> None:
        """Shows how the sign-in stands now; called from any thread."""
        standing = self._state.controller.standing
        problem = standing.problem or (_ENDED if standing.phase is Phase.ENDED else None)
        self._head.value = page.heading(_TITLES[standing.phase], problem, standing.busy or _BUSY.get(standing.phase))
        children = self._children_of(standing)
        self._arrange(children)
        self._beat()

    def _arrange(self, children: tuple[Any, ...]) -> None:
        shown: tuple[Any, ...] = getattr(self, "children", ())
        # Only when it is another set: replacing a box takes the cursor out of it.
        if shown != children:
            self.children = children

    def _children_of(self, standing: Standing) -> tuple[Any, ...]:
        # Before anything else: the link holds the login's state, and must not outlive it.
        self._link.value = self._help.value = ""
        body: tuple[Any, ...] = ()
        if standing.phase is Phase.WAITING:
            body = self._waiting()
        elif standing.phase is Phase.SIGNED_IN:
            body = self._signed_in(standing)
        elif standing.phase in _BUTTONS:
            self._start.description = _BUTTONS[standing.phase]
            body = (self._start,)
        return (self._head, *body, self._pulse)

    def _waiting(self) -> tuple[Any, ...]:
        controller = self._state.controller
        login, request = controller.login, controller.request
        if login is None or request is None:
            return ()
        distance = sign_of_distance()
        if login.listener_problem is not None:
            distance = login.listener_problem.what.rstrip(".")
        self._link.value = page.link(login.authorization_url)
        self._help.value = page.help_with_paste(distance)
        self._left.value = page.countdown(login.seconds_left, request.timeout)
        return (self._link, self._help, self._paste, self._left, self._cancel)

    def _signed_in(self, standing: Standing) -> tuple[Any, ...]:
        current = self._state.current
        if current is None:
            return ()
        manager, now = current.manager, datetime.now(UTC)
        bound = self._session()
        rows = [] if self._state.hides_person else [("Who", person_of(manager.claims))]
        since = manager.claims.get("auth_time")
        if since:
            rows.append(("Since", moment(datetime.fromtimestamp(since, UTC), now)))
        rows += [("Variables", ", ".join(self._state.variables.held()) or "none")]
        self._who.value = page.person(rows)
        arn = bound.role_arn if bound is not None else None
        until = manager.expiration(arn)
        self._left.value = page.time_left(until, now, manager.lifetime(arn)) if until is not None else ""
        self._show_roles(manager.roles, arn)
        self._out.disabled = self._roles.disabled = standing.busy is not None
        return (self._who, self._left, *((self._roles,) if manager.roles else ()), self._out)

    def _show_roles(self, roles: tuple[str, ...], chosen: str | None) -> None:
        options = tuple(zip(shortest_suffixes(roles, roles), roles, strict=True))
        self._roles.unobserve(self._role_chosen, "value")
        if self._roles.options != options:
            self._roles.options = options
        if self._roles.value != chosen and (chosen in roles or chosen is None):
            self._roles.value = chosen
        self._roles.observe(self._role_chosen, "value")

    def _session(self) -> BoundSession | None:
        """The session that the panel's role is about: the one asked for last, if it is still ours."""
        request = self._state.controller.request
        bound = self._state.variables.get(request.session_name) if request is not None else None
        return bound if isinstance(bound, BoundSession) else None

    # -- what a person does

    def start(self) -> None:
        """Starts a sign-in, as its button does."""
        self._state.start_by_button()

    def _pasted(self, change: Any) -> None:
        text = change["new"]
        if not text:
            return
        # Emptied before anything else happens: what was pasted is never saved with the notebook.
        self._paste.value = ""
        self._state.controller.paste(text)

    def _role_chosen(self, change: Any) -> None:
        request = self._state.controller.request
        if change["new"] is not None and request is not None:
            arn = change["new"]
            self._state.controller.in_background("Taking the role", lambda: self._state.take_role(arn, request))

    def _sign_out(self) -> None:
        self._state.controller.in_background("Signing out", self._state.sign_out)

    # -- whether anybody looks

    def _beat(self) -> None:
        if not self.seen:
            self._pulse.playing = False
            self._pulse.playing = True

    def _shown(self, _: Any) -> None:
        self.seen = True


def _button(text: str, action: Any, style: str = "") -> Any:
    button = ipywidgets.Button(description=text, button_style=style, layout=ipywidgets.Layout(width="auto"))
    button.on_click(lambda _: action())
    return button


def _state_here() -> NotebookState:
    """The state of the shell that runs this."""
    from IPython.core.getipython import get_ipython

    from .extension import load, loaded

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("A LoginPanel lives in a notebook: run this in JupyterLab or another Jupyter front end.")
    load(shell)
    magics = loaded(shell)
    if magics is None:
        raise RuntimeError("The extension could not be loaded. Run: %load_ext cognito_jupyter")
    return magics.state
