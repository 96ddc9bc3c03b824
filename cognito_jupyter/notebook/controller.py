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

from ..errors import CognitoError, LoginCancelledError, PastedAnswerError
from ..oauth.login import LoginState
from .attempt import Attempt

if TYPE_CHECKING:
    from ..oauth.login import Login
    from .signin import LoginRequest
    from .state import NotebookState


class Phase(enum.Enum):
    """Where a notebook's sign-in stands; the value is what a person would call it."""

    IDLE = "Not signed in"
    STARTING = "Getting ready"
    WAITING = "Waiting for the person"
    FINISHING = "Finishing"
    SIGNED_IN = "Signed in"
    OVER = "Not finished"
    ENDED = "Ended by the user pool"


# From where to where, and by what: docs/panel.svg is drawn from it, and tests/notebook/test_state_chart.py holds the
# code to it.
CHART: tuple[tuple[Phase, str, Phase], ...] = (
    (Phase.IDLE, "sign in", Phase.STARTING),
    (Phase.STARTING, "listener stands", Phase.WAITING),
    (Phase.STARTING, "kept on this computer", Phase.SIGNED_IN),
    (Phase.STARTING, "cancel, or it cannot start", Phase.OVER),
    (Phase.WAITING, "answer comes, or is pasted", Phase.FINISHING),
    (Phase.WAITING, "wrong address pasted", Phase.WAITING),
    (Phase.WAITING, "cancel, denied, time is up", Phase.OVER),
    (Phase.FINISHING, "tokens and keys are there", Phase.SIGNED_IN),
    (Phase.FINISHING, "cancel, refused, unreachable", Phase.OVER),
    (Phase.OVER, "try again", Phase.STARTING),
    (Phase.OVER, "back to the sign-in of before", Phase.SIGNED_IN),
    (Phase.SIGNED_IN, "another role", Phase.SIGNED_IN),
    (Phase.SIGNED_IN, "sign in elsewhere", Phase.STARTING),
    (Phase.SIGNED_IN, "sign out", Phase.IDLE),
    (Phase.SIGNED_IN, "refresh token refused", Phase.ENDED),
    (Phase.ENDED, "sign in again", Phase.STARTING),
)


ON_ITS_WAY = frozenset({Phase.STARTING, Phase.WAITING, Phase.FINISHING})
"""A login is being made, by whomever."""


@dataclass(frozen=True)
class Standing:
    """How a sign-in stands at one moment; nothing of it is secret.

    Attributes:
        problem: What went wrong last, in a sentence or two.
        busy: What is being done just now, in a word or two.
        as_wished: Whether what it says is no fault, since the person stopped it.
    """

    phase: Phase = Phase.IDLE
    problem: str | None = None
    busy: str | None = None
    as_wished: bool = False


