"""What one thread reads while another one adds to it: the modules of the kernel, the panels, the variables, the users.

A login's thread imports, binds variables and notifies panels while cells run. Python stops a loop over a dict or a set
that has grown meanwhile: "dictionary changed size during iteration". The threads switch here at every few steps.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.notebook.kernel.cell_events import AutoreloadExclusion
from cognito_jupyter.notebook.model.controller import Controller, StatusListener
from cognito_jupyter.notebook.model.notebook_share import NotebookShare
from cognito_jupyter.notebook.model.sign_ins import NotebookSignIns
from cognito_jupyter.notebook.model.user_namespace import BoundManager, Variables
from cognito_jupyter.sharing.endpoint.shared_environment import SharedEnvironment

_READS = 300
_LATEST = 200
"""How many of the things that were added last stay: there is always something to go through."""

Race = Callable[[Callable[[int], object], Callable[[int], object], Callable[[], object]], None]


@pytest.fixture
def race() -> Iterator[Race]:
    """Returns a function that reads again and again while another thread adds and removes."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)

    # What others do while garbage is collected lets other threads run, too, in the middle of a copy in C.
    def on_collection(phase: str, _: dict[str, int]) -> None:
        if phase == "stop":
            time.sleep(0)

    gc.callbacks.append(on_collection)
    gc.set_threshold(50, *threshold[1:])

    def run(add: Callable[[int], object], remove: Callable[[int], object], read: Callable[[], object]) -> None:
        ended = threading.Event()

        def change() -> None:
            number = 0
            while not ended.is_set():
                add(number)
                if number >= _LATEST:
                    remove(number - _LATEST)
                number += 1

        thread = threading.Thread(target=change, daemon=True)
        thread.start()
        try:
            for _ in range(_READS):
                read()
        finally:
            ended.set()
            thread.join()

    yield run
    gc.set_threshold(*threshold)
    gc.callbacks.remove(on_collection)
    sys.setswitchinterval(interval)


@pytest.fixture
def shell() -> InteractiveShell:
    return InteractiveShell()  # type: ignore[no-untyped-call]


def test_autoreload_goes_on_while_a_login_imports(race: Race, shell: InteractiveShell) -> None:
    shell.run_line_magic("load_ext", "autoreload")
    exclusion = AutoreloadExclusion(shell)
    race(
        lambda number: sys.modules.update({f"another_module_{number}": types.ModuleType("another_module")}),
        lambda number: sys.modules.pop(f"another_module_{number}"),
        exclusion.exclude_modules,
    )
    for name in [name for name in sys.modules if name.startswith("another_module_")]:
        del sys.modules[name]


def test_panels_are_notified_while_a_cell_makes_another_one(race: Race, shell: InteractiveShell) -> None:
    class Panel(StatusListener):
        def on_status(self) -> None:
            """Shows nothing."""

    controller = Controller(NotebookSignIns(Variables(shell), NotebookShare()))
    panels: dict[int, Panel] = {}

    def add(number: int) -> None:
        panels[number] = Panel()
        controller.subscribe(panels[number])

    race(add, panels.pop, controller.notify_listeners)


def test_the_status_shows_the_variables_while_a_login_sets_them(race: Race, shell: InteractiveShell) -> None:
    variables, manager = Variables(shell), CognitoCredentialsManager("us-east-1:pool", "us-east-1_Pool")

    def bind(number: int) -> None:
        variables.bind(f"cognito_{number % 5_000}", BoundManager(manager))

    race(bind, lambda _: None, variables.bound)


def test_a_share_reads_the_environment_while_another_one_changes_it(race: Race) -> None:
    environment = SharedEnvironment({})
    race(
        lambda number: environment.change(number, {f"NAME_{number}": "value"}),
        environment.restore,
        environment.original,
    )


def test_the_local_cognito_signs_users_in_while_a_test_adds_others(race: Race) -> None:
    cognito = LocalCognito(aws=False)
    pool, claims = cognito.pool, {"exp": 1e12, "origin_jti": "", "sub": "nobody"}

    def read() -> None:
        assert pool.current_user(claims) is None
        assert cognito.roles

    race(
        lambda number: cognito.add_user(f"user-{number}", "a-password", ()),
        lambda number: pool.users.pop(f"user-{number}"),
        read,
    )
