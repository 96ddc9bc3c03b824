"""A user who reads the printed sign-in link and signs in there."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login

AUTHORIZE_URL = re.compile(r"https?://\S+/oauth2/authorize\?\S+")


@contextmanager
def sign_in_at_printed_url(cognito: LocalCognito, capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Signs in at the first link that is printed inside the `with`; yields the list of what was printed."""
    printed: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            printed.append(capsys.readouterr().out)
            found = AUTHORIZE_URL.search("".join(printed))
            if found:
                submit_login(found[0], cognito.demo_user.username, cognito.demo_user.password)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield printed
    finally:
        done.set()
        thread.join()
