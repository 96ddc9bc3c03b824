"""Where a cell shows a panel: as text first, and as the panel once the front end has reported that it draws widgets.

A front end without widgets, or with ones of another version than the kernel's, shows an error in place of a widget. So
no widget is shown on a guess: the widget's model is created in the kernel, and a front end that can draw it reports so
within moments, before anything of it is shown. `LoginPrompt` uses a `PanelOutput` in a cell that waits, `show_panel` in
one that does not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ..kernel.blocking import FAST_POLL_INTERVAL, Sleep, run_in_cell
from ..kernel.comms import comm_pump, poll_shell_stream
from ..kernel.frontend import Frontend
from ..model.controller import Phase, StatusListener
from .ipython import display_view
from .login_views import PANEL_PLACEHOLDER, SignInLink, UntilPanelIsDrawn, WidgetFallback
from .status import NOT_SIGNED_IN, status_table
from .views import Note, View

if TYPE_CHECKING:
    from ..model.state import NotebookState

_REPORT_TIMEOUT = 0.5
"""Seconds that a cell which shows a panel waits: for a front end to report that it draws widgets, or for the link."""
_HOW_TO_WAIT = "Does the browser say that it cannot reach the page? Run %cognito_login --paste and paste its address."
_NOTHING = Note(())


class DisplayedPanel(Protocol):
    """A panel, as far as it matters here.

    Attributes:
        seen: Whether a front end has drawn it.
        model_id: The id of the widget's model.
    """

    seen: bool
    model_id: str

    @property
    def alive(self) -> bool:
        """Whether a front end has reported that it can draw it."""

    def keep_probing(self) -> None:
        """Has a front end that says nothing before it draws the panel report once it has drawn it."""


class PanelOutput:
    """One output of a cell, which is a text or the panel.

    Args:
        frontend: The front end of the kernel.
        panel: The panel; None: there is none, and the output is always text.
        drawing_timeout: Seconds within which a front end draws the panel, or the text is shown again, until it has
            drawn it after all; None: no limit.
    """

    def __init__(self, frontend: Frontend, panel: DisplayedPanel | None, drawing_timeout: float | None = None) -> None:
        self._frontend = frontend
        self._panel = panel
        self._drawing_timeout = drawing_timeout
        self._separate = panel is not None and (frontend.creates_widgets_late or frontend.is_voila)
        self._handle: Any = None
        self._shown: object = None
        self._placed_at: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the cell shows something already."""
        return self._handle is not None

    @property
    def panel_is_ready(self) -> bool:
        """Whether the panel can be shown in place of the text."""
        return self._panel is not None and not self._is_late and (self._separate or self._panel.alive)

    @property
    def panel_is_seen(self) -> bool:
        """Whether a front end has drawn the panel in this output."""
        return self._panel is not None and self._placed_at is not None and self._panel.seen

    @property
    def _is_late(self) -> bool:
        """Whether it was another front end of this kernel that reported, or this one could not draw the panel yet."""
        if self._separate or self._drawing_timeout is None or self._placed_at is None:
            return False
        drawn = self._panel is not None and self._panel.seen
        return not drawn and time.monotonic() - self._placed_at > self._drawing_timeout

    def show(self, text: View, *, final: bool = False) -> None:
        """Shows a text, or the panel, which shows the same by itself.

        Args:
            text: The text.
            final: Whether it is the last one, so that it stays for front ends that have not drawn the panel yet.
        """
        view = self._choose(text, final=final)
        if self._handle is None:
            self._handle = display_view(view)
            if self._separate and self._panel is not None:
                # Drawn only where it is displayed; what an older front end makes of it leaves the text above as it is.
                self._placed_at = time.monotonic()
                display_view(WidgetFallback(PANEL_PLACEHOLDER, self._panel.model_id))
                self._panel.keep_probing()
        elif view != self._shown and self._frontend.can_update_display:
            self._handle.update(view)
        self._shown = view

    def _choose(self, text: View, *, final: bool) -> View | WidgetFallback:
        panel = self._panel
        if panel is None or not self.panel_is_ready:
            return text
        if self._separate:
            return UntilPanelIsDrawn(text) if self._frontend.is_voila else _NOTHING if panel.seen else text
        if self._placed_at is None:
            self._placed_at = time.monotonic()
        # The same view again and again: another one would be drawn anew, and move the cursor out of the paste box.
        return WidgetFallback(text if final and not panel.seen else PANEL_PLACEHOLDER, panel.model_id)


