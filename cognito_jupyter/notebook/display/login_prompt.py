"""What the user sees of a login in a blocked cell: the link, the time left, and the paste box where it is needed.

`NotebookState` runs one for each login that a magic waits for. It shows the state of a `LoginTask`, which does the
work in a thread of its own, and when the login ends it removes the link from the output.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

from ..._util.terminal import print_text
from ...errors import CognitoError, PastedUrlError
from ...oauth.browser import RedirectPage, open_in_browser
from ...oauth.discovery import override_notice
from ...oauth.login import Login
from ..kernel.blocking import FAST_POLL_INTERVAL, POLL_INTERVAL, Sleep
from ..kernel.frontend import Frontend
from ..model.login_requests import LoginRequest
from ..model.login_task import LoginTask
from .ipython import display_view
from .paste_box import PasteBox, make_paste_box
from .views import PANEL_PLACEHOLDER, Note, SignInLink, View, WidgetFallback

_PROMPT = "Paste the address here:"
_HOW_TO_PASTE = (
    "After the sign-in the browser goes to an address that may not open. Copy that whole address from the browser's "
    "address bar and paste it into the box."
)
_IF_UNREACHABLE = "Does the browser say that it cannot reach the page? Stop this cell and run %cognito_login --paste."
_WIDGET_GRACE = 3.0
"""Seconds within which a notebook front end that shows widgets reports that it has shown the panel."""
_STALE_INPUT_NOTE = "The input box for the address is no longer needed: press Enter in it."


class DisplayedPanel(Protocol):
    """What a login prompt needs of the panel that is shown in its place.

    Attributes:
        seen: Whether a front end has shown the panel, which has a link and a paste box of its own.
        model_id: The id of the widget's model.
    """

    seen: bool
    model_id: str


class LoginPrompt:
    """Shows a login, and asks for the address that the browser ends at where it must.

    Args:
        frontend: The front end of the kernel.
        request: What the login is for.
        login_task: The login, already started.
        panel: Shown in place of the text by front ends that show widgets; None: there is none.
    """

    def __init__(
        self, frontend: Frontend, request: LoginRequest, login_task: LoginTask, panel: DisplayedPanel | None = None
    ) -> None:
        self._panel = panel
        self._frontend = frontend
        self._request = request
        self._login_task = login_task
        self._display: Any = None
        self._shown_link: SignInLink | None = None
        self._hints: tuple[str, ...] = ()
        self._paste_error: str | None = None
        self._box: PasteBox | None = None
        self._redirect_page: RedirectPage | None = None

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
                self._show(login)
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
        finally:
            if self._redirect_page is not None:
                self._redirect_page.close()

    def finish(self, view: View) -> None:
        """Shows the result in place of the link; a panel that is displayed shows it itself."""
        if not self._replace_link(view):
            display_view(view)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should still know: JupyterLab runs no cell by keyboard while an input box is open."""
        return (_STALE_INPUT_NOTE,) if self._box is not None and not self._box.blocks else ()

    def _show(self, login: Login) -> None:
        remote_reason = self._request.remote_reason
        hints = [_HOW_TO_PASTE if self._needs_paste_box(login) else _IF_UNREACHABLE, override_notice()]
        if login.listener_error is not None:
            hints.insert(0, login.listener_error.what)
        elif remote_reason is not None:
            why = f"The browser may be on another computer than this kernel ({remote_reason}), so either way works:"
            hints.insert(0, why)
        self._hints = tuple(filter(None, hints))
        if self._panel is not None and self._frontend.is_notebook:
            # Nearly every such front end shows the panel; a link beside it would only be saved with the notebook.
            self._display = display_view(self._with_panel(PANEL_PLACEHOLDER))
        else:
            self._show_link(login)
        if self._request.open_browser and remote_reason is None:
            self._redirect_page = open_in_browser(login.authorization_url)

    def _needs_paste_box(self, login: Login) -> bool:
        return self._request.paste or self._request.remote_reason is not None or login.listener_error is not None

    def _poll(self, login: Login) -> float:
        """Updates the display, reads what was pasted, and returns the seconds to sleep before the next call."""
        if login.finished.is_set():
            return FAST_POLL_INTERVAL
        if self._panel_is_displayed:
            self._remove_link()
        elif self._shown_link is not None or self._request.settings.timeout - login.seconds_left > _WIDGET_GRACE:
            self._show_link(login)
            if self._box is None and self._needs_paste_box(login):
                self._box = make_paste_box(self._frontend)
                self._box.request_input(_PROMPT)
        if self._box is not None:
            self._read_paste(login, self._box)
        return POLL_INTERVAL

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
            box.request_input(_PROMPT)

    def _show_link(self, login: Login) -> None:
        """Shows the link as text and HTML for front ends without widgets; again whenever it has changed."""
        link = SignInLink(login.authorization_url, math.ceil(login.seconds_left), self._hints, self._paste_error)
        if self._display is None:
            self._display = display_view(self._with_panel(link))
        elif self._frontend.can_update_display and link != self._shown_link:
            self._display.update(self._with_panel(link))
        self._shown_link = link

    def _replace_link(self, view: View) -> bool:
        """Shows a view in place of the link, or only removes the link if the panel is displayed.

        Returns:
            Whether there is a display that can be replaced.
        """
        if self._display is None or not self._frontend.can_update_display:
            return False
        if self._panel_is_displayed:
            self._remove_link()
        else:
            self._display.update(self._with_panel(view))
        return True

    def _remove_link(self) -> None:
        """Removes the link from what is saved beside the panel.

        Only if it was shown: displaying the panel again would move the cursor out of its paste box.
        """
        if self._shown_link is not None and self._display is not None:
            self._shown_link = None
            self._display.update(self._with_panel(PANEL_PLACEHOLDER))

    @property
    def _panel_is_displayed(self) -> bool:
        return self._panel is not None and self._panel.seen

    def _with_panel(self, view: View) -> View | WidgetFallback:
        return WidgetFallback(view, self._panel.model_id) if self._panel is not None else view
