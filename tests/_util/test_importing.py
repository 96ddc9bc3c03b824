"""Imports without the garbage collector: it runs again afterwards, and frees what it would have freed."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter._util.importing import import_large


class Cycle:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that can be imported, and has not been."""
    name = "a_module_of_this_test"
    (tmp_path / f"{name}.py").write_text("import gc\ncollected = gc.isenabled()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


@pytest.fixture(autouse=True)
def _collector_as_before() -> Iterator[None]:
    """Nothing is frozen in a test. Afterwards all is, if something was: the process of the tests may do that."""
    enabled, frozen = gc.isenabled(), gc.get_freeze_count() > 0
    gc.unfreeze()
    yield
    gc.unfreeze()
    if frozen:
        gc.freeze()
    (gc.enable if enabled else gc.disable)()


def test_the_collector_rests_during_the_import_and_runs_afterwards(module: str) -> None:
    import_large(module)
    assert sys.modules[module].collected is False
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_collector_that_the_user_has_turned_off_stays_off(module: str) -> None:
    gc.disable()
    import_large(module)
    assert module in sys.modules
    assert not gc.isenabled()


def test_the_collector_runs_again_after_an_import_that_fails(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        import_large(module)
    assert gc.isenabled()
    with pytest.raises(ModuleNotFoundError):
        import_large("no_such_module_of_this_test")
    assert gc.isenabled()


def test_objects_that_the_user_has_frozen_stay_frozen(module: str) -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()
    import_large(module)
    assert sys.modules[module].collected is True  # only freezing could spare it a collection of all that is new
    assert frozen / 2 < gc.get_freeze_count() <= frozen  # a frozen object is freed when nothing refers to it any more
    assert gc.isenabled()


def test_what_was_garbage_before_the_import_is_freed_after_it(module: str) -> None:
    gc.collect()
    garbage = Cycle()
    reference = weakref.ref(garbage)
    del garbage
    import_large(module)
    assert reference() is not None
    gc.collect()
    assert reference() is None


def collections(load: str) -> tuple[int, int]:
    """Returns how many collections of the young, and of the older objects a new process makes during imports."""
    program = (
        "import gc, cognito_jupyter, cognito_jupyter._util.importing as importing\n"
        "started = []\n"
        "gc.callbacks.append(lambda phase, info: phase == 'start' and started.append(info['generation']))\n"
        f"{load}\n"
        "kept = [[] for _ in range(2000)]\n"
        "print(started.count(0), started.count(1) + started.count(2))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    young, old = map(int, run.stdout.split())
    return young, old


@pytest.mark.parametrize("load", ["importing.import_large('boto3')", "cognito_jupyter.CognitoCredentialsManager"])
def test_a_large_import_and_what_follows_it_collect_nothing_of_what_it_made(load: str) -> None:
    """One collection after the import would take longer than those that were left out."""
    young, old = collections(load)
    assert young <= 4
    # Python 3.14 looks at a part of the older objects each time.
    assert old == 0 or sys.version_info >= (3, 14)


def test_python_itself_collects_again_and_again_during_an_import() -> None:
    """Otherwise the module that prevents it could go."""
    assert sum(collections("import boto3")) > 20
