"""A profile's credential_process on Windows: every AWS SDK splits the line in a way of its own, into the same words."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable

import pytest
from botocore.compat import compat_shell_split
from hypothesis import given, strategies as st

from cognito_jupyter.errors import SettingError
from cognito_jupyter.sharing.profile.command_line import command_line

ROLE = "arn:aws:iam::123456789012:role/team+a=b,c.d@e_f-g"
PLAIN = [r"C:\cognito\Scripts\cognito-jupyter.exe", "credential-process", "0" * 32, ROLE]


def split_by_botocore(line: str) -> list[str]:
    words: list[str] = compat_shell_split(line, platform="win32")
    return words


def split_by_cmd(line: str) -> list[str]:
    """Splits as `cmd /c LINE` does, for a line without quotes: the rest is for the program's own runtime."""
    assert not set(line) & set('"&|<>^%()!;'), "cmd reads these in its own way"
    return line.split(" ")


def split_by_go(line: str) -> list[str]:
    """Splits as Go's SDK has it split: Go quotes the whole line as one argument of cmd, which removes these quotes."""
    argument = subprocess.list2cmdline(["cmd.exe", "/C", line]).removeprefix("cmd.exe /C ")
    return split_by_cmd(argument[1:-1] if argument.startswith('"') else argument)


SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "botocore": split_by_botocore,
    "cmd": split_by_cmd,
    "Go": split_by_go,
    "Java": str.split,
    "as a POSIX shell without escapes": lambda line: shlex.split(line.replace("\\", "/")),
}


@pytest.mark.parametrize("name", SPLITTERS)
def test_every_sdk_gets_the_same_words(name: str) -> None:
    words = SPLITTERS[name](command_line(PLAIN, platform="win32"))
    assert [word.replace("/", "\\") for word in words] == [word.replace("/", "\\") for word in PLAIN]


@pytest.mark.parametrize(
    "path",
    [r"C:\Program Files (x86)\c.exe", r"C:\Users\Zoë\c.exe", r"C:\100%\c.exe", r"C:\a&b\c.exe", 'C:\\a"b\\c.exe'],
)
def test_a_path_that_they_read_differently_is_written_by_its_short_name(path: str) -> None:
    line = command_line([path, *PLAIN[1:]], platform="win32", shorten={path: r"C:\PROGRA~2\c.exe"}.__getitem__)
    assert line.startswith(r"C:\PROGRA~2\c.exe credential-process ")


def test_without_a_short_name_the_profile_is_refused_with_a_way_out() -> None:
    path = r"C:\Users\Ann Smith\c.exe"
    with pytest.raises(
        SettingError, match=r"do not agree on how to read C:\\Users\\Ann Smith\\c\.exe .* no short name"
    ):
        command_line([path, *PLAIN[1:]], platform="win32", shorten=lambda path: path)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_whatever_the_words_are_they_are_split_alike_or_refused(words: list[str]) -> None:
    try:
        line = command_line(words, platform="win32", shorten=lambda path: path)
    except SettingError:
        return
    assert line.isascii()
    for split in (split_by_botocore(line), split_by_cmd(line), split_by_go(line)):
        assert split == words


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1), min_size=1))
def test_on_other_systems_a_shell_gets_the_words(words: list[str]) -> None:
    line = command_line(words, platform="linux")
    assert shlex.split(line) == words
