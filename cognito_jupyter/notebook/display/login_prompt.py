"""One login as the person meets it: the link, the countdown, the paste box, and what stays in the notebook after it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...errors import CognitoError, PastedUrlError
from ..kernel.blocking import FAST_POLL_INTERVAL, POLL_INTERVAL, Sleep
from ..kernel.frontend import Frontend
from .ipython import DisplayHandle, display_view
from .paste_box import PasteBox, make_paste_box
from .views import PANEL_PLACEHOLDER, Note, SignInLink, View, WidgetFallback

if TYPE_CHECKING:
    from ...oauth.browser import RedirectPage
    from ...oauth.login import Login
    from ..model.login_task import LoginTask
    from ..model.sign_in import LoginRequest
    from ..panel.widget import LoginPanel

_PROMPT = "Paste the address here:"
_HOW_TO_PASTE = (
    "After the sign-in the browser goes to an address that may not open. Copy that whole address from the browser's "
    "address bar and paste it into the box."
)
_IF_UNREACHABLE = "Does the browser say that it cannot reach the page? Stop this cell and run %cognito_login --paste."
_WIDGET_GRACE = 3.0
"""Seconds in which a notebook's front end that shows widgets has said so."""
_STALE_INPUT_NOTE = "The box that asked for the address is not needed any more: press Enter in it."


class LoginPrompt:
    """Shows a login, and asks for the address where it must.

    Args:
        frontend: Who is there.
        request: What was asked for.
        login_task: The login, already started.
        panel: Shown in place of the text by front ends that show widgets; None: there is none.
    """

    def __init__(
        self, frontend: Frontend, request: LoginRequest, login_task: LoginTask, panel: LoginPanel | None = None
    ) -> None:
        self._panel = panel
        self._frontend = frontend
        self._request = request
        self._login_task = login_task
        self._display: DisplayHandle | None = None
        self._shown_link: SignInLink | None = None
        self._hints: tuple[str, ...] = ()
        self._paste_error: str | None = None
        self._box: PasteBox | None = None
        self._box_pending = False
        self._redirect_page: RedirectPage | None = None

    async def run(self, pause: Sleep) -> None:
        """Goes through the login until what came of it is kept; the caller then calls `conclude`.

        Args:
            pause: Lets time pass.

        Raises:
            CognitoError: Nothing came of it, and the display says so.
        """
        try:
            while self._login_task.login is None and not self._login_task.done.is_set():
                await pause(FAST_POLL_INTERVAL)
            login = self._login_task.login
            if login is not None:
                self._show(login)
            while login is not None and not self._login_task.done.is_set():
                await pause(self._poll(login))
            if self._login_task.failure is not None:
                raise self._login_task.failure
        except CognitoError as error:
            self._withdraw(error.what)
            raise
        except BaseException:
            # The stop button, or a fault of ours: the link must not stay in any case.
            self._withdraw("The sign-in was stopped.")
            raise
        finally:
            if self._redirect_page is not None:
                self._redirect_page.close()

    def finish(self, view: View) -> None:
        """Shows what came of it, in the place where the link stood; a panel that is seen has shown it already."""
        if self._display is None or not self._frontend.can_update_display:
            display_view(view)
        elif not self._panel_is_displayed:
            self._display.update(self._with_panel(view))
        else:
            self._remove_link()

    def _with_panel(self, view: View) -> View:
        return WidgetFallback(view, self._panel) if self._panel is not None else view

    def _withdraw(self, sentence: str) -> None:
        if self._display is None or not self._frontend.can_update_display:
            return
        if self._panel_is_displayed:
            self._remove_link()
        else:
            self._display.update(self._with_panel(Note((sentence,))))

    def _remove_link(self) -> None:
        """Takes the link out of what is saved beside the panel; showing that anew would cost it the cursor."""
        if self._shown_link is not None and self._display is not None:
            self._shown_link = None
            self._display.update(self._with_panel(PANEL_PLACEHOLDER))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should still know: JupyterLab runs no cell by hand while a box stands open."""
        return (_STALE_INPUT_NOTE,) if self._box is not None and not self._box.blocks else ()

    def _show(self, login: Login) -> None:
        remote_reason = self._request.remote_reason
        self._hints = self._hints_for(login, remote_reason)
        self._box_pending = self._request.paste or remote_reason is not None or login.listener_error is not None
        if self._panel is not None and self._frontend.is_notebook:
            # Nearly every such front end shows it; the link would be saved beside it for nothing.
            self._display = display_view(self._with_panel(PANEL_PLACEHOLDER))
        else:
            self._show_link(login)
        if self._request.open_browser and remote_reason is None:
            from ...oauth.browser import open_in_browser

            self._redirect_page = open_in_browser(login.authorization_url)

    def _hints_for(self, login: Login, remote_reason: str | None) -> tuple[str, ...]:
        from ...oauth.discovery import endpoint_override

        override = endpoint_override()
        endpoint_note = (f"The user pool's keys come from {override}, as AWS_ENDPOINT_URL* say.",) if override else ()
        if login.listener_error is not None:
            return (login.listener_error.what, _HOW_TO_PASTE, *endpoint_note)
        if remote_reason is not None:
            why = f"The browser may be on another computer than this kernel ({remote_reason}), so either way works:"
            return (why, _HOW_TO_PASTE, *endpoint_note)
        return (_HOW_TO_PASTE if self._request.paste else _IF_UNREACHABLE, *endpoint_note)

    def _poll(self, login: Login) -> float:
        if login.finished.is_set():
            return FAST_POLL_INTERVAL
        if self._panel_is_displayed:
            self._remove_link()
        elif self._shown_link is not None or self._widget_grace_passed(login):
            self._show_link(login)
            if self._box_pending:
                self._open_paste_box()
        if self._box is not None:
            self._read_paste(login, self._box)
        return POLL_INTERVAL

    def _widget_grace_passed(self, login: Login) -> bool:
        return self._request.timeout - login.seconds_left > _WIDGET_GRACE

    def _show_link(self, login: Login) -> None:
        """Shows the link as text and HTML, where there is no panel to show it; again whenever it has changed."""
        view = SignInLink(login.authorization_url, math.ceil(login.seconds_left), self._hints, self._paste_error)
        if self._display is None:
            self._display = display_view(self._with_panel(view))
        elif self._frontend.can_update_display and view != self._shown_link:
            self._display.update(self._with_panel(view))
        self._shown_link = view

    @property
    def _panel_is_displayed(self) -> bool:
        """Whether the person looks at the panel, which has a paste box of its own."""
        return self._panel is not None and self._panel.seen

    def _open_paste_box(self) -> None:
        self._box_pending = False
        self._box = make_paste_box(self._frontend)
        self._box.request_input(_PROMPT)

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
                print(self._paste_error)
            box.request_input(_PROMPT)
