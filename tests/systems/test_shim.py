"""The simulation itself: simulated code sees each difference that its modules describe, and other packages see none."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.systems.shim.missing_names import MISSING_MODULES, MISSING_NAMES
from tests.systems.simulation import SYSTEMS, Simulation

RunThere = Callable[..., list[str]]


@pytest.fixture
def run_there(tmp_path: Path) -> RunThere:
    """Runs a program as a module of this package's own, and returns the lines that it prints."""

    def run(source: str, system: str = "windows", *without: str) -> list[str]:
        simulation = Simulation(system, tmp_path, without)
        (tmp_path / "program.py").write_text(textwrap.dedent(source), encoding="utf-8")
        start = f"""
import importlib.util, os, sys
from tests.systems.shim import installation
(finder,) = [each for each in sys.meta_path if type(each).__module__ == installation.__name__]
sys.path.insert(0, {str(tmp_path)!r})
os.chdir({str(tmp_path)!r})
installation.PACKAGES += ("program",)
import program
"""
        return simulation.run([sys.executable, "-c", start]).stdout.splitlines()

    return run


@pytest.mark.parametrize("system", SYSTEMS)
def test_names_that_the_system_lacks_are_gone_for_simulated_code_alone(run_there: RunThere, system: str) -> None:
    shown = run_there(
        f"""
        import sys
        found = []
        for name, names in {[(k, sorted(v)) for k, v in sorted(MISSING_NAMES[system].items())]!r}:
            module = __import__(name)
            found += [f"{{name}}.{{each}}" for each in names if hasattr(module, each)]
        for name in {sorted(MISSING_MODULES[system])!r}:
            try:
                __import__(name)
                found.append(name)
            except ImportError:
                pass
        print(found, sys.platform)
        import tempfile
        print(hasattr(tempfile._os, "fork"), tempfile._sys.platform)
        """,
        system,
    )
    platform = {"windows": "win32", "macos": "darwin"}[system]
    assert shown == [f"[] {platform}", "True linux"]


def test_a_file_that_a_process_has_open_cannot_be_replaced_renamed_or_removed(run_there: RunThere) -> None:
    shown = run_there(
        """
        import os, pathlib, subprocess, sys
        for name in ("a", "b"):
            open(name, "w").close()
        reader = subprocess.Popen([sys.executable, "-c", "f = open('b'); print(1, flush=True); input()"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        reader.stdout.readline()
        path = pathlib.Path("b")
        def attempts():
            yield lambda: os.replace("a", "b"); yield lambda: os.rename("b", "c"); yield lambda: os.unlink("b")
            yield path.unlink; yield lambda: path.rename("c"); yield lambda: pathlib.Path("a").replace("b")
        for attempt in attempts():
            try:
                attempt()
                print("done")
            except PermissionError as error:
                print(error.winerror)
        reader.communicate(b"\\n")
        os.replace("a", "b")
        os.unlink("b")
        print(os.path.exists("b"))
        """
    )
    assert shown == ["5", "32", "32", "32", "32", "5", "False"]


def test_a_folder_in_which_a_process_works_stays(run_there: RunThere) -> None:
    shown = run_there(
        """
        import subprocess, sys, tempfile
        folder = tempfile.TemporaryDirectory()
        child = subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], cwd=folder.name,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdout.readline()
        try:
            folder.cleanup()
        except PermissionError as error:
            print(error.winerror)
        child.communicate(b"\\n")
        folder.cleanup()
        """
    )
    assert shown == ["32"]


def test_modes_mean_nothing_and_text_is_in_the_ansi_code_page(run_there: RunThere) -> None:
    shown = run_there(
        """
        import os, pathlib, stat
        descriptor = os.open("secret", os.O_CREAT | os.O_WRONLY, 0o600)
        os.close(descriptor)
        print(oct(stat.S_IMODE(os.stat("secret").st_mode)), oct(stat.S_IMODE(pathlib.Path("secret").stat().st_mode)))
        pathlib.Path("text").write_text("é\\n")
        print(pathlib.Path("text").read_bytes())
        try:
            open("a:b", "w")
        except OSError as error:
            print(error.winerror)
        """
    )
    assert shown == ["0o666 0o666", r"b'\xe9\r\n'", "123"]


