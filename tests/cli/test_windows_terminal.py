"""`cognito-jupyter` in a terminal of Windows: what is pasted there, and the lines for its two shells.

`msvcrt` is Windows' module for the terminal; a stand-in for it has the keys that were pressed.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import threading
import types
from collections import deque

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.cli.local import add_local_arguments, quote_for_powershell, run_local
from cognito_jupyter.cli.stdin_lines import ConsoleLines, PipedLines, open_stdin_lines
from tests.support.polling import wait_until

URL = "http://localhost:3000/?code=c0de&state=st4te"


class Keyboard(types.ModuleType):
    """Stands for msvcrt: `kbhit` and `getwch` for the keys that were pressed."""

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.keys: deque[str] = deque()

    def kbhit(self) -> int:
        return int(bool(self.keys))

    def getwch(self) -> str:
        return self.keys.popleft()


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Keyboard:
    keyboard = Keyboard()
    monkeypatch.setitem(sys.modules, "msvcrt", keyboard)
    monkeypatch.setattr(sys, "platform", "win32")
    return keyboard


def test_a_pasted_address_is_read_when_enter_is_pressed(keyboard: Keyboard) -> None:
    lines = ConsoleLines()
    keyboard.keys.extend(URL)
    assert lines.poll_line() is None
    keyboard.keys.extend("\r")
    assert lines.poll_line() == URL
    keyboard.keys.extend(f"\r\n  \r{URL}\r\nnext\r")
    assert [lines.poll_line(), lines.poll_line(), lines.poll_line()] == [URL, "next", None]


def test_backspace_and_arrows_change_nothing_else(keyboard: Keyboard) -> None:
    keyboard.keys.extend("x\b\bab\xe0Kc\x00;\r")
    assert ConsoleLines().poll_line() == "abc"


def test_ctrl_c_ends_the_login(keyboard: Keyboard) -> None:
    keyboard.keys.extend("abc\x03")
    with pytest.raises(KeyboardInterrupt):
        ConsoleLines().poll_line()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\b\x03\x00\xe0"))))
def test_whatever_is_typed_comes_back_line_by_line(typed: list[str]) -> None:
    keyboard = Keyboard()
    keyboard.keys.extend("".join(f"{line}\r" for line in typed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msvcrt", keyboard)
        lines = ConsoleLines()
        expected = [line.strip() for line in typed if line.strip()]
        assert [lines.poll_line() for _ in expected] == expected


def test_a_terminal_is_read_key_by_key_and_a_pipe_only_with_paste(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    keyboard.keys.extend(f"{URL}\r")
    with open_stdin_lines(force=False) as lines:
        assert lines is not None
        assert lines.poll_line() == URL
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, encoding="utf-8") as stdin, os.fdopen(write_end, "w", encoding="utf-8") as writer:
        monkeypatch.setattr(sys, "stdin", stdin)
        with open_stdin_lines(force=False) as lines:
            assert lines is None
        with open_stdin_lines(force=True) as lines:
            assert isinstance(lines, PipedLines)
            assert lines.poll_line() is None
            writer.write(f"\n{URL}\n")
            writer.flush()
            wait_until(lambda: lines.poll_line() == URL)
            writer.close()


def test_a_command_that_has_read_a_line_of_a_pipe_ends_while_the_pipe_stays_open() -> None:
    program = (
        "import sys, time\n"
        "from cognito_jupyter.cli.stdin_lines import PipedLines\n"
        "lines = PipedLines(sys.stdin.fileno())\n"
        "while (line := lines.poll_line()) is None:\n"
        "    time.sleep(0.01)\n"
        "print(line)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{URL}\nhalf a line")
        process.stdin.flush()
        assert process.stdout.read() == f"{URL}\n"
        assert process.wait(30) == 0


def test_a_local_cognito_prints_its_settings_for_powershell_and_cmd(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = argparse.ArgumentParser()
    add_local_arguments(parser)
    written: list[str] = []
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(sys, "platform", "win32")
    run_local(parser.parse_args(["--no-aws"]), written.append, stop)
    lines = written[0].splitlines()
    assert not [line for line in lines if line.startswith("export ")]
    powershell = lines[lines.index("# In PowerShell:") + 1 : lines.index("# In cmd:")]
    cmd = lines[lines.index("# In cmd:") + 1 :]
    assert any(line.startswith("$env:COGNITO_DOMAIN = 'http://localhost:") for line in powershell)
    assert any(line.startswith('set "COGNITO_DOMAIN=http://localhost:') and line.endswith('"') for line in cmd)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"])))
def test_powershell_reads_a_value_as_it_is(value: str) -> None:
    """PowerShell takes typographic quotation marks for the same as the plain one."""
    quoted = quote_for_powershell(value)
    assert (quoted[0], quoted[-1]) == ("'", "'")
    content, read = deque(quoted[1:-1]), ""
    marks = "'\u2018\u2019\u201a\u201b"
    while content:
        character = content.popleft()
        if character in marks:
            assert content.popleft() in marks, "it would end the string here"
        read += character
    assert read == value
