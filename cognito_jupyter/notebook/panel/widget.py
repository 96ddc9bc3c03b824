"""LoginPanel: signing in with a click, and seeing who one is.

It shows where the notebook's sign-in stands, whoever moved it: this panel, another one, a magic, or the user pool.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Unicode

from ...credentials.roles import shortest_suffixes
from ..display.views import PANEL_PLACEHOLDER
from ..extension import require_magics
from ..model.controller import Phase, SignInStatus, StatusListener
from . import html as page
from .content import Content, panel_content
from .style import STYLE
from .view import PanelView

if TYPE_CHECKING:
    from ..model.state import NotebookState

_PROBE_INTERVAL = 2000
"""Milliseconds after which a front end that draws the panel says so, the face being unknown to it or not."""
_SIGN_IN_LABELS = {Phase.IDLE: "Sign in", Phase.UNFINISHED: "Try again", Phase.ENDED: "Sign in again"}


class PasteField(ipywidgets.Password):
    """A box whose text is neither shown nor sent back."""

    value = Unicode("").tag(sync=True, echo_update=False)


class LoginPanel(ipywidgets.VBox, StatusListener):
    """A panel for signing in and out, with what a person wants to know in between.

    It shows the notebook's one sign-in: several panels of a kernel show the same. It may be made in any cell of a
    notebook; the extension is loaded where it was not.

    Args:
        state: The notebook's state; None: that of the shell it is made in.
        box: What every box of ipywidgets takes, such as `layout`.

    Raises:
        LoginError: It is made outside a notebook (a ConnectionError).

    Attributes:
        seen: Whether a front end has shown it.
    """

    def __init__(self, state: NotebookState | None = None, **box_options: Any) -> None:
        self._state = state or require_magics("A LoginPanel").state
        self._lock = threading.RLock()
        self._fallback = self.seen = False
        self._create_widgets()
        super().__init__(**{"layout": {"width": "auto"}, **box_options})
        self.add_class("cognito-panel")
        self._state.controller.subscribe(self)
        self.on_status()

    def _create_widgets(self) -> None:
        wide = ipywidgets.Layout(width="auto")
        self._view = PanelView(self._on_view_drawn, self._state.controller.submit_pasted_url)
        # In place of the face, where a front end knows ipywidgets and not anywidget.
        self._fallback_html = ipywidgets.HTML(layout=wide)
        self._fallback_paste_field = PasteField(
            description="Address", placeholder="Paste the whole address here", layout=wide, continuous_update=True
        )
        self._fallback_paste_field.observe(self._on_pasted, "value")
        self._cancel_button = _button("Cancel", self._state.controller.request_cancel)
        self._sign_in_button = _button("Sign in", self.start, style="primary")
        self._remember_box = ipywidgets.Checkbox(
            description="Stay signed in on this computer", indent=False, layout=wide
        )
        self._remember_box.observe(self._on_remember_changed, "value")
        self._back_button = _button("Back to the sign-in of before", self._state.controller.reset_status)
        self._sign_out_button = _button("Sign out", self._sign_out)
        self._role_menu = ipywidgets.Dropdown(description="Role", layout=wide)
        self._role_menu.observe(self._on_role_selected, "value")
        self._role_note = ipywidgets.HTML(page.note("Clients made before a change keep their role."), layout=wide)
        # Ticks once in the front end after it is shown there: the one sign of life that every front end has.
        self._probe = ipywidgets.Play(max=1, interval=_PROBE_INTERVAL, layout=ipywidgets.Layout(display="none"))
        self._probe.observe(self._on_probe, "value")

    # -- what is shown

    def __repr__(self) -> str:
        return f"LoginPanel. {PANEL_PLACEHOLDER.text()}"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        self._state.frontend.poll_while(lambda: not self.seen)
        return {**bundle, "text/plain": repr(self), "text/html": PANEL_PLACEHOLDER.html()}

    def on_status(self) -> None:
        """Shows how the sign-in stands now; called from any thread."""
        with self._lock:
            status = self._state.controller.status
            content = panel_content(self._state, status, fallback=self._fallback)
            self._show_content(content)
            self._remember_box.value = self._state.controller.remember
            self._set_children((*self._content_widgets(status), *self._controls(status), self._probe))
            self._probe_frontend()

    def _show_content(self, content: Content) -> None:
        if self._fallback:
            self._fallback_html.value = f'<style>{STYLE}</style><div role="status">{content.head}</div>{content.body}'
        else:
            self._view.show_html(content.head, content.body)

    def _set_children(self, children: tuple[Any, ...]) -> None:
        # Only when it is another set: replacing a box takes the cursor out of it.
        shown: tuple[Any, ...] = getattr(self, "children", ())
        if shown != children:
            self.children = children

    def _content_widgets(self, status: SignInStatus) -> tuple[Any, ...]:
        if not self._fallback:
            return (self._view,)
        return (
            (self._fallback_html, self._fallback_paste_field)
            if status.phase is Phase.WAITING
            else (self._fallback_html,)
        )

    def _controls(self, status: SignInStatus) -> tuple[Any, ...]:
        if status.phase is Phase.SIGNED_IN:
            return self._signed_in_controls(status)
        if status.phase not in _SIGN_IN_LABELS:
            return (
                (self._remember_box, self._cancel_button) if status.phase is Phase.WAITING else (self._cancel_button,)
            )
        self._sign_in_button.description = _SIGN_IN_LABELS[status.phase]
        current = self._state.current
        can_go_back = status.phase is Phase.UNFINISHED and current is not None and not current.manager.ended
        return (
            (self._remember_box, self._sign_in_button, self._back_button)
            if can_go_back
            else (self._remember_box, self._sign_in_button)
        )

    def _signed_in_controls(self, status: SignInStatus) -> tuple[Any, ...]:
        current = self._state.current
        if current is None:
            return ()
        self._sign_out_button.disabled = self._role_menu.disabled = status.busy is not None
        roles = current.manager.roles
        bound = self._state.bound_session
        if not roles or bound is None:
            return (self._sign_out_button,)
        self._update_role_menu(roles, bound.role_arn)
        return (self._role_menu, self._role_note, self._sign_out_button)

    def _update_role_menu(self, roles: tuple[str, ...], selected: str | None) -> None:
        options = tuple(zip(shortest_suffixes(roles, roles), roles, strict=True))
        self._role_menu.unobserve(self._on_role_selected, "value")
        if self._role_menu.options != options:
            self._role_menu.options = options
        if self._role_menu.value != selected and (selected in roles or selected is None):
            self._role_menu.value = selected
        self._role_menu.observe(self._on_role_selected, "value")

    # -- what a person does

    def start(self) -> None:
        """Starts a sign-in, as its button does."""
        self._state.start_from_button()

    def _on_pasted(self, change: Any) -> None:
        text = change["new"]
        if not text:
            return
        # Emptied before anything else happens: what was pasted is never saved with the notebook.
        self._fallback_paste_field.value = ""
        self._state.controller.submit_pasted_url(text)

    def _on_role_selected(self, change: Any) -> None:
        request = self._state.controller.request
        if change["new"] is not None and request is not None:
            arn = change["new"]
            self._state.controller.run_in_background("Taking the role", lambda: self._state.change_role(arn, request))

    def _on_remember_changed(self, change: Any) -> None:
        if change["new"] != self._state.controller.remember:
            self._state.controller.set_remember(change["new"])

    def _sign_out(self) -> None:
        self._state.controller.run_in_background("Signing out", self._state.sign_out_all)

    # -- whether anybody looks

    def _probe_frontend(self) -> None:
        if not self.seen:
            self._probe.playing = False
            self._probe.playing = True

    def _on_view_drawn(self) -> None:
        self.seen = True
        self.on_status()

    def _on_probe(self, _: Any) -> None:
        self.seen = True
        if not (self._view.seen or self._fallback):
            self._fallback = True
            self.on_status()


def _button(text: str, action: Any, style: str = "") -> Any:
    button = ipywidgets.Button(description=text, button_style=style, layout=ipywidgets.Layout(width="auto"))
    button.on_click(lambda _: action())
    return button
