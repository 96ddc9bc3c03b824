"""The stored file of a user on Windows: one for each account, whatever the environment says the user is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.files import current_user
from cognito_jupyter.credentials.store.store import Store
from tests.credentials.store.sign_ins import KEY

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """`os.getlogin` returns the account's name there, in the form in which the user has typed it to log on."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "getlogin", lambda: "Ann Smith")
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_no_variable_changes_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Store(KEY, tmp_path).path
    monkeypatch.setenv(name, "root")
    assert Store(KEY, tmp_path).path == before


def test_neither_does_the_case_in_which_the_user_logs_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Store(KEY, tmp_path).path
    monkeypatch.setattr(os, "getlogin", lambda: "ann smith")
    assert Store(KEY, tmp_path).path == before
    monkeypatch.setattr(os, "getlogin", lambda: "ben")
    assert Store(KEY, tmp_path).path != before


def test_an_account_without_a_name_has_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a service, and in containers of Windows."""

    def fail() -> str:
        raise OSError

    monkeypatch.setattr(os, "getlogin", fail)
    assert current_user() == ""
    monkeypatch.setenv("USERNAME", "ContainerUser")
    assert current_user() == "containeruser"