def test_other_packages_read_configuration_files_in_the_ansi_code_page(run_there: RunThere) -> None:
    """botocore reads the AWS config file so, and names no encoding."""
    program = """
        import importlib.util, pathlib, sys
        pathlib.Path("config").write_bytes(b"[a]\\nb = Zo\\xeb\\n")
        source = "import configparser\\nread = configparser.RawConfigParser()\\nread.read('config')"
        pathlib.Path("other.py").write_text(source)
        sys.path.insert(0, ".")
        import other
        print(ascii(other.read["a"]["b"]))
        """
    assert run_there(program) == [r"'Zo\xeb'"]


def test_a_port_for_exclusive_use_waits_for_its_old_connections(run_there: RunThere) -> None:
    """The side that closes first has the connection in TIME_WAIT."""
    program = """
        import errno, socket
        def serve(port, exclusive):
            with socket.socket() as listener:
                if exclusive:
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
                try:
                    listener.bind(("127.0.0.1", port))
                except OSError as error:
                    return print(errno.errorcode[error.errno])
                listener.listen()
                port = listener.getsockname()[1]
                client = socket.create_connection(("127.0.0.1", port))
                connection, _ = listener.accept()
                connection.close()
                client.recv(1)
                client.close()
                print("served")
                return port
        port = serve(0, False)
        serve(port, False)
        serve(port, True)
        """
    assert run_there(program) == ["served", "served", "EADDRINUSE"]


def test_a_socket_can_be_shared_with_a_child_process(run_there: RunThere) -> None:
    shown = run_there(
        """
        import socket, subprocess, sys
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        received = socket.fromshare(listener.share(0))
        print(received.getsockname() == listener.getsockname())
        """
    )
    assert shown == ["True"]


def test_processes_are_ended_without_a_word_and_get_no_signal(run_there: RunThere) -> None:
    shown = run_there(
        """
        import os, signal, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdout.readline()
        for attempt in (lambda: child.send_signal(signal.SIGINT), lambda: signal.signal(17, None),
                        lambda: subprocess.run(["true"], preexec_fn=print)):
            try:
                attempt()
                print("done")
            except ValueError:
                print("ValueError")
        child.terminate()
        print(child.wait())
        """
    )
    assert shown == ["ValueError", "ValueError", "ValueError", "-9"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python 3.14 made the waits for locks interruptible on Windows")
def test_a_wait_for_an_event_is_not_interrupted(run_there: RunThere) -> None:
    program = """
        import os, subprocess, sys, threading, time
        seconds = 3.0 if sys.platform == "win32" else 60.0
        killer = subprocess.Popen(["sh", "-c", f"read line; kill -INT {os.getpid()}"], stdin=subprocess.PIPE, text=True)
        main, started = threading.main_thread().ident, []

        def press():
            while not started or sys._current_frames()[main].f_code.co_name != "wait":
                time.sleep(0.01)
            killer.communicate("now\\n")

        thread = threading.Thread(target=press)
        thread.start()
        started.append(time.monotonic())
        try:
            threading.Event().wait(seconds)
            print("waited")
        except KeyboardInterrupt:
            print("interrupted after", "its end" if time.monotonic() - started[0] > seconds - 0.1 else "a moment")
        """
    assert run_there(program) == ["interrupted after its end"]
    assert run_there(program, "macos") == ["interrupted after a moment"]


def test_clocks_are_coarse(run_there: RunThere) -> None:
    program = """
        import time
        print(len({time.monotonic() for _ in range(1000)}) < 10, time.time() * 64 == int(time.time() * 64))
        """
    assert run_there(program) == ["True True"]


def test_what_is_run_as_the_main_program_sees_the_system_too(run_there: RunThere) -> None:
    """`python -m` of this package, and the endpoint's program, which Python starts isolated and without site."""
    shown = run_there(
        """
        import subprocess, sys
        program = "import sys, select; print(sys.platform, hasattr(select, 'poll'), sys.argv[1:])"
        command = [sys.executable, "-I", "-S", "-E", "-c", program, "-"]
        print(subprocess.run(command, capture_output=True, text=True).stdout)
        """
    )
    assert shown[0] == "win32 False ['-']"


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_name_that_is_missing_there_exists_here(system: str) -> None:
    """A name that Linux lacks too would be a misspelt one; Python's versions differ in a few."""
    import importlib

    later = {"CMSG_SPACE", "devpoll", "kqueue", "DevpollSelector", "KqueueSelector", "getgrouplist"}
    unknown = [
        f"{module}.{name}"
        for module, names in MISSING_NAMES[system].items()
        for name in names
        if not hasattr(importlib.import_module(module), name) and name not in later
    ]
    assert len(unknown) < 25, unknown