class Controller:
    """Starts, finishes and ends a notebook's sign-ins.

    Args:
        state: The notebook's state, which keeps what comes of them.

    Attributes:
        attempt: The login on its way; None where there is none.
        request: What was asked for last.
        chosen_to_stay: What a person chose in a panel about staying signed in on this computer; None: nothing, so that
            the settings decide.
    """

    def __init__(self, state: NotebookState) -> None:
        self._state = state
        self._lock = threading.RLock()
        self._beginning = threading.Lock()
        self._start: object = None
        self._context = contextvars.copy_context()
        self._standing = Standing()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self.attempt: Attempt | None = None
        self.request: LoginRequest | None = None
        self.chosen_to_stay: bool | None = None

    @property
    def standing(self) -> Standing:
        """How it stands; that a sign-in has ended is noticed here."""
        with self._lock:
            standing = self._standing
            if standing.phase is Phase.WAITING and self._answered:
                return Standing(Phase.FINISHING)
            current = self._state.current
            if standing.phase in {Phase.IDLE, Phase.SIGNED_IN} and standing.busy is None:
                if current is None:
                    return Standing(Phase.IDLE, standing.problem)
                if current.manager.ended:
                    return Standing(Phase.ENDED, standing.problem)
                return Standing(Phase.SIGNED_IN, standing.problem or current.manager.problem)
            return standing

    @property
    def login(self) -> Login | None:
        """The login that waits for an answer."""
        return self.attempt.login if self.attempt is not None else None

    @property
    def stays(self) -> bool:
        """Whether the login on its way, or the next one, leaves the person signed in on this computer."""
        if self.chosen_to_stay is not None:
            return self.chosen_to_stay
        return self.request is not None and self.request.settings.remember

    def choose_to_stay(self, stays: bool) -> None:
        """Takes what a person chose, which counts until a login is asked for in another way."""
        self.chosen_to_stay = stays
        self.refresh()

    def watch(self, watcher: Watcher) -> None:
        """Tells it of every change from now on, from whatever thread; it is held weakly."""
        self._watchers.add(watcher)

    # -- what a person can do

    def begin(
        self, request: LoginRequest, make_attempt: Callable[[], Attempt], wanted: Callable[[], bool] = lambda: True
    ) -> Attempt:
        """Starts a login; one that is on its way is given up for it.

        Args:
            request: What is asked for.
            make_attempt: Makes the login.
            wanted: Whether it is still to start; asked again once it is made, which may take a while.

        Raises:
            LoginCancelledError: It was stopped before it started.
        """
        # One at a time: two panels may be clicked at once, and a magic may run beside them.
        with self._beginning:
            if not wanted():
                raise _stopped()
            self.cancel()
            attempt = make_attempt()
            with self._lock:
                if not wanted():
                    raise _stopped()
                self._start = None
                self.request = request
                self.attempt = attempt
            self._put(Standing(Phase.STARTING))
            attempt.on_ready = self._ready
            attempt.outcome.add_done_callback(lambda _: self._finished(attempt))
            attempt.start()
        return attempt

    def start(
        self, find: Callable[[], LoginRequest], login: Callable[[LoginRequest, Callable[[], bool]], object]
    ) -> None:
        """Starts a login in a thread, since finding its settings may take a request; for buttons.

        A second click, or one on another panel, changes nothing while a login is on its way.

        Args:
            find: Finds what is asked for; its error becomes the problem shown.
            login: Starts it, if it is still wanted by then.
        """
        with self._lock:
            if self._standing.phase in ON_ITS_WAY:
                return
            self._start = start = object()
            self._standing = Standing(Phase.STARTING)

        def work() -> None:
            try:
                login(find(), lambda: self._start is start)
            except CognitoError as error:
                if self._start is start:
                    self._put(_over(error))

        self.refresh()
        threading.Thread(target=work, name="cognito-panel-action", daemon=True).start()

    def paste(self, text: str) -> None:
        """Hands over what a person pasted; what is wrong with it becomes the problem shown."""
        login = self.login
        if login is None:
            return
        try:
            login.paste(text)
        except PastedAnswerError as mistake:
            if not login.finished.is_set():
                self._put(Standing(Phase.WAITING, str(mistake)))
        else:
            self._put(Standing(Phase.FINISHING))

    def cancel(self, *, wait: bool = True) -> None:
        """Gives up the login on its way, if there is one.

        Args:
            wait: Whether to wait until nothing is left of it.
        """
        attempt = self.attempt
        if attempt is not None and not attempt.concluded.is_set():
            attempt.give_up(wait=wait)

    def stop(self) -> None:
        """Gives up what is on its way, a login or the search for its settings; for buttons, so it does not wait."""
        with self._lock:
            searching = self._start is not None and self.attempt is None and self._standing.phase is Phase.STARTING
            self._start = None
        if searching:
            self._put(_over(_stopped()))
        self.cancel(wait=False)

    def settle(self) -> None:
        """Shows who is signed in, or that nobody is, unless a login is on its way."""
        if self.attempt is None:
            self._put(Standing(self._settled_phase()))

    def in_background(self, what: str, action: Callable[[], object]) -> None:
        """Does something that may take a while, in a thread; its error becomes the problem shown."""

        def work() -> None:
            problem: str | None = None
            try:
                action()
            except CognitoError as error:
                problem = str(error)
            self._put(Standing(self._settled_phase(), problem))

        self._put(Standing(self._standing.phase, None, what))
        threading.Thread(target=work, name="cognito-panel-action", daemon=True).start()

    def refresh(self) -> None:
        """Lets everything that shows it look again."""
        for watcher in list(self._watchers):
            # In a cell's context, wherever this is called: for a thread without one, ipykernel 7.0 to 7.2 send nothing.
            self._context.copy().run(watcher.changed)

    # -- what the login does

    @property
    def _answered(self) -> bool:
        """Whether the person has come back; a login that ended otherwise is over, and has nothing to finish."""
        login = self.login
        return login is not None and login.finished.is_set() and login.state is LoginState.COMPLETED

    def _ready(self) -> None:
        self._put(Standing(Phase.FINISHING if self._answered else Phase.WAITING))

    def _finished(self, attempt: Attempt) -> None:
        """In the login's thread: keeps what came of it, then lets everybody know."""
        standing = Standing(Phase.SIGNED_IN)
        try:
            if attempt.given_up:
                raise _stopped()
            outcome = attempt.outcome.result()
            standing = Standing(Phase.SIGNED_IN, str(outcome.problem) if outcome.problem is not None else None)
            self._state.keep(outcome, attempt.request)
        except CognitoError as error:
            attempt.failure = error
            kept = attempt.outcome.exception() is None and not attempt.given_up
            standing = Standing(Phase.SIGNED_IN, str(error)) if kept else _over(error)
        except BaseException as error:  # noqa: BLE001 - a fault of ours: the magic raises it again, the panel shows it
            attempt.failure = error
            standing = Standing(Phase.OVER, f"Something went wrong that should not ({type(error).__name__}).")
        if attempt is self.attempt:
            self.attempt = None
            self._put(standing)
        attempt.concluded.set()

    def _settled_phase(self) -> Phase:
        return Phase.SIGNED_IN if self._state.current is not None else Phase.IDLE

    def _put(self, standing: Standing) -> None:
        with self._lock:
            self._standing = standing
        self.refresh()


def _over(error: CognitoError) -> Standing:
    return Standing(Phase.OVER, str(error), as_wished=isinstance(error, LoginCancelledError))


def _stopped() -> LoginCancelledError:
    return LoginCancelledError("The sign-in was stopped.", "Start it again when you like.")


class Watcher:
    """Something that shows how a sign-in stands."""

    def changed(self) -> None:
        """Told from any thread that there is something new to show."""
        raise NotImplementedError
