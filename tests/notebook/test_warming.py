"""What a login does while the person types a password, in a real kernel; and that nothing does it otherwise."""

from __future__ import annotations

import html
import time

from cognito_jupyter.local import LocalCognito
from tests.notebook.conftest import AUTHORIZE, Notebook, Person

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


def test_nothing_heavy_is_imported_and_nobody_is_asked_while_nobody_signs_in(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    before = cognito.counts.copy()
    notebook.text(WATCH)
    for line in ("%cognito_status", "%cognito_roles", "%cognito_login?"):
        notebook.text(line)
    assert notebook.value("Watch.seen") == "{}"
    assert not cognito.counts - before


class Thinker(Person):
    """Somebody who takes so long to type a password that the kernel has done all that it can do meanwhile.

    Attributes:
        meanwhile: What Cognito was asked until then.
    """

    def __init__(self, cognito: LocalCognito) -> None:
        super().__init__(cognito)
        self.meanwhile: set[str] = set()

    def read(self, text: str) -> None:
        if AUTHORIZE.search(html.unescape(text)) and not self.sign_ins:
            counts = self._cognito.counts
            before = counts.copy()
            until = time.monotonic() + 60
            while not {"jwks", "token", "/"} <= self.meanwhile and time.monotonic() < until:
                time.sleep(0.05)
                self.meanwhile |= set(counts - before)
        super().read(text)


def test_while_the_person_types_everything_is_made_ready_beside_the_main_thread(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    """boto3 and the cryptography imported, the pool's keys fetched, and a request made to each service."""
    notebook.text(WATCH)
    notebook.person = thinker = Thinker(cognito)
    notebook.text("%cognito_login")
    assert thinker.meanwhile >= {"jwks", "token", "/"}
    assert not {"GetId", "GetCredentialsForIdentity", "token:authorization_code"} & thinker.meanwhile
    assert notebook.value("sorted(Watch.seen)") == str(sorted(HEAVY))
    assert notebook.value("any(Watch.seen.values())") == "False"
