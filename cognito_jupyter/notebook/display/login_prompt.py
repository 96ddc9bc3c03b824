"""What the user sees of a login in a blocked cell: the link, the time left, and the paste box where it is needed.

`NotebookState` runs one for each login that a magic waits for. It shows the state of a `LoginTask`, which does the
work in a thread of its own, and when the login ends it removes the link from the output.
"""

from __future__ import annotations

import math
import time

from ..._util.terminal import print_text
from ...errors import CognitoError, PastedUrlError
from ...oauth.browser import open_sign_in
from ...oauth.discovery import override_notice
from ...oauth.login import CallbackRoute, Login
from ..kernel.blocking import FAST_POLL_INTERVAL, POLL_INTERVAL, Sleep
from ..kernel.frontend import Frontend
from ..model.login_requests import LoginRequest
from ..model.login_task import LoginTask
from .ipython import display_view
from .login_views import UNCONFIRMED_RELAY, SignInLink
from .panel_output import DisplayedPanel, PanelOutput
from .paste_box import PasteBox, make_paste_box
from .views import Note, View

_PROMPT = "Paste the address here:"
_CONSOLE_PROMPT = "Paste the address here (or press Enter when the browser says that you are signed in): "
_HOW_TO_PASTE = (
    "After the sign-in the browser goes to an address that may not open. Copy that whole address from the browser's "
    "address bar and paste it into the box."
)
_IF_UNREACHABLE = "Does the browser say that it cannot reach the page? Stop this cell and run %cognito_login --paste."
_REPORT_GRACE = 0.4
"""Seconds within which a notebook front end usually reports that it draws widgets, so that no link flickers before."""
_PASTE_BOX_GRACE = 1.5
"""Seconds after which no report is expected: a box that is open when the panel comes would stay open beside it."""
_DRAWING_GRACE = 3.0
"""Seconds within which a front end that has reported draws the panel."""
_STALE_INPUT_NOTE = "The input box for the address is no longer needed: press Enter in it."


