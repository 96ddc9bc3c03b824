"""One sign-in of a notebook, as everything that shows it sees it: where it stands, and what can be done next.

The panel's buttons and the magics act through it, from whatever thread; it tells every panel when something changed.
"""

from __future__ import annotations

import contextvars
import enum
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import CognitoError, LoginCancelledError, PastedUrlError
from ...oauth.login import LoginState
from .login_task import LoginTask

if TYPE_CHECKING:
    from ...oauth.login import Login
    from .sign_in import LoginRequest
    from .state import NotebookState


class Phase(enum.Enum):
    """Where a notebook's sign-in stands; the value is what a person would call it."""

    IDLE = "Not signed in"
    STARTING = "Getting ready"
    WAITING = "Waiting for the person"
    FINISHING = "Finishing"
    SIGNED_IN = "Signed in"
    UNFINISHED = "Not finished"
    ENDED = "Ended by the user pool"


# From where to where, and by what: docs/panel.svg is drawn from it, and tests/notebook/test_state_chart.py holds the
# code to it.
TRANSITIONS: tuple[tuple[Phase, str, Phase], ...] = (
    (Phase.IDLE, "sign in", Phase.STARTING),
    (Phase.STARTING, "listener stands", Phase.WAITING),
    (Phase.STARTING, "kept on this computer", Phase.SIGNED_IN),
    (Phase.STARTING, "cancel, or it cannot start", Phase.UNFINISHED),
    (Phase.WAITING, "answer comes, or is pasted", Phase.FINISHING),
    (Phase.WAITING, "wrong address pasted", Phase.WAITING),
    (Phase.WAITING, "cancel, denied, time is up", Phase.UNFINISHED),
    (Phase.FINISHING, "tokens and keys are there", Phase.SIGNED_IN),
    (Phase.FINISHING, "cancel, refused, unreachable", Phase.UNFINISHED),
    (Phase.UNFINISHED, "try again", Phase.STARTING),
    (Phase.UNFINISHED, "back to the sign-in of before", Phase.SIGNED_IN),
    (Phase.SIGNED_IN, "another role", Phase.SIGNED_IN),
    (Phase.SIGNED_IN, "sign in elsewhere", Phase.STARTING),
    (Phase.SIGNED_IN, "sign out", Phase.IDLE),
    (Phase.SIGNED_IN, "refresh token refused", Phase.ENDED),
    (Phase.ENDED, "sign in again", Phase.STARTING),
)


IN_PROGRESS = frozenset({Phase.STARTING, Phase.WAITING, Phase.FINISHING})
"""A login is being made, by whomever."""


@dataclass(frozen=True)
class SignInStatus:
    """How a sign-in stands at one moment; nothing of it is secret.

    Attributes:
        warning: What went wrong last, in a sentence or two.
        busy: What is being done just now, in a word or two.
        user_cancelled: Whether what it says is no fault, since the person stopped it.
    """

    phase: Phase = Phase.IDLE
    warning: str | None = None
    busy: str | None = None
    user_cancelled: bool = False


