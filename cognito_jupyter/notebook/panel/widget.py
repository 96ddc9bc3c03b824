"""LoginPanel: signing in and out by buttons, and seeing who is signed in and for how long.

`%cognito_panel` and `%cognito_login` make one, and so may any cell. It shows the status of the notebook's one sign-in,
whatever changed it: this panel, another one, a magic or the user pool. It only displays that status and calls the
controller; it holds neither tokens nor credentials.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Unicode

from ..._printable import printable
from ...credentials.roles import shortest_suffixes
from ..display.ipython import require_magics
from ..display.login_views import PANEL_PLACEHOLDER
from ..display.panel_output import show_panel
from ..kernel.comm_logs import new_model_id, redact_comm_logs
from ..model.controller import Phase, SignInStatus, StatusListener
from ..model.state import NotebookState
from . import html as page
from .content import panel_content
from .style import panel_style

if TYPE_CHECKING:
    from .view import PanelView

_PROBE_INTERVAL = 2000
"""Milliseconds after which a front end that draws the panel reports so, even if it cannot draw the view."""
_VIEW_GRACE = 1.0
"""Seconds that a front end which creates widgets has for the view, before the panel does without it; also the interval
between two beats of the probe."""
_MAX_BEATS = 60
_SIGN_IN_LABELS = {Phase.IDLE: "Sign in", Phase.UNFINISHED: "Try again", Phase.ENDED: "Sign in again"}


class PasteField(ipywidgets.Password):
    """A box whose text is neither shown nor sent back to the front end."""

    value = Unicode("").tag(sync=True, echo_update=False)


class LoginPanel(ipywidgets.VBox, StatusListener):
    """A panel for signing in and out, which shows who is signed in and for how long.

    It shows the notebook's one sign-in: several panels of a kernel show the same. It may be made in any cell of a
    notebook, and loads the extension if that is necessary.

    Args:
        state: The notebook's state; None: that of the shell in which the panel is made.
        box_options: The options of an ipywidgets box, such as `layout`.

    Raises:
        LoginError: It is made outside a notebook (a ConnectionError).

    Attributes:
        seen: Whether a front end has shown it.
        outputs: What shows it in cells that do not wait for a login.
    """

    def __init__(self, state: NotebookState | None = None, **box_options: Any) -> None:
        self._state: NotebookState = state or require_magics("A LoginPanel").state
        # Statuses come from several threads, and setting a widget's value calls back in the same thread.
        self._lock = threading.RLock()
        self._fallback = self.seen = self._widgets_created = False
        self._ended = threading.Event()
        self._prober: threading.Thread | None = None
        self.outputs: list[StatusListener] = []
        redact_comm_logs(self._state.frontend.kernel)
        panel_class = f"cognito-panel-{uuid.uuid4().hex[:12]}"
        self._style = panel_style(panel_class)
        self._create_widgets()
        super().__init__(**{"layout": {"width": "auto"}, **box_options})
        self.add_class("cognito-panel").add_class(panel_class)
        self._state.controller.subscribe(self)
        self.on_status()

    def start(self) -> None:
        """Starts a login, as its button does."""
        self._state.start_from_button()

    def on_status(self) -> None:
        """Shows the current status; called from any thread."""
        with self._lock:
            status = self._state.controller.status
            head, body = panel_content(self._state, status, fallback=self._fallback)
            if not self._fallback and self._view is not None:
                self._view.show_html(head, body)
                top = [self._view]
            else:
                self._fallback_html.value = f'<style>{self._style}</style><div role="status">{head}</div>{body}'
                waiting = status.phase is Phase.WAITING
                top = [self._fallback_html, self._fallback_paste_field] if waiting else [self._fallback_html]
            self._remember_box.value = self._state.controller.remember
            self._remember_box.disabled = self._state.controller.remember_locked
            children = (*top, *self._controls(status), self._probe)
            # Only if they differ: replacing a text box moves the cursor out of it.
            if getattr(self, "children", ()) != children:
                self.children = children
            if not self.seen:
                self._beat()

    @property
    def alive(self) -> bool:
        """Whether a front end has reported that it can draw the panel, as it is or without anywidget."""
        if self._view is None or self._fallback:
            return self._widgets_created
        return self._view.alive

    @property
    def has_view(self) -> bool:
        """Whether this kernel has an anywidget that can be used."""
        return self._view is not None

    @property
    def creates_view(self) -> bool:
        """Whether a front end has reported that it has anywidget and can draw the view."""
        return self._view is not None and self._view.alive

    @property
    def creates_widgets(self) -> bool:
        """Whether a front end has reported that it can draw ipywidgets."""
        return self._widgets_created

    def keep_probing(self) -> None:
        """Has a thread probe the front end until it has reported; see `_probe_front_end`."""
        with self._lock:
            if self._prober is None:
                self._prober = threading.Thread(target=self._probe_front_end, name="cognito-panel-probe", daemon=True)
                self._prober.start()

    def stop_probing(self) -> None:
        """Ends that thread: the login is over, and another view shows how it ended."""
        self._ended.set()

    def close_all_parts(self) -> None:
        """Ends the panel, and every widget in it, in all front ends; `close` ends only the box around them."""
        self.stop_probing()
        own = [each for each in vars(self).values() if isinstance(each, ipywidgets.Widget)]
        own += [self._report_link.source[0], self]
        # Their layouts and styles are widgets as well.
        parts = [part for each in own for part in each.trait_values().values() if isinstance(part, ipywidgets.Widget)]
        for each in (*parts, *own[:-1]):
            each.close()
        self.close()

    def __repr__(self) -> str:
        return f"LoginPanel. {PANEL_PLACEHOLDER.text()}"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": repr(self), "text/html": PANEL_PLACEHOLDER.html()}

    def _ipython_display_(self, **_: Any) -> None:
        # IPython calls this method, where an object has it, in place of the other one.
        show_panel(self._state, self)

    # -- the widgets

    def _create_widgets(self) -> None:
        controller = self._state.controller
        wide = ipywidgets.Layout(width="auto")
        self._view = self._create_view()
        # These two replace the view in a front end, or in a kernel, that knows ipywidgets and not anywidget.
        self._fallback_html = ipywidgets.HTML(layout=wide)
        self._fallback_paste_field = PasteField(
            model_id=new_model_id(),
            description="Address",
            placeholder="Paste the whole address here",
            layout=wide,
            continuous_update=True,
        )
        self._fallback_paste_field.observe(self._on_pasted, "value")
        self._cancel_button = _button("Cancel", controller.request_cancel)
        self._sign_in_button = _button("Sign in", self.start, style="primary")
        self._remember_box = ipywidgets.Checkbox(
            description="Stay signed in on this computer", indent=False, layout=wide
        )
        self._remember_box.observe(self._on_remember_changed, "value")
        self._back_button = _button("Back to the previous sign-in", controller.reset_status)
        self._sign_out_button = _button("Sign out", self._sign_out)
        self._unloaded_button = _button("The extension is unloaded", lambda: None)
        self._unloaded_button.disabled = True
        self._share_box = ipywidgets.Checkbox(
            description="Share with everything else in this notebook", indent=False, layout=wide
        )
        self._share_box.observe(self._on_share_changed, "value")
        self._role_menu = ipywidgets.Dropdown(description="Role", layout=wide)
        self._role_menu.observe(self._on_role_selected, "value")
        self._role_note = ipywidgets.HTML(page.note("Clients you already created keep their old role."), layout=wide)
        # A front end that creates this link copies one value to the other, and so reports that it creates widgets.
        self._report = ipywidgets.BoundedIntText(min=0, max=1)
        self._report.observe(self._on_widgets_created, "value")
        self._report_link = ipywidgets.jsdlink(
            (ipywidgets.BoundedIntText(value=1, max=1), "value"), (self._report, "value")
        )
        # Plays one step in the front end if it is told to while it is shown there.
        self._probe = ipywidgets.Play(max=1, interval=_PROBE_INTERVAL, layout=ipywidgets.Layout(display="none"))
        self._probe.observe(self._on_probe, "value")

    def _controls(self, status: SignInStatus) -> list[Any]:
        current = self._state.current
        if status.unloaded:
            return [self._unloaded_button]
        if status.phase is Phase.SIGNED_IN:
            return self._signed_in_controls(status)
        if status.phase is Phase.WAITING:
            return [self._remember_box, self._cancel_button]
        if status.phase not in _SIGN_IN_LABELS:
            return [self._cancel_button]
        self._sign_in_button.description = _SIGN_IN_LABELS[status.phase]
        can_go_back = status.phase is Phase.UNFINISHED and current is not None and not current.manager.ended
        return [self._remember_box, self._sign_in_button, *([self._back_button] if can_go_back else [])]

    def _signed_in_controls(self, status: SignInStatus) -> list[Any]:
        current, bound = self._state.current, self._state.bound_session
        if current is None:
            return []
        self._sign_out_button.disabled = self._role_menu.disabled = status.busy is not None
        if bound is None:
            return [self._sign_out_button]
        self._update_share_box(status)
        controls = [self._share_box, self._sign_out_button]
        roles = current.manager.roles
        if len(roles) < 2:
            return controls
        self._update_role_menu(status, roles, bound.role_arn)
        return [self._role_menu, self._role_note, *controls]

    def _update_role_menu(self, status: SignInStatus, roles: tuple[str, ...], selected: str | None) -> None:
        # Unobserved during the update: only a selection by the user changes the role.
        self._role_menu.unobserve(self._on_role_selected, "value")
        if tuple(role for _, role in self._role_menu.options) != roles:
            self._role_menu.options = tuple(zip(map(printable, shortest_suffixes(roles, roles)), roles, strict=True))
        if status.busy is None and self._role_menu.value != selected and (selected in roles or selected is None):
            self._role_menu.value = selected
        self._role_menu.observe(self._on_role_selected, "value")

    def _update_share_box(self, status: SignInStatus) -> None:
        request = self._state.controller.request
        locked = request is not None and "share" in request.settings.locked
        self._share_box.disabled = locked or status.busy is not None
        if status.busy is None:  # otherwise it shows what the user has just chosen
            self._share_box.value = bool(self._state.notebook_share.roles)

    # -- what the user does

    def _on_pasted(self, change: Any) -> None:
        text = change["new"]
        if not text:
            return
        # Emptied before anything else happens: what was pasted must never be saved with the notebook.
        self._fallback_paste_field.value = ""
        self._state.controller.submit_pasted_url(text)

    def _on_role_selected(self, change: Any) -> None:
        role_arn, request = change["new"], self._state.controller.request
        if role_arn is not None and request is not None:
            self._state.controller.run_in_background(
                "Switching role", lambda: self._state.change_role(role_arn, request)
            )

    def _on_remember_changed(self, change: Any) -> None:
        if change["new"] != self._state.controller.remember:
            self._state.controller.set_remember(change["new"])

    def _on_share_changed(self, change: Any) -> None:
        if change["new"] == bool(self._state.notebook_share.roles):
            return
        if change["new"]:
            self._state.controller.run_in_background("Starting to share", self._state.share_session_role)
        else:
            self._state.controller.run_in_background("Ending the share", self._state.notebook_share.close)

    def _sign_out(self) -> None:
        self._state.controller.run_in_background("Signing out", self._state.sign_out_all)

    # -- what the front end reports

    def _create_view(self) -> PanelView | None:
        try:
            from .view import PanelView
        except ImportError:
            # anywidget is not installed, or its version does not fit; ipywidgets alone can do everything but hide the
            # link from a notebook that is saved with its widgets' state in the middle of a login.
            self._fallback = True
            return None
        controller = self._state.controller
        return PanelView(self._on_view_report, controller.submit_pasted_url, controller.submit_relayed_url, self._style)

    def _on_view_report(self) -> None:
        # Also from a front end that took its time: the view is better than what replaces it.
        self._fallback = False
        self._fallback_html.value = ""
        self.seen = self.seen or (self._view is not None and self._view.seen)
        self._state.controller.notify_listeners()

    def _on_widgets_created(self, _: Any) -> None:
        self._widgets_created = True
        if self._view is None:
            self._use_fallback()
        elif not self._view.alive:
            self.keep_probing()

    def _on_probe(self, _: Any) -> None:
        self._widgets_created = True
        if self._view is None or not self._view.seen:
            self._use_fallback()

    def _use_fallback(self) -> None:
        self._fallback = self.seen = True
        self._state.controller.notify_listeners()

    def _beat(self) -> None:
        self._probe.playing = False
        self._probe.playing = True

    def _probe_front_end(self) -> None:
        """Waits for the view's report; without it, ipywidgets draws the panel alone.

        A front end that creates widgets only when it draws them reports nothing before that, and the probe's beat is
        lost if it comes too early: so it is repeated.
        """
        for _ in range(_MAX_BEATS):
            if self._ended.wait(_VIEW_GRACE) or self.seen or (self._view is not None and self._view.alive):
                return
            if self._widgets_created:
                self._use_fallback()
                return
            self._state.controller.call_in_context(self._beat)


def _button(text: str, action: Callable[[], object], style: str = "") -> Any:
    button = ipywidgets.Button(description=text, button_style=style, layout=ipywidgets.Layout(width="auto"))
    button.on_click(lambda _: action())
    return button
