"""The status of a notebook's sign-in, and the actions that change it.

The magics and the buttons of all panels act through it, from any thread, and it notifies every panel of each change. It
displays nothing and makes no request itself: `LoginTask` does the work of a login.
"""

from __future__ import annotations

import contextvars
import copy
import enum
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..._util.process_local import ProcessLocal
from ..._util.redaction import SecretText
from ...errors import CognitoError, LoginCancelledError, LoginError, PastedUrlError
from .login_requests import LoginRequest
from .login_task import LoginTask
from .sign_ins import NotebookSignIns

if TYPE_CHECKING:
    from ...oauth.authorization_response import CallbackOutcome
    from ...oauth.login import Login


class Phase(enum.Enum):
    """The phase of a notebook's sign-in; the value is its name in the documentation."""

    IDLE = "Not signed in"
    STARTING = "Getting ready"
    WAITING = "Waiting for the user"
    FINISHING = "Finishing"
    SIGNED_IN = "Signed in"
    UNFINISHED = "Not finished"
    ENDED = "Ended by the user pool"


# From which phase to which, and why. docs/panel.svg is drawn from it, and tests/notebook/panel/test_state_chart.py
# checks that the code does the same.
TRANSITIONS: tuple[tuple[Phase, str, Phase], ...] = (
    (Phase.IDLE, "sign in", Phase.STARTING),
    (Phase.STARTING, "listener listens", Phase.WAITING),
    (Phase.STARTING, "remembered on this computer", Phase.SIGNED_IN),
    (Phase.STARTING, "cancel, or it cannot start", Phase.UNFINISHED),
    (Phase.WAITING, "response comes, or is pasted", Phase.FINISHING),
    (Phase.WAITING, "wrong address pasted", Phase.WAITING),
    (Phase.WAITING, "cancel, denied, timed out", Phase.UNFINISHED),
    (Phase.FINISHING, "tokens and credentials arrive", Phase.SIGNED_IN),
    (Phase.FINISHING, "cancel, refused, unreachable", Phase.UNFINISHED),
    (Phase.UNFINISHED, "try again", Phase.STARTING),
    (Phase.UNFINISHED, "back to the previous sign-in", Phase.SIGNED_IN),
    (Phase.SIGNED_IN, "another role", Phase.SIGNED_IN),
    (Phase.SIGNED_IN, "sign in elsewhere", Phase.STARTING),
    (Phase.SIGNED_IN, "sign out", Phase.IDLE),
    (Phase.SIGNED_IN, "refresh token refused", Phase.ENDED),
    (Phase.ENDED, "sign in again", Phase.STARTING),
)


IN_PROGRESS = frozenset({Phase.STARTING, Phase.WAITING, Phase.FINISHING})
"""The phases in which a login is running, whether a magic or a panel has started it."""


@dataclass(frozen=True)
class SignInStatus:
    """The status of a sign-in at one moment; nothing of it is secret.

    Attributes:
        phase: The phase.
        warning: What went wrong last; None where nothing did.
        busy: What is being done at the moment, in a word or two.
        user_cancelled: Whether the user cancelled the login, so that the warning is not a fault.
        unloaded: Whether the extension was unloaded, so that nothing can be done any more.
    """

    phase: Phase = Phase.IDLE
    warning: CognitoError | None = None
    busy: str | None = None
    user_cancelled: bool = False
    unloaded: bool = False


class StatusListener:
    """Shows the status of a sign-in."""

    def on_status(self) -> None:
        """Called, from any thread, when there is something new to show."""
        raise NotImplementedError


