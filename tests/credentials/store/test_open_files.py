"""The stored file beside other programs that have it open, under Windows' rule: nothing is lost, and nothing fails."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.systems import needs_proc
from tests.systems.simulation import Simulation

pytestmark = needs_proc

WRITES = 2_000
READERS = 4
PROLOGUE = """
import json, sys, time
from pathlib import Path
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter._util.folders import retrying
from tests.credentials.store.sign_ins import KEY, make_sign_in
from tests.systems.shim.windows_files import refusals

store = Store(KEY, Path(sys.argv[1]))
"""
PATIENT = f"""{PROLOGUE}
# The program that has the file open may stand still for a while.
retrying.RETRY_TIMEOUT = 60.0
"""
WRITER = f"""{PATIENT}
store.save_new(make_sign_in("0"))
for number in range(1, int(sys.argv[2]) + 1):
    with store.transaction() as transaction:
        transaction.replace_sign_in(make_sign_in(str(number)))
    assert store.read_sign_in().tokens["access_token"] == str(number)
print(json.dumps(refusals))
"""
READER = f"""{PATIENT}
last = 0
print("ready", flush=True)
while last < int(sys.argv[2]):
    sign_in = store.read_sign_in()
    number = int(sign_in.tokens["access_token"]) if sign_in is not None else 0
    assert store.warning is None, store.warning
    assert number >= last, (number, last)
    last = number
    time.sleep(0.002)
"""


REPORTER = """
import threading

def report() -> None:
    while not refusals:
        time.sleep(0.002)
    print("refused", flush=True)

threading.Thread(target=report, daemon=True).start()
"""
"""Says when the program was refused for the first time, because the file is open elsewhere."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory, where a write does not wait for a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder, "sign-ins")


def start(program: str, folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Starts a program on a Windows of which only the rule about open files is simulated."""
    command = [sys.executable, "-c", program, str(folder), *map(str, arguments)]
    environment = Simulation("windows", folder.parent, ("clocks", "encodings", "waits")).environment()
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_two_thousand_writes_beside_four_readers_lose_nothing(folder: Path) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(start(READER, folder, WRITES)) for _ in range(READERS)]
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        writer = stack.enter_context(start(WRITER, folder, WRITES))
        output, errors = writer.communicate(timeout=240)
        assert writer.returncode == 0, errors
        for reader in readers:
            assert (reader.communicate(timeout=60)[1], reader.returncode) == ("", 0)
    assert json.loads(output)["replace"] > 0, "No reader had the file open when it was to be replaced."
    assert sorted(path.suffix for path in folder.iterdir()) == [".lock", ".sign-in"]


@pytest.mark.parametrize("action", ["save", "quarantine", "delete"])
def test_a_virus_scanner_that_holds_the_file_for_a_while_is_waited_for(folder: Path, action: str) -> None:
    first = start(WRITER, folder, 1)
    assert first.wait(60) == 0
    (path,) = folder.glob("*.sign-in")
    actions = {
        "save": "store.save_new(make_sign_in('new'))",
        "quarantine": "store.path.write_bytes(b'damaged'); assert store.read_sign_in() is None",
        "delete": "store.delete()",
    }
    with path.open("rb"):
        program = start(f"{PATIENT}{REPORTER}{actions[action]}", folder)
        assert program.stdout is not None
        assert program.stdout.readline() == "refused\n"
    with program:
        _, errors = program.communicate(timeout=60)
        assert (program.returncode, "Traceback" in errors) == (0, False), errors
    remaining = sorted(each.name.removeprefix(path.stem) for each in folder.iterdir())
    expected = {
        "save": [".sign-in", ".sign-in.lock"],
        "quarantine": [".sign-in.lock", ".sign-in.set-aside-1"],
        "delete": [".sign-in.lock"],
    }
    assert remaining == expected[action]


def test_a_file_that_stays_open_is_an_error_that_names_it_and_the_old_content_stays(folder: Path) -> None:
    assert start(WRITER, folder, 1).wait(60) == 0
    (path,) = folder.glob("*.sign-in")
    before = path.read_bytes()
    with path.open("rb"):
        program = start(f"{PROLOGUE}store.save_new(make_sign_in('new'))", folder)
        errors = program.communicate(timeout=60)[1]
    assert program.returncode == 1
    assert f"{path} is unchanged, because your sign-in could not be written there" in errors
    assert path.read_bytes() == before
