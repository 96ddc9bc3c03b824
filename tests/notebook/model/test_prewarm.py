"""What a real kernel prepares while the user types a password, and that it does so only then."""

from __future__ import annotations

import html
import time

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook, NotebookUser
from tests.support.printed_login import AUTHORIZE_URL
from tests.support.zygote import OWN_INTERPRETER


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The kernel has imported nothing that is looked for here."""
    return environment | OWN_INTERPRETER


HEAVY = ("boto3", "botocore.session", "cryptography", "jwt")
WATCH = f"""
import sys, threading
class Watch:
    seen = dict()
    def find_spec(self, name, path=None, target=None):
        if name in {HEAVY}:
            self.seen[name] = threading.current_thread() is threading.main_thread()
sys.meta_path.insert(0, Watch())
"""


def test_without_a_login_nothing_heavy_is_imported_and_no_request_is_made(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    before = cognito.counts.copy()
    notebook.text(WATCH)
    for line in ("%cognito_status", "%cognito_roles", "%cognito_login?"):
        notebook.text(line)
    assert notebook.value("Watch.seen") == "{}"
    assert not cognito.counts - before


class SlowUser(NotebookUser):
    """A user who types the password so slowly that the kernel can finish its preparations.

    Attributes:
        requests_before_login: The requests that Cognito received before the password.
    """

    def __init__(self, cognito: LocalCognito) -> None:
        super().__init__(cognito)
        self.requests_before_login: set[str] = set()

    def on_output(self, text: str) -> None:
        if AUTHORIZE_URL.search(html.unescape(text)) and not self.login_count:
            counts = self._cognito.counts
            before = counts.copy()
            until = time.monotonic() + 60
            while not {"jwks", "token", "/"} <= self.requests_before_login and time.monotonic() < until:
                time.sleep(0.05)
                self.requests_before_login |= set(counts - before)
        super().on_output(text)


def test_everything_is_prepared_off_the_main_thread_while_the_user_types_a_password(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    """boto3 and the cryptography imported, the pool's keys fetched, and a request made to each service.

    It begins when the link is shown, for which it would compete with the cell, and not some time later.
    """
    notebook.text(WATCH)
    notebook.text("from cognito_jupyter.notebook.model import login_task; login_task._LINK_TIMEOUT = 600.0")
    notebook.user = thinker = SlowUser(cognito)
    notebook.text("%cognito_login")
    assert thinker.requests_before_login >= {"jwks", "token", "/"}
    assert not {"GetId", "GetCredentialsForIdentity", "token:authorization_code"} & thinker.requests_before_login
    assert notebook.value("sorted(Watch.seen)") == str(sorted(HEAVY))
    assert notebook.value("any(Watch.seen.values())") == "False"
