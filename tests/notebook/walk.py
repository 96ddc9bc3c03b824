"""A notebook's state with a panel, in this process: what a person in front of it sees and does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets
from IPython.core.interactiveshell import InteractiveShell

from cognito_jupyter.config import CognitoConfiguration, Settings
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.person import sign_in
from cognito_jupyter.notebook.controller import Phase, Watcher
from cognito_jupyter.notebook.panel import LoginPanel
from cognito_jupyter.notebook.signin import LoginRequest
from cognito_jupyter.notebook.state import NotebookState
from tests.patience import until_true


class Visitor(Watcher):
    """Notes every change, and what the person sees to go on with."""

    def __init__(self, panel: LoginPanel) -> None:
        self._panel = panel
        self._lock = threading.RLock()
        self._last = panel._state.controller.standing.phase
        self.ways: set[tuple[Phase, Phase]] = set()
        self.dead_ends: list[Phase] = []

    def changed(self) -> None:
        with self._lock:
            self._panel.changed()
            standing = self._panel._state.controller.standing
            self.ways.add((self._last, standing.phase))
            self._last = standing.phase
            if not self.buttons and standing.busy is None:
                self.dead_ends.append(standing.phase)

    @property
    def buttons(self) -> dict[str, Any]:
        return {
            each.description: each
            for each in self._panel.children
            if isinstance(each, ipywidgets.Button) and not each.disabled
        }


class Walk:
    """A notebook's state with a panel, in front of which a person stands."""

    def __init__(self, cognito: LocalCognito, shell: InteractiveShell) -> None:
        self.cognito = cognito
        self.find: Callable[[], LoginRequest] = lambda: request_for(cognito)
        self.state = NotebookState(shell, self.request)
        self.panel = LoginPanel(self.state)
        self.visitor = Visitor(self.panel)
        self.state.controller.watch(self.visitor)

    def request(self) -> LoginRequest:
        return self.find()

    def click(self, button: str) -> None:
        until_true(lambda: button in self.visitor.buttons)
        self.visitor.buttons[button].click()

    def reaches(self, phase: Phase) -> None:
        until_true(lambda: self.state.controller.standing.phase is phase, lambda: str(self.state.controller.standing))

    def signs_in(self) -> None:
        self.reaches(Phase.WAITING)
        login = self.state.controller.login
        assert login is not None
        user = self.cognito.demo_user
        sign_in(login.authorization_url, user.username, user.password)


def request_for(cognito: LocalCognito, **changes: object) -> LoginRequest:
    pools = CognitoConfiguration(
        cognito.domain,
        cognito.client_id,
        cognito.redirect_uri,
        cognito.region,
        cognito.user_pool_id,
        cognito.identity_pool_id,
    )
    request = LoginRequest(Settings(pools), "session", "cognito", "Analyst", 60, paste=False, open_browser=False)
    return replace(request, **changes)  # type: ignore[arg-type]
