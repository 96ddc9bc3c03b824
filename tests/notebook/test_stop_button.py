"""The stop button at any moment of a kernel's first login: imports, settings, listener, wait.

`STOP_PRESSES=200` in the environment presses more often.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import started_notebook
from tests.support.polling import wait_until

pytestmark = pytest.mark.first_login

_PRESSES = int(os.environ.get("STOP_PRESSES", "16"))
_KERNELS_AT_ONCE = 3
_LEFT = """
import psutil
print(sorted(t.name for t in threading.enumerate() if t.name.startswith("cognito")),
      [c.laddr.port for c in psutil.Process().net_connections("tcp") if c.status == "LISTEN" and c.laddr.port in PORTS],
      signal.getsignal(signal.SIGINT) is signal.default_int_handler, "session" in globals())
"""


def test_a_press_at_any_moment_of_the_first_login_stops_it_and_leaves_nothing(
    cognito: LocalCognito, environment: dict[str, str]
) -> None:
    """Half of the presses hit the first 0.7 seconds, in which most things begin."""
    chance = random.Random(8)
    delays = [chance.uniform(0, 0.7 if number % 2 else 3.0) for number in range(_PRESSES)]
    ports = [int(uri.rpartition(":")[2]) for uri in cognito.redirect_uri.split()]

    def press_after(seconds: float) -> str:
        with started_notebook(cognito, environment) as notebook:
            notebook.user.ignore_links()
            notebook.text(f"import os, signal, threading\nPORTS = {ports}")
            press = f"threading.Timer({seconds}, os.kill, (os.getpid(), signal.SIGINT)).start()"
            run = notebook.run(f"{press}\n%cognito_login --no-browser --timeout 40")
            wait_until(lambda: "[] [] True False" in notebook.text(_LEFT), lambda: notebook.text(_LEFT))
            stopped = run.error is not None and ("Stopped." in run.error or "KeyboardInterrupt" in run.error)
            return "" if stopped else f"{seconds:.3f} s: {run.error}"

    with ThreadPoolExecutor(_KERNELS_AT_ONCE) as pool:
        assert [problem for problem in pool.map(press_after, delays) if problem] == []


def test_a_press_while_the_panel_is_prepared_gives_up_the_login_that_it_started(
    cognito: LocalCognito, environment: dict[str, str]
) -> None:
    """The cell does not wait for the login, so a press after its end stops nothing."""
    ports = [int(uri.rpartition(":")[2]) for uri in cognito.redirect_uri.split()]

    def press_after(seconds: float) -> bool:
        with started_notebook(cognito, environment) as notebook:
            notebook.user.ignore_links()
            notebook.text(f"import os, signal, threading\nPORTS = {ports}")
            press = f"threading.Timer({seconds}, os.kill, (os.getpid(), signal.SIGINT)).start()"
            run = notebook.run(f"{press}\n%cognito_panel")
            if run.error is None:
                return False
            wait_until(lambda: "[] [] True False" in notebook.text(_LEFT), lambda: notebook.text(_LEFT))
            return True

    with ThreadPoolExecutor(_KERNELS_AT_ONCE) as pool:
        assert any(pool.map(press_after, (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)))
