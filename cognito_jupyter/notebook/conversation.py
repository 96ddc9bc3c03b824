"""One login as the person meets it: the link, the countdown, the paste box, and what stays in the notebook after it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..errors import CognitoError, PastedAnswerError
from .display import PANEL_ONLY, BesidePanel, Invitation, Note, View
from .frontend import Frontend
from .ipython import Shown, show
from .paste import PasteBox, paste_box
from .waiting import HURRY, TICK, Pause

if TYPE_CHECKING:
    from ..oauth.browser import BrowserPage
    from ..oauth.login import Login
    from .attempt import Attempt
    from .panel import LoginPanel
    from .signin import LoginRequest

_PROMPT = "Paste the address here:"
_HOW_TO_PASTE = (
    "After the sign-in the browser goes to an address that may not open. Copy that whole address from the browser's "
    "address bar and paste it into the box."
)
_IF_FAR_AWAY = "Does the browser say that it cannot reach the page? Stop this cell and run %cognito_login --paste."
_FIRST_LOOK = 3.0
"""Seconds in which a notebook's front end that shows widgets has said so."""
_DEAD_BOX = "The box that asked for the address is not needed any more: press Enter in it."


class Conversation:
    """Shows a login, and asks for the address where it must.

    Args:
        frontend: Who is there.
        request: What was asked for.
        attempt: The login, already started.
        panel: Shown in place of the text by front ends that show widgets; None: there is none.
    """

    def __init__(
        self, frontend: Frontend, request: LoginRequest, attempt: Attempt, panel: LoginPanel | None = None
    ) -> None:
        self._panel = panel
        self._frontend = frontend
        self._request = request
        self._attempt = attempt
        self._place: Shown | None = None
        self._shown: Invitation | None = None
        self._hints: tuple[str, ...] = ()
        self._problem: str | None = None
        self._box: PasteBox | None = None
        self._asks_later = False
        self._page: BrowserPage | None = None

    async def run(self, pause: Pause) -> None:
        """Goes through the login until what came of it is kept; the caller then calls `conclude`.

        Args:
            pause: Lets time pass.

        Raises:
            CognitoError: Nothing came of it, and the display says so.
        """
        try:
            while self._attempt.login is None and not self._attempt.concluded.is_set():
                await pause(HURRY)
            login = self._attempt.login
            if login is not None:
                self._begin(login)
            while login is not None and not self._attempt.concluded.is_set():
                await pause(self._look(login))
            if self._attempt.failure is not None:
                raise self._attempt.failure
        except CognitoError as error:
            self._retract(error.what)
            raise
        except BaseException:
            # The stop button, or a fault of ours: the link must not stay in any case.
            self._retract("The sign-in was stopped.")
            raise
        finally:
            if self._page is not None:
                self._page.close()

    def conclude(self, view: View) -> None:
        """Shows what came of it, in the place where the link stood; a panel that is seen has shown it already."""
        if self._place is None or not self._frontend.updates:
            show(view)
        elif not self._seen:
            self._place.update(self._beside_panel(view))
        else:
            self._clear()

    def _beside_panel(self, view: View) -> View:
        return BesidePanel(view, self._panel) if self._panel is not None else view

    def _retract(self, sentence: str) -> None:
        if self._place is None or not self._frontend.updates:
            return
        if self._seen:
            self._clear()
        else:
            self._place.update(self._beside_panel(Note((sentence,))))

    def _clear(self) -> None:
        """Takes the link out of what is saved beside the panel; showing that anew would cost it the cursor."""
        if self._shown is not None and self._place is not None:
            self._shown = None
            self._place.update(self._beside_panel(PANEL_ONLY))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should still know: JupyterLab runs no cell by hand while a box stands open."""
        return (_DEAD_BOX,) if self._box is not None and not self._box.blocks else ()

    def _begin(self, login: Login) -> None:
        distance = self._request.distance
        self._hints = self._hints_for(login, distance)
        self._asks_later = self._request.paste or distance is not None or login.listener_problem is not None
        if self._panel is not None and self._frontend.is_notebook:
            # Nearly every such front end shows it; the link would be saved beside it for nothing.
            self._place = show(self._beside_panel(PANEL_ONLY))
        else:
            self._invite(login)
        if self._request.open_browser and distance is None:
            from ..oauth.browser import open_in_browser

            self._page = open_in_browser(login.authorization_url)

    def _hints_for(self, login: Login, distance: str | None) -> tuple[str, ...]:
        from ..oauth.discovery import endpoint_override

        override = endpoint_override()
        moved = (f"The user pool's keys come from {override}, as AWS_ENDPOINT_URL* say.",) if override else ()
        if login.listener_problem is not None:
            return (login.listener_problem.what, _HOW_TO_PASTE, *moved)
        if distance is not None:
            why = f"The browser may be on another computer than this kernel ({distance}), so either way works:"
            return (why, _HOW_TO_PASTE, *moved)
        return (_HOW_TO_PASTE if self._request.paste else _IF_FAR_AWAY, *moved)

    def _look(self, login: Login) -> float:
        if login.finished.is_set():
            return HURRY
        if self._seen:
            self._clear()
        elif self._shown is not None or self._first_look_is_over(login):
            self._invite(login)
            if self._asks_later:
                self._ask()
        if self._box is not None:
            self._take_paste(login, self._box)
        return TICK

    def _first_look_is_over(self, login: Login) -> bool:
        return self._request.timeout - login.seconds_left > _FIRST_LOOK

    def _invite(self, login: Login) -> None:
        """Shows the link as text and HTML, where there is no panel to show it; again whenever it has changed."""
        view = Invitation(login.authorization_url, math.ceil(login.seconds_left), self._hints, self._problem)
        if self._place is None:
            self._place = show(self._beside_panel(view))
        elif self._frontend.updates and view != self._shown:
            self._place.update(self._beside_panel(view))
        self._shown = view

    @property
    def _seen(self) -> bool:
        """Whether the person looks at the panel, which has a paste box of its own."""
        return self._panel is not None and self._panel.seen

    def _ask(self) -> None:
        self._asks_later = False
        self._box = paste_box(self._frontend)
        self._box.open(_PROMPT)

    def _take_paste(self, login: Login, box: PasteBox) -> None:
        pasted = box.poll()
        if pasted is None or login.finished.is_set():
            return
        try:
            login.paste(pasted)
            self._box = None
        except PastedAnswerError as mistake:
            self._problem = str(mistake)
            if self._frontend.updates:
                self._invite(login)
            else:
                print(self._problem)
            box.open(_PROMPT)
