"""Stored sign-ins that cannot be used: every command goes on, names the file, and `logout` ends what can be ended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.format import HEADER, VERSION
from cognito_jupyter.local import LocalCognito
from tests.cli.test_commands import Terminal, folder, stored_files, terminal
from tests.support.shared_kernels import refresh_token_of, restart_kernel, store_sign_in
from tests.support.systems import ON_WINDOWS, needs_modes

__all__ = ["folder", "terminal"]  # fixtures


def wrong_character_in_id_token(path: Path) -> None:
    content = path.read_bytes()
    position = content.index(b"\nid_token\t") + 200
    path.write_bytes(content[:position] + b"!" + content[position + 1 :])


def another_letter_in_id_token(path: Path) -> None:
    """What cannot be seen without a checksum: the claims may still be readable."""
    content = path.read_bytes()
    position = content.index(b"\nid_token\t") + 900
    other = b"A" if content[position : position + 1] != b"A" else b"B"
    path.write_bytes(content[:position] + other + content[position + 1 :])


def another_version(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(f"{HEADER}{VERSION}".encode(), f"{HEADER}{VERSION + 7}".encode(), 1))


def open_to_others(path: Path) -> None:
    path.chmod(0o644)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def zeros(path: Path) -> None:
    path.write_bytes(b"\0" * 4096)


READABLE = (wrong_character_in_id_token, another_letter_in_id_token, another_version, open_to_others)
DAMAGE = (*READABLE, truncated, zeros)
CASES = [pytest.param(damage, marks=needs_modes if damage is open_to_others else ()) for damage in DAMAGE]


@pytest.fixture
def stored(cognito: LocalCognito, folder: Path) -> Path:
    """The file of a sign-in."""
    return store_sign_in(cognito, folder)


@pytest.mark.parametrize("damage", CASES)
def test_login_names_the_file_and_signs_in(terminal: Terminal, stored: Path, damage: Callable[[Path], None]) -> None:
    damage(stored)
    terminal.printed = ""
    assert "Signed in" in terminal.run("login")
    assert terminal.login_count == 1
    assert f"was set aside as {stored.name}.set-aside-1" in terminal.printed
    assert "Traceback" not in terminal.printed
    terminal.printed = ""
    assert "demo" in terminal.run("status")
    assert f"{stored}.set-aside-1 cannot be used. To delete it, run: cognito-jupyter logout --all" in terminal.printed


@pytest.mark.parametrize("damage", CASES)
@pytest.mark.parametrize("command", [("logout",), ("logout", "--all")])
@pytest.mark.parametrize("earlier", [None, "status"])
def test_logout_deletes_the_file_and_revokes_the_token_that_can_be_read_in_it(  # noqa: PLR0913, PLR0917 - fixtures
    cognito: LocalCognito,
    terminal: Terminal,
    stored: Path,
    folder: Path,
    damage: Callable[[Path], None],
    command: tuple[str, ...],
    earlier: str | None,
) -> None:
    before = restart_kernel(folder)
    before.refresh_user_pool_tokens()
    damage(stored)
    if earlier is not None:
        terminal.run(earlier, code=1)
    revoked = cognito.counts[cognito.REVOKE]
    output = terminal.run(*command)
    assert stored.name in output
    assert [path.name for path in folder.iterdir() if path.suffix != ".lock"] == []
    assert cognito.counts[cognito.REVOKE] - revoked == (damage in READABLE)
    if damage in READABLE:
        with pytest.raises(PermissionError):
            before.authenticator.refresh_tokens(refresh_token_of(before))  # type: ignore[union-attr] # it has one
    assert "You are not signed in." in terminal.run(*command)


@pytest.mark.parametrize("damage", CASES)
def test_a_damaged_file_hides_no_other_sign_in(
    terminal: Terminal, stored: Path, folder: Path, damage: Callable[[Path], None]
) -> None:
    other = folder / f"{'0' * 32}.sign-in"
    other.write_bytes(stored.read_bytes())
    other.chmod(0o600)
    damage(other)
    (facts,) = json.loads(terminal.run("status", "--json"))
    assert facts["sign_in"] == stored.stem
    assert str(other) in terminal.printed
    output = terminal.run("logout", "--all")
    assert "Signed out." in output
    assert other.name in output
    assert [path.name for path in folder.iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize("damage", CASES)
def test_logout_without_settings_ends_the_only_sign_in_even_if_it_is_damaged(
    terminal: Terminal, stored: Path, folder: Path, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("COGNITO_") and name != "COGNITO_JUPYTER_FOLDER"]:
        monkeypatch.delenv(name)
    damage(stored)
    if damage in READABLE:
        assert stored.name in terminal.run("logout")
    else:
        assert stored.name in terminal.run("logout", "--all")
    assert stored_files(folder) == []


def test_the_credential_process_names_a_damaged_file(terminal: Terminal, stored: Path) -> None:
    for damage in (each for each in DAMAGE if each is not open_to_others or not ON_WINDOWS):
        content, mode = stored.read_bytes(), stored.stat().st_mode
        damage(stored)
        error = terminal.run("credential-process", stored.stem, code=1)
        assert str(stored) in error
        assert "Run: cognito-jupyter login" in error
        stored.write_bytes(content)
        stored.chmod(mode)


def test_logout_deletes_the_file_although_cognito_cannot_be_reached(
    terminal: Terminal, stored: Path, folder: Path, cognito: LocalCognito
) -> None:
    wrong_character_in_id_token(stored)
    cognito.knobs.fail(cognito.REVOKE, status=503, times=None)
    error = terminal.run("logout", code=1)
    assert "HTTP 503" in error
    assert stored_files(folder) == []