class _UnattendedOutput(StatusListener):
    """Shows the status of the notebook's sign-in in a cell that does not wait for it.

    Args:
        state: The notebook's state.
        panel: The panel; None: there is none.
    """

    def __init__(self, state: NotebookState, panel: DisplayedPanel | None) -> None:
        self._state = state
        self._output = PanelOutput(state.frontend, panel)
        self._lock = threading.Lock()

    def on_status(self) -> None:
        """Shows the current status; called from any thread."""
        with self._lock:
            self._output.show(_status_as_text(self._state))


def show_panel(state: NotebookState, panel: Any = None) -> None:
    """Shows a panel in the cell that runs, and does not wait for the user.

    Args:
        state: The notebook's state.
        panel: The `LoginPanel`; None: the kernel has no widgets, and the output is text that follows the status.
    """
    frontend = state.frontend
    if frontend.output_is_captured or not frontend.can_update_display:
        captured = panel is not None and frontend.output_is_captured
        display_view(WidgetFallback(PANEL_PLACEHOLDER, panel.model_id) if captured else _status_as_text(state))
        return
    output = _UnattendedOutput(state, panel)
    if panel is not None:
        panel.outputs.append(output)  # the controller holds its listeners weakly
        if frontend.is_notebook and not frontend.creates_widgets_late:
            # A front end that draws widgets then shows no text before.
            wait_a_moment(frontend, lambda: panel.alive)
        else:
            wait_a_moment(frontend, lambda: panel.alive or state.controller.status.phase is not Phase.STARTING)
        # After the cell: in ipykernel 7.0 to 7.3 its end may swallow what the panel sends at that moment.
        poll_shell_stream(frontend.kernel, lambda: not panel.seen)
    else:
        state.text_outputs.append(output)
    state.controller.subscribe(output)
    output.on_status()


def wait_a_moment(frontend: Frontend, condition: Callable[[], bool], timeout: float = _REPORT_TIMEOUT) -> None:
    """Waits for a condition, while the kernel handles what widgets send.

    Args:
        frontend: The front end.
        condition: Returns whether there is nothing more to wait for.
        timeout: Seconds to wait at most.
    """
    until = time.monotonic() + timeout

    async def wait(sleep: Sleep) -> None:
        while not condition() and time.monotonic() < until:
            await sleep(FAST_POLL_INTERVAL)

    with comm_pump(frontend.kernel) as on_tick:
        run_in_cell(wait, on_tick)


def _status_as_text(state: NotebookState) -> View:
    """Returns what a panel says, for front ends without widgets."""
    status, current, login = state.controller.status, state.current, state.controller.login
    if status.unloaded:
        return Note(("The extension was unloaded. Run %load_ext cognito_jupyter, and then %cognito_panel.",))
    if status.phase is Phase.WAITING and login is not None:
        return SignInLink(login.authorization_url, None, (_HOW_TO_WAIT,))
    if status.phase is Phase.SIGNED_IN and current is not None:
        return status_table(state, current)
    if status.phase in {Phase.STARTING, Phase.WAITING, Phase.FINISHING}:
        return Note(("Signing you in …" if status.phase is Phase.FINISHING else "Getting the sign-in ready …",))
    if status.phase is Phase.ENDED:
        return Note(("Your sign-in has ended. Run %cognito_login to sign in again.",))
    return Note((str(status.warning), "Run %cognito_login to sign in.")) if status.warning else NOT_SIGNED_IN
