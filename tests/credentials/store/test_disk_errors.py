"""A full disk and a read-only folder: the store's old file stays, and the error says what to do."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import UnavailableError
from tests.credentials.store.sign_ins import KEY, OTHER_UID, file_endings, in_child, make_sign_in
from tests.support.systems import needs_fork, needs_limits, needs_root

pytestmark = needs_root


@contextmanager
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@contextmanager
def small_files() -> Iterator[Path]:
    """Limits the size of files that this process and its children write."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def can_mount() -> bool:
    try:
        with small_disk():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@needs_limits
@pytest.mark.parametrize("disk", [small_files, *([small_disk] if can_mount() else [])])
def test_a_full_disk_leaves_the_old_file_with_an_error(disk: Callable[[], AbstractContextManager[Path]]) -> None:
    with disk() as folder:
        store = Store(KEY, folder / "sign-ins")
        store.save_new(make_sign_in("old"))
        too_long = make_sign_in("new", "t" * 300_000)
        with store.transaction() as transaction:
            with pytest.raises(UnavailableError, match=r"is unchanged, .* (File too large|No space left).* Make room"):
                transaction.replace_sign_in(too_long)
            assert transaction.sign_in == make_sign_in("old")
        with pytest.raises(UnavailableError) as caught:
            store.save_new(too_long)
        assert caught.value.what.count(". ") == 0
        assert store.read_sign_in() == make_sign_in("old")
        assert file_endings(store) == {""}
        store.save_new(make_sign_in("new"))
        assert store.read_sign_in() == make_sign_in("new")


@pytest.fixture
def folder_of_another_user() -> Iterator[Path]:
    """A folder of the user nobody, below a directory that this user may enter."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        folder = Path(home, "sign-ins")
        folder.mkdir(mode=0o700)
        os.chown(folder, OTHER_UID, OTHER_UID)
        yield folder


def run_in_read_only_folder(folder: Path, action: Callable[[Store], object]) -> str:
    """Acts as that user once the folder is read-only; returns the error or warning, and what is stored afterwards."""

    def act() -> str:
        os.setuid(OTHER_UID)
        store = Store(KEY, folder)
        store.save_new(make_sign_in("old"))
        folder.chmod(0o500)
        try:
            action(store)
        except UnavailableError as error:
            message = str(error)
        else:
            message = str(store.warning)
        stored = store.read_sign_in()
        return f"{message} Stored: {stored.tokens['access_token'] if stored is not None else None}"

    return in_child(act)


def replace_sign_in(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.replace_sign_in(make_sign_in("new"))


@needs_fork
@pytest.mark.parametrize("write", [replace_sign_in, lambda store: store.save_new(make_sign_in("new"))])
def test_a_read_only_folder_leaves_the_old_file_with_an_error(
    folder_of_another_user: Path, write: Callable[[Store], object]
) -> None:
    message = run_in_read_only_folder(folder_of_another_user, write)
    assert "is unchanged, because your sign-in could not be written there: Permission denied. Make it" in message
    assert message.endswith("Stored: old")


@needs_fork
def test_signing_out_in_a_read_only_folder_reports_that_the_file_is_still_there(folder_of_another_user: Path) -> None:
    message = run_in_read_only_folder(folder_of_another_user, Store.delete)
    assert "which holds your sign-in, could not be removed: Permission denied." in message
    assert message.endswith("Stored: old")


@needs_fork
def test_a_bad_file_in_a_read_only_folder_is_named_and_not_used(folder_of_another_user: Path) -> None:
    def damage(store: Store) -> None:
        store.path.write_bytes(b"bad")
        store.read_sign_in()

    message = run_in_read_only_folder(folder_of_another_user, damage)
    assert re.search(r"sign-in is damaged, and could not be set aside \(.*Permission denied\)\. Stored: None", message)


@needs_fork
def test_a_read_only_home_reports_that_no_folder_can_be_created(folder_of_another_user: Path) -> None:
    def create() -> str:
        os.setuid(OTHER_UID)
        folder_of_another_user.chmod(0o500)
        Store(KEY, folder_of_another_user / "sign-ins").save_new(make_sign_in())
        return "created"

    assert "where your sign-in is to be stored, cannot be created: Permission denied." in in_child(create)