class Controller:
    """Starts, finishes and ends a notebook's sign-ins.

    Args:
        state: The notebook's state, which keeps what comes of them.

    Attributes:
        login_task: The login on its way; None where there is none.
        request: What was asked for last.
        remember_choice: What a person chose in a panel about staying signed in on this computer; None: nothing, so that
            the settings decide.
    """

    def __init__(self, state: NotebookState) -> None:
        self._state = state
        self._lock = threading.RLock()
        self._start_lock = threading.Lock()
        self._pending_start: object = None
        self._context = contextvars.copy_context()
        self._status = SignInStatus()
        self._listeners: weakref.WeakSet[StatusListener] = weakref.WeakSet()
        self.login_task: LoginTask | None = None
        self.request: LoginRequest | None = None
        self.remember_choice: bool | None = None

    @property
    def status(self) -> SignInStatus:
        """How it stands; that a sign-in has ended is noticed here."""
        with self._lock:
            status = self._status
            if status.phase is Phase.WAITING and self._response_received:
                return SignInStatus(Phase.FINISHING)
            current = self._state.current
            if status.phase in {Phase.IDLE, Phase.SIGNED_IN} and status.busy is None:
                if current is None:
                    return SignInStatus(Phase.IDLE, status.warning)
                if current.manager.ended:
                    return SignInStatus(Phase.ENDED, status.warning)
                error = current.manager.warning
                return SignInStatus(Phase.SIGNED_IN, status.warning or (str(error) if error is not None else None))
            return status

    @property
    def login(self) -> Login | None:
        """The login that waits for an answer."""
        return self.login_task.login if self.login_task is not None else None

    @property
    def remember(self) -> bool:
        """Whether the login on its way, or the next one, leaves the person signed in on this computer."""
        if self.remember_choice is not None:
            return self.remember_choice
        return self.request is not None and self.request.settings.remember

    def set_remember(self, remember: bool) -> None:
        """Takes what a person chose, which counts until a login is asked for in another way."""
        self.remember_choice = remember
        self.notify_listeners()

    def subscribe(self, listener: StatusListener) -> None:
        """Tells it of every change from now on, from whatever thread; it is held weakly."""
        self._listeners.add(listener)

    # -- what a person can do

    def start_login_task(
        self,
        request: LoginRequest,
        make_login_task: Callable[[], LoginTask],
        still_wanted: Callable[[], bool] = lambda: True,
    ) -> LoginTask:
        """Starts a login; one that is on its way is given up for it.

        Args:
            request: What is asked for.
            make_login_task: Makes the login.
            still_wanted: Whether it is still to start; asked again once it is made, which may take a while.

        Raises:
            LoginCancelledError: It was stopped before it started.
        """
        # One at a time: two panels may be clicked at once, and a magic may run beside them.
        with self._start_lock:
            if not still_wanted():
                raise _cancelled_error()
            self.cancel_login_task()
            login_task = make_login_task()
            with self._lock:
                if not still_wanted():
                    raise _cancelled_error()
                self._pending_start = None
                self.request = request
                self.login_task = login_task
            self._set_status(SignInStatus(Phase.STARTING))
            login_task.on_progress = self._on_progress
            login_task.future.add_done_callback(lambda _: self._on_finished(login_task))
            login_task.start()
        return login_task

    def start_in_background(
        self,
        find_request: Callable[[], LoginRequest],
        start_login: Callable[[LoginRequest, Callable[[], bool]], object],
    ) -> None:
        """Starts a login in a thread, since finding its settings may take a request; for buttons.

        A second click, or one on another panel, changes nothing while a login is on its way.

        Args:
            find_request: Finds what is asked for; its error becomes the problem shown.
            start_login: Starts it, if it is still wanted by then.
        """
        with self._lock:
            if self._status.phase in IN_PROGRESS:
                return
            self._pending_start = start = object()
            self._status = SignInStatus(Phase.STARTING)

        def work() -> None:
            try:
                start_login(find_request(), lambda: self._pending_start is start)
            except CognitoError as error:
                if self._pending_start is start:
                    self._set_status(_unfinished(error))

        self.notify_listeners()
        threading.Thread(target=work, name="cognito-panel-action", daemon=True).start()

    def submit_pasted_url(self, text: str) -> None:
        """Hands over what a person pasted; what is wrong with it becomes the problem shown."""
        login = self.login
        if login is None:
            return
        try:
            login.handle_pasted_url(text)
        except PastedUrlError as mistake:
            if not login.finished.is_set():
                self._set_status(SignInStatus(Phase.WAITING, str(mistake)))
        else:
            self._set_status(SignInStatus(Phase.FINISHING))

    def cancel_login_task(self, *, wait: bool = True) -> None:
        """Gives up the login on its way, if there is one.

        Args:
            wait: Whether to wait until nothing is left of it.
        """
        login_task = self.login_task
        if login_task is not None and not login_task.done.is_set():
            login_task.cancel(wait=wait)

    def request_cancel(self) -> None:
        """Gives up what is on its way, a login or the search for its settings; for buttons, so it does not wait."""
        with self._lock:
            searching = (
                self._pending_start is not None and self.login_task is None and self._status.phase is Phase.STARTING
            )
            self._pending_start = None
        if searching:
            self._set_status(_unfinished(_cancelled_error()))
        self.cancel_login_task(wait=False)

    def reset_status(self) -> None:
        """Shows who is signed in, or that nobody is, unless a login is on its way."""
        if self.login_task is None:
            self._set_status(SignInStatus(self._idle_phase()))

    def run_in_background(self, busy: str, action: Callable[[], object]) -> None:
        """Does something that may take a while, in a thread; its error becomes the problem shown."""

        def work() -> None:
            problem: str | None = None
            try:
                action()
            except CognitoError as error:
                problem = str(error)
            self._set_status(SignInStatus(self._idle_phase(), problem))

        self._set_status(SignInStatus(self._status.phase, None, busy))
        threading.Thread(target=work, name="cognito-panel-action", daemon=True).start()

    def notify_listeners(self) -> None:
        """Lets everything that shows it look again."""
        for listener in list(self._listeners):
            # In a cell's context, wherever this is called: for a thread without one, ipykernel 7.0 to 7.2 send nothing.
            self._context.copy().run(listener.on_status)

    # -- what the login does

    @property
    def _response_received(self) -> bool:
        """Whether the person has come back; a login that ended otherwise is over, and has nothing to finish."""
        login = self.login
        return login is not None and login.finished.is_set() and login.state is LoginState.COMPLETED

    def _on_progress(self) -> None:
        self._set_status(SignInStatus(Phase.FINISHING if self._response_received else Phase.WAITING))

    def _on_finished(self, login_task: LoginTask) -> None:
        """In the login's thread: keeps what came of it, then lets everybody know."""
        status = SignInStatus(Phase.SIGNED_IN)
        try:
            if login_task.cancelled:
                raise _cancelled_error()
            outcome = login_task.future.result()
            status = SignInStatus(Phase.SIGNED_IN, str(outcome.role_error) if outcome.role_error is not None else None)
            self._state.accept_result(outcome, login_task.request)
        except CognitoError as error:
            login_task.failure = error
            signed_in = login_task.future.exception() is None and not login_task.cancelled
            status = SignInStatus(Phase.SIGNED_IN, str(error)) if signed_in else _unfinished(error)
        except BaseException as error:  # noqa: BLE001 - a fault of ours: the magic raises it again, the panel shows it
            login_task.failure = error
            status = SignInStatus(Phase.UNFINISHED, f"Something went wrong that should not ({type(error).__name__}).")
        if login_task is self.login_task:
            self.login_task = None
            self._set_status(status)
        login_task.done.set()

    def _idle_phase(self) -> Phase:
        return Phase.SIGNED_IN if self._state.current is not None else Phase.IDLE

    def _set_status(self, status: SignInStatus) -> None:
        with self._lock:
            self._status = status
        self.notify_listeners()


def _unfinished(error: CognitoError) -> SignInStatus:
    return SignInStatus(Phase.UNFINISHED, str(error), user_cancelled=isinstance(error, LoginCancelledError))


def _cancelled_error() -> LoginCancelledError:
    return LoginCancelledError("The sign-in was stopped.", "Start it again when you like.")


class StatusListener:
    """Something that shows how a sign-in stands."""

    def on_status(self) -> None:
        """Told from any thread that there is something new to show."""
        raise NotImplementedError
