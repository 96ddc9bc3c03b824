"""A notebook's state with a panel, in this process, and the user who clicks in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets
from IPython.core.interactiveshell import InteractiveShell

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.notebook.model.controller import Phase, StatusListener
from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.model.state import NotebookState
from cognito_jupyter.notebook.panel.widget import LoginPanel
from cognito_jupyter.settings import Settings
from tests.support.polling import wait_until
from tests.support.shared_kernels import configuration_from_environment


class TransitionRecorder(StatusListener):
    """Records every transition, and each state that offers the user no button."""

    def __init__(self, panel: LoginPanel) -> None:
        self._panel = panel
        self._lock = threading.RLock()
        self._last = panel._state.controller.status.phase
        self.transitions: set[tuple[Phase, Phase]] = set()
        self.dead_ends: list[Phase] = []

    def on_status(self) -> None:
        with self._lock:
            drawn = self._panel._state.controller.status
            self._panel.on_status()
            status = self._panel._state.controller.status
            self.transitions.add((self._last, status.phase))
            self._last = status.phase
            # Another thread may have changed it meanwhile, and then has it drawn anew.
            if not self.buttons and status.busy is None and status == drawn:
                self.dead_ends.append(status.phase)

    def has_seen(self, phase: Phase) -> bool:
        """Returns whether a phase is the newest one, and is recorded."""
        with self._lock:
            return self._last is phase is self._panel._state.controller.status.phase

    @property
    def buttons(self) -> dict[str, Any]:
        return {
            each.description: each
            for each in self._panel.children
            if isinstance(each, ipywidgets.Button) and not each.disabled
        }


class PanelDriver:
    """A notebook's state with a panel, and what a user does with it.

    Args:
        cognito: Where the user signs in.
        shell: The notebook's shell.

    Attributes:
        make_request: Makes the request of each login; a test may replace it.
    """

    def __init__(self, cognito: LocalCognito, shell: InteractiveShell) -> None:
        self.cognito = cognito
        self.make_request: Callable[[], LoginRequest] = lambda: request_for(cognito)
        self.state = NotebookState(shell, self.request)
        self.panel = LoginPanel(self.state)
        self.recorder = TransitionRecorder(self.panel)
        self.state.controller.subscribe(self.recorder)

    def request(self) -> LoginRequest:
        return self.make_request()

    def click(self, button: str) -> None:
        wait_until(lambda: button in self.recorder.buttons)
        self.recorder.buttons[button].click()

    def wait_for_phase(self, phase: Phase) -> None:
        """Waits until the recorder has been told, which happens after the status was set."""
        wait_until(lambda: self.recorder.has_seen(phase), lambda: str(self.state.controller.status))

    def complete_sign_in(self) -> None:
        self.wait_for_phase(Phase.WAITING)
        login = self.state.controller.login
        assert login is not None
        user = self.cognito.demo_user
        submit_login(login.authorization_url, user.username, user.password)


def request_for(cognito: LocalCognito, **changes: object) -> LoginRequest:
    pools = configuration_from_environment(cognito.environment)
    request = LoginRequest(Settings(pools, timeout=60), "Analyst", open_browser=False)
    return replace(request, **changes)  # type: ignore[arg-type]
