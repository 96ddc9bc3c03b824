"""LoginPanel: signing in with a click, and seeing who one is.

It shows where the notebook's sign-in stands, whoever moved it: this panel, another one, a magic, or the user pool.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Unicode

from ..credentials.roles import shortest_suffixes
from . import panel_page as page
from .controller import Phase, Standing, Watcher
from .display import PANEL_ONLY
from .extension import magics_here
from .panel_content import Content, content_of
from .panel_face import PanelFace
from .panel_style import STYLE

if TYPE_CHECKING:
    from .state import NotebookState

_PATIENCE = 2000
"""Milliseconds after which a front end that draws the panel says so, the face being unknown to it or not."""
_BUTTONS = {Phase.IDLE: "Sign in", Phase.OVER: "Try again", Phase.ENDED: "Sign in again"}


class PasteField(ipywidgets.Password):
    """A box whose text is neither shown nor sent back."""

    value = Unicode("").tag(sync=True, echo_update=False)


class LoginPanel(ipywidgets.VBox, Watcher):
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

    def __init__(self, state: NotebookState | None = None, **box: Any) -> None:
        self._state = state or magics_here("A LoginPanel").state
        self._lock = threading.RLock()
        self._plain = self.seen = False
        self._make_parts()
        super().__init__(**{"layout": {"width": "auto"}, **box})
        self.add_class("cognito-panel")
        self._state.controller.watch(self)
        self.changed()

    def _make_parts(self) -> None:
        wide = ipywidgets.Layout(width="auto")
        self._face = PanelFace(self._drawn, self._state.controller.paste)
        # In place of the face, where a front end knows ipywidgets and not anywidget.
        self._text = ipywidgets.HTML(layout=wide)
        self._paste = PasteField(
            description="Address", placeholder="Paste the whole address here", layout=wide, continuous_update=True
        )
        self._paste.observe(self._pasted, "value")
        self._cancel = _button("Cancel", self._state.controller.stop)
        self._start = _button("Sign in", self.start, style="primary")
        self._stay = ipywidgets.Checkbox(description="Stay signed in on this computer", indent=False, layout=wide)
        self._stay.observe(self._chosen_to_stay, "value")
        self._back = _button("Back to the sign-in of before", self._state.controller.settle)
        self._out = _button("Sign out", self._sign_out)
        self._roles = ipywidgets.Dropdown(description="Role", layout=wide)
        self._roles.observe(self._role_chosen, "value")
        self._about_roles = ipywidgets.HTML(page.note("Clients made before a change keep their role."), layout=wide)
        # Ticks once in the front end after it is shown there: the one sign of life that every front end has.
        self._pulse = ipywidgets.Play(max=1, interval=_PATIENCE, layout=ipywidgets.Layout(display="none"))
        self._pulse.observe(self._ticked, "value")

    # -- what is shown

    def __repr__(self) -> str:
        return f"LoginPanel. {PANEL_ONLY.text()}"

    def _repr_mimebundle_(self, **how: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**how)
        self._state.frontend.hears_soon(lambda: not self.seen)
        return {**bundle, "text/plain": repr(self), "text/html": PANEL_ONLY.html()}

    def changed(self) -> None:
        """Shows how the sign-in stands now; called from any thread."""
        with self._lock:
            standing = self._state.controller.standing
            content = content_of(self._state, standing, plain=self._plain)
            self._show(content)
            self._stay.value = self._state.controller.stays
            self._arrange((*self._top(standing), *self._controls(standing), self._pulse))
            self._beat()

    def _show(self, content: Content) -> None:
        if self._plain:
            self._text.value = f'<style>{STYLE}</style><div role="status">{content.head}</div>{content.body}'
        else:
            self._face.show(content.head, content.body)

    def _arrange(self, children: tuple[Any, ...]) -> None:
        # Only when it is another set: replacing a box takes the cursor out of it.
        shown: tuple[Any, ...] = getattr(self, "children", ())
        if shown != children:
            self.children = children

    def _top(self, standing: Standing) -> tuple[Any, ...]:
        if not self._plain:
            return (self._face,)
        return (self._text, self._paste) if standing.phase is Phase.WAITING else (self._text,)

    def _controls(self, standing: Standing) -> tuple[Any, ...]:
        if standing.phase is Phase.SIGNED_IN:
            return self._signed_in(standing)
        if standing.phase not in _BUTTONS:
            return (self._stay, self._cancel) if standing.phase is Phase.WAITING else (self._cancel,)
        self._start.description = _BUTTONS[standing.phase]
        current = self._state.current
        goes_back = standing.phase is Phase.OVER and current is not None and not current.manager.ended
        return (self._stay, self._start, self._back) if goes_back else (self._stay, self._start)

    def _signed_in(self, standing: Standing) -> tuple[Any, ...]:
        current = self._state.current
        if current is None:
            return ()
        self._out.disabled = self._roles.disabled = standing.busy is not None
        roles = current.manager.roles
        bound = self._state.bound_session
        if not roles or bound is None:
            return (self._out,)
        self._show_roles(roles, bound.role_arn)
        return (self._roles, self._about_roles, self._out)

    def _show_roles(self, roles: tuple[str, ...], chosen: str | None) -> None:
        options = tuple(zip(shortest_suffixes(roles, roles), roles, strict=True))
        self._roles.unobserve(self._role_chosen, "value")
        if self._roles.options != options:
            self._roles.options = options
        if self._roles.value != chosen and (chosen in roles or chosen is None):
            self._roles.value = chosen
        self._roles.observe(self._role_chosen, "value")

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

    def _chosen_to_stay(self, change: Any) -> None:
        if change["new"] != self._state.controller.stays:
            self._state.controller.choose_to_stay(change["new"])

    def _sign_out(self) -> None:
        self._state.controller.in_background("Signing out", self._state.sign_out)

    # -- whether anybody looks

    def _beat(self) -> None:
        if not self.seen:
            self._pulse.playing = False
            self._pulse.playing = True

    def _drawn(self) -> None:
        self.seen = True
        self.changed()

    def _ticked(self, _: Any) -> None:
        self.seen = True
        if not (self._face.seen or self._plain):
            self._plain = True
            self.changed()


def _button(text: str, action: Any, style: str = "") -> Any:
    button = ipywidgets.Button(description=text, button_style=style, layout=ipywidgets.Layout(width="auto"))
    button.on_click(lambda _: action())
    return button