class LoginPrompt:
    """Shows a login, and asks for the address that the browser ends at where it must.

    Args:
        frontend: The front end of the kernel.
        request: What the login is for.
        login_task: The login, already started.
        started: When the cell started it, by `time.monotonic`.
        panel: Shown in place of the text by front ends that show widgets; None: there is none.
    """

    def __init__(
        self,
        frontend: Frontend,
        request: LoginRequest,
        login_task: LoginTask,
        started: float,
        panel: DisplayedPanel | None = None,
    ) -> None:
        self._panel = panel
        self._output = PanelOutput(frontend, panel, _DRAWING_GRACE)
        self._started = started
        self._frontend = frontend
        self._request = request
        self._login_task = login_task
        self._hints: tuple[str, ...] = ()
        self._browser_returns = False
        self._paste_error: str | None = None
        self._box: PasteBox | None = None

    async def run(self, sleep: Sleep) -> None:
        """Shows the login until its result is in the notebook's state; the caller then calls `finish`.

        Args:
            sleep: Lets time pass.

        Raises:
            CognitoError: The login failed; the display says so.
        """
        task = self._login_task
        try:
            while (login := task.login) is None and not task.done.is_set():
                await sleep(FAST_POLL_INTERVAL)
            if login is not None:
                self._begin(login)
            while login is not None and not task.done.is_set():
                await sleep(self._poll(login))
            if task.failure is not None:
                raise task.failure
        except CognitoError as error:
            self._replace_link(Note((error.what,)))
            raise
        except BaseException:
            # The stop button, or a fault in this package: the link must not stay in either case.
            self._replace_link(Note(("The sign-in was stopped.",)))
            raise

    def finish(self, view: View) -> None:
        """Shows the result in place of the link; a panel that is displayed shows it itself."""
        if not self._replace_link(view):
            display_view(view)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should still know: JupyterLab runs no cell by keyboard while an input box is open."""
        return (_STALE_INPUT_NOTE,) if self._box is not None and not self._box.blocks else ()

    def _begin(self, login: Login) -> None:
        self._hints = self._find_hints(login)
        self._show_if_due(login)
        if self._request.open_browser:
            open_sign_in(login, remote=self._request.remote_reason is not None)

    def _find_hints(self, login: Login) -> tuple[str, ...]:
        remote_reason = self._request.remote_reason
        hints = [_HOW_TO_PASTE if self._needs_paste_box(login) else _IF_UNREACHABLE, override_notice()]
        if login.listener_error is not None:
            hints.insert(0, login.listener_error.what)
        elif login.route is CallbackRoute.UNCONFIRMED_RELAY:
            hints.insert(0, f"{UNCONFIRMED_RELAY}, so either way works:")
        elif remote_reason is not None and self._needs_paste_box(login):
            why = f"The browser may be on another computer than this kernel ({remote_reason}), so either way works:"
            hints.insert(0, why)
        return tuple(filter(None, hints))

    def _needs_paste_box(self, login: Login) -> bool:
        if not self._frontend.can_open_box:
            return False
        if self._request.paste or login.listener_error is not None:
            return True
        # The relay brings the redirect back to this kernel, wherever the browser is.
        remote = self._request.remote_reason is not None and login.route is not CallbackRoute.RELAY
        remote = remote and not login.browser_returns
        return remote or login.route is CallbackRoute.UNCONFIRMED_RELAY

    def _poll(self, login: Login) -> float:
        """Updates the display, reads what was pasted, and returns the seconds to sleep before the next call."""
        if login.finished.is_set():
            return FAST_POLL_INTERVAL
        if login.browser_returns and not self._browser_returns:
            self._browser_returns = True
            self._hints = self._find_hints(login)
            self._login_task.on_progress()  # the panel's words follow from it, too
        self._show_if_due(login)
        if self._box is None and self._needs_paste_box(login) and self._panel_did_not_come:
            self._box = make_paste_box(self._frontend)
            self._box.request_input(self._prompt)
        if self._box is not None:
            self._read_paste(login, self._box)
        # The front end's reports are between the user and the link.
        return POLL_INTERVAL if self._output.panel_is_seen or self._panel_did_not_come else FAST_POLL_INTERVAL

    def _read_paste(self, login: Login, box: PasteBox) -> None:
        pasted = box.poll_input()
        if pasted is None or login.finished.is_set():
            return
        try:
            login.handle_pasted_url(pasted)
            self._box = None
        except PastedUrlError as error:
            self._paste_error = str(error)
            if self._frontend.can_update_display:
                self._show_link(login)
            else:
                print_text(self._paste_error)
            box.request_input(self._prompt)

    @property
    def _prompt(self) -> str:
        return _CONSOLE_PROMPT if self._frontend.is_console else _PROMPT

    @property
    def _panel_did_not_come(self) -> bool:
        grace = _PASTE_BOX_GRACE + (_DRAWING_GRACE if self._output.panel_is_ready else 0)
        return self._panel is None or (not self._output.panel_is_seen and time.monotonic() - self._started > grace)

    def _show_if_due(self, login: Login) -> None:
        # What calls itself a notebook shows widgets nearly always; any other front end gets its link at once.
        wait_for_report = self._panel is not None and self._frontend.is_notebook and not self._output.panel_is_ready
        if not wait_for_report or time.monotonic() - self._started > _REPORT_GRACE:
            self._show_link(login)
            if self._output.panel_is_seen or not self._output.panel_is_ready:
                self._login_task.link_shown.set()

    def _show_link(self, login: Login) -> None:
        """Shows the link, again whenever it has changed, or the panel where the front end draws it."""
        if self._output.is_shown and not self._frontend.can_update_display:
            return
        self._output.show(
            SignInLink(login.authorization_url, math.ceil(login.seconds_left), self._hints, self._paste_error)
        )

    def _replace_link(self, view: View) -> bool:
        """Shows a view in place of the link; where the panel is drawn, it shows the same.

        Returns:
            Whether there is a display that can be replaced.
        """
        if not self._output.is_shown or not self._frontend.can_update_display:
            return False
        self._output.show(view, final=True)
        return True