class Controller:
    """Starts, finishes and cancels the logins of one notebook.

    Args:
        sign_ins: Accepts the results.

    Attributes:
        login_task: The running login; None where there is none.
        request: What was requested last.
        remember_choice: What the user chose in a panel about staying signed in on this computer; None: no choice was
            made, and the settings decide.
    """

    def __init__(self, sign_ins: NotebookSignIns) -> None:
        self._sign_ins = sign_ins
        # Guards the status and the attributes. Never held while listeners are notified, or during a request.
        self._locks = ProcessLocal(threading.RLock)
        # Held while a login is started, which cancels the previous one and notifies listeners, so that two panels and a
        # magic start one after the other. Acquired before a panel's lock and `_lock`, never after them.
        self._start_locks = ProcessLocal(threading.Lock)
        # Held while an action of a button runs, so that a role that changes meets a share that is either there or not.
        self._action_locks = ProcessLocal(threading.Lock)
        self._pid = os.getpid()
        self._acting_thread: int | None = None  # that of the action of a button which runs
        self._pending_start: object = None
        self._context = contextvars.copy_context()
        self._status = SignInStatus()
        self._closed = False
        self._listeners: weakref.WeakSet[StatusListener] = weakref.WeakSet()
        self.login_task: LoginTask | None = None
        self.request: LoginRequest | None = None
        self.remember_choice: bool | None = None
        sign_ins.on_change = self.notify_listeners

    # Of this process: a forked child must not wait for a thread that only its parent has.
    @property
    def _lock(self) -> threading.RLock:
        return self._locks()

    @property
    def _start_lock(self) -> threading.Lock:
        return self._start_locks()

    @property
    def status(self) -> SignInStatus:
        """The current status; IDLE, SIGNED_IN and ENDED depend on the current sign-in."""
        with self._lock:
            status, current = self._status, self._sign_ins.current
            if self._closed:
                return SignInStatus(unloaded=True)
            if status.phase is Phase.WAITING and self._response_received:
                return SignInStatus(Phase.FINISHING)
            if status.busy is not None or status.phase not in {Phase.IDLE, Phase.SIGNED_IN}:
                return status
            if current is None:
                return SignInStatus(Phase.IDLE, status.warning)
            if current.manager.ended:
                return SignInStatus(Phase.ENDED, status.warning)
            return SignInStatus(Phase.SIGNED_IN, status.warning or current.manager.warning)

    @property
    def login(self) -> Login | None:
        """The login that waits for a response."""
        return self.login_task.login if self.login_task is not None else None

    @property
    def remember(self) -> bool:
        """Whether the running login, or the next one, is to be remembered on this computer."""
        if self.remember_choice is not None and not self.remember_locked:
            return self.remember_choice
        return self.request is not None and self.request.settings.remember

    @property
    def remember_locked(self) -> bool:
        """Whether an administrator has decided that, as far as the settings are known."""
        return self.request is not None and "remember" in self.request.settings.locked

    def set_remember(self, remember: bool) -> None:
        """Stores what the user chose, which is valid until a magic starts a login."""
        self.remember_choice = remember
        self.notify_listeners()

    def subscribe(self, listener: StatusListener) -> None:
        """Notifies a listener of every change from now on, from any thread; only a weak reference to it is stored."""
        with self._lock:
            self._listeners.add(listener)

    # -- what a user can do

    def start_login_task(self, login_task: LoginTask, still_wanted: Callable[[], bool]) -> None:
        """Starts a login, and cancels a running one before.

        Args:
            login_task: The login.
            still_wanted: Returns whether the login should still start; called again after a running one was cancelled,
                which may take a while.

        Raises:
            LoginCancelledError: It was cancelled before it started.
        """
        with self._start_lock:
            if not still_wanted():
                raise _cancelled_error()
            self.cancel_login_task()
            with self._lock:
                if not still_wanted():
                    raise _cancelled_error()
                self._pending_start = None
                self.request = login_task.request
                self.login_task = login_task
            self._set_status(SignInStatus(Phase.STARTING))
            login_task.on_progress = self._on_progress
            login_task.future.add_done_callback(lambda _: self._on_finished(login_task))
            login_task.start()

    def start_in_background(
        self,
        find_request: Callable[[], LoginRequest],
        start_login: Callable[[LoginRequest, Callable[[], bool]], object],
    ) -> None:
        """Starts a login in a thread, for buttons: to find its settings may take a request.

        A second click, or a click in another panel, changes nothing while a login is running.

        Args:
            find_request: Finds what the login is for; its error becomes the warning.
            start_login: Starts the login if it is still wanted by then.
        """
        with self._lock:
            if self._closed or self._status.phase in IN_PROGRESS:
                return
            self._pending_start = start = object()
            self._status = SignInStatus(Phase.STARTING)

        def work() -> None:
            try:
                start_login(find_request(), lambda: self._pending_start is start)
            except Exception as error:  # noqa: BLE001 - the panel shows it; no cell is there to raise it
                if self._pending_start is start:
                    self._set_status(_unfinished(_as_cognito_error(error)))

        self.notify_listeners()
        threading.Thread(target=work, name="cognito-panel-action", daemon=True).start()

    def submit_pasted_url(self, text: str) -> None:
        """Passes on what the user pasted; an error in it becomes the warning."""
        login, text = self.login, SecretText(text)
        if login is None:
            return
        try:
            login.handle_pasted_url(text)
        except PastedUrlError as error:
            if not login.finished.is_set():
                self._set_status(SignInStatus(Phase.WAITING, error))
        else:
            self._set_status(SignInStatus(Phase.FINISHING))

    def submit_relayed_url(self, url: str) -> CallbackOutcome | None:
        """Passes on the address of a page that received a redirect, whichever kernel's login it belongs to.

        Args:
            url: The address, with a code and a state.

        Returns:
            What it meant to this kernel's login; None if it belongs to another login.
        """
        from ...oauth.authorization_response import CallbackOutcome  # late: a restored sign-in makes no login

        login = self.login
        outcome = login.handle_relayed_url(SecretText(url)) if login is not None else CallbackOutcome.STATE_MISMATCH
        return None if outcome is CallbackOutcome.STATE_MISMATCH else outcome

    def cancel_login_task(self, *, wait: bool = True) -> None:
        """Cancels the running login, if there is one.

        Args:
            wait: Whether to wait until its listener and thread have ended.
        """
        login_task = self.login_task
        if login_task is not None and not login_task.done.is_set():
            login_task.cancel(wait=wait)

    def request_cancel(self) -> None:
        """Cancels a login that runs or is being prepared, for buttons: it does not wait."""
        with self._lock:
            preparing = (
                self._pending_start is not None and self.login_task is None and self._status.phase is Phase.STARTING
            )
            self._pending_start = None
        if preparing:
            self._set_status(_unfinished(_cancelled_error()))
        self.cancel_login_task(wait=False)

    def reset_status(self) -> None:
        """Sets the status to signed in or not signed in, unless a login is running."""
        if self.login_task is None:
            self._set_status(SignInStatus())

    def close(self) -> None:
        """Ends every panel: the extension is unloaded, and a login can only start after it was loaded again."""
        with self._lock:
            self._closed, self._pending_start = True, None
        self.notify_listeners()

    def run_in_background(self, busy: str, action: Callable[[], object]) -> None:
        """Runs an action that may take a while in a thread, after those before it; its error becomes the warning.

        Args:
            busy: The action in a word or two, for the status.
            action: The action.
        """

        def work() -> None:
            warning: CognitoError | None = None
            with self._action_locks():
                if self.status.busy != busy:  # an earlier action has ended since the click
                    self._set_status(SignInStatus(self.status.phase, busy=busy))
                self._acting_thread = threading.get_ident()
                try:
                    action()
                except Exception as error:  # noqa: BLE001 - the panel shows it; no cell is there to raise it
                    warning = _as_cognito_error(error)
                finally:
                    self._acting_thread = None
                self._set_status(SignInStatus(warning=warning))

        with self._lock:
            self._status = SignInStatus(self.status.phase, busy=busy)
        threading.Thread(target=work, name="cognito-panel-action", daemon=True).start()
        # Now, and not before: panels are drawn while the action waits for the network.
        self.notify_listeners()

    def notify_listeners(self) -> None:
        """Has every listener show the status again; not in a forked child, whose panels are its parent's."""
        if os.getpid() != self._pid or self._acting_thread == threading.get_ident():
            # What an action changes is shown with its end, for which nothing has to wait until then.
            return
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            self.call_in_context(listener.on_status)

    def call_in_context(self, action: Callable[[], object]) -> None:
        """Calls what sends something to the front end in the context of a cell, whatever thread this is.

        Without one, ipykernel 7.0 to 7.2 send nothing.

        Args:
            action: What to call.
        """
        self._context.copy().run(action)

    # -- called by the login task

    @property
    def _response_received(self) -> bool:
        """Whether the authorization response is there; a login that ended otherwise has nothing to finish."""
        login = self.login
        return login is not None and login.finished.is_set() and login.completed

    def _on_progress(self) -> None:
        self._set_status(SignInStatus(Phase.FINISHING if self._response_received else Phase.WAITING))

    def _on_finished(self, login_task: LoginTask) -> None:
        """Called in the login's thread: accepts the result, then sets the status."""
        try:
            if login_task.cancelled:
                raise _cancelled_error()
            result = login_task.future.result()
            status = SignInStatus(Phase.SIGNED_IN, result.role_error or result.warning)
            self._sign_ins.accept_result(result, login_task.request)
        except CognitoError as error:
            login_task.failure = error
            signed_in = login_task.future.exception() is None and not login_task.cancelled
            status = SignInStatus(Phase.SIGNED_IN, error) if signed_in else _unfinished(error)
        except BaseException as error:  # noqa: BLE001 - an unexpected error: the magic raises it again, the panel shows it
            login_task.failure = error
            status = SignInStatus(Phase.UNFINISHED, _as_cognito_error(error))
        if login_task is self.login_task:
            self.login_task = None
            self._set_status(status)
        login_task.done.set()

    def _set_status(self, status: SignInStatus) -> None:
        # A copy of an error has no traceback, whose frames could hold what was pasted.
        status = replace(status, warning=copy.copy(status.warning))
        with self._lock:
            self._status = status
        self.notify_listeners()


def _unfinished(error: CognitoError) -> SignInStatus:
    return SignInStatus(Phase.UNFINISHED, error, user_cancelled=isinstance(error, LoginCancelledError))


def _as_cognito_error(error: BaseException) -> CognitoError:
    """Returns an error to show: of an unexpected one the first sentence, or its class where it has none."""
    if isinstance(error, CognitoError):
        return error
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return LoginError(f"{lines[0].partition('. ')[0].rstrip('.')}.")


def _cancelled_error() -> LoginCancelledError:
    return LoginCancelledError("The sign-in was stopped.", "Start it again when you like.")
