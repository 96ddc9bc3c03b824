"""One login as the person meets it: the link, the countdown, the paste box, and what stays in the notebook after it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..errors import CognitoError, PastedAnswerError
from .display import BesidePanel, Invitation, Note, View
from .frontend import Frontend, sign_of_distance
from .ipython import Shown, show
from .paste import PasteBox, paste_box
from .waiting import HURRY, TICK, Steps

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
_FIRST_LOOK = 2.0
"""Seconds in which a front end that shows widgets has said so."""
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
        self._problem: str | None = None
        self._box: PasteBox | None = None
        self._asks_later = False
        self._page: BrowserPage | None = None

    def steps(self) -> Steps[None]:
        """Goes through the login until what came of it is kept; to be driven by `waiting`.

        The caller then calls `conclude`.

        Raises:
            CognitoError: Nothing came of it, and the display says so.
        """
        try:
            while self._attempt.login is None and not self._attempt.concluded.is_set():
                yield HURRY
            login = self._attempt.login
            if login is not None:
                self._begin(login)
            while login is not None and not self._attempt.concluded.is_set():
                yield self._look(login)
            if self._attempt.failure is not None:
                raise self._attempt.failure
        except CognitoError as error:
            self._retract(error.what)
            raise
        except BaseException:
            # The stop button (as GeneratorExit), or a fault of ours: the link must not stay in any case.
            self._retract("The sign-in was stopped.")
            raise
        finally:
            if self._page is not None:
                self._page.close()

    def conclude(self, view: View) -> None:
        """Shows what came of it, in the place where the link stood."""
        if self._place is not None and self._frontend.updates:
            self._place.update(self._beside_panel(view))
        else:
            show(view)

    def _beside_panel(self, view: View) -> View:
        return BesidePanel(view, self._panel) if self._panel is not None else view

    def _retract(self, sentence: str) -> None:
        if self._place is not None and self._frontend.updates:
            self._place.update(self._beside_panel(Note((sentence,))))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should still know: JupyterLab runs no cell by hand while a box stands open."""
        return (_DEAD_BOX,) if self._box is not None and not self._box.blocks else ()

    def _begin(self, login: Login) -> None:
        distance = sign_of_distance()
        hints = self._hints(login, distance)
        pasting = self._request.paste or distance is not None or login.listener_problem is not None
        self._shown = Invitation(login.authorization_url, math.ceil(login.seconds_left), hints)
        self._place = show(self._beside_panel(self._shown))
        if self._request.open_browser and distance is None:
            from ..oauth.browser import open_in_browser

            self._page = open_in_browser(login.authorization_url)
        self._asks_later = pasting
        if self._request.paste:
            self._ask()

    def _hints(self, login: Login, distance: str | None) -> tuple[str, ...]:
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
        self._count_down(login)
        waited = self._request.timeout - login.seconds_left
        if self._asks_later and (self._panel is None or waited > _FIRST_LOOK) and not self._seen:
            self._ask()
        if self._box is not None:
            self._take_paste(login, self._box)
        return TICK

    def _count_down(self, login: Login, *, now: bool = False) -> None:
        left = math.ceil(login.seconds_left)
        shown = Invitation(login.authorization_url, left, self._shown.hints if self._shown else (), self._problem)
        # Where the panel is seen, it shows all this by itself, and showing it anew would take the focus from its box.
        early = self._panel is not None and login.seconds_left > self._request.timeout - _FIRST_LOOK
        shows = self._place is not None and self._frontend.updates and shown != self._shown
        if self._place is not None and shows and (now or not (self._seen or early)):
            self._shown = shown
            self._place.update(self._beside_panel(shown))

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
                self._count_down(login, now=True)
            else:
                print(self._problem)
            box.open(_PROMPT)
