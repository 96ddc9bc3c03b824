"""Runs a program as a terminal does, with a user who signs in at the link that it prints."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from cognito_jupyter.local.login_page_client import submit_login
from tests.support.printed_login import AUTHORIZE_URL

from .forked_commands import Commands
from .systems import output_encoding
from .zygote import ForkedProcess


def run_in_terminal(
    command: Sequence[str],
    environment: Mapping[str, str],
    user: tuple[str, str],
    *,
    code: int = 0,
    encoding: str | None = None,
) -> str:
    """Runs a program to its end, and returns all that it printed.

    Args:
        command: The program and its arguments.
        environment: All of its environment.
        user: The name and the password of the user who signs in.
        code: The exit code that it must have.
        encoding: The terminal's encoding; the program must print nothing that it lacks. None: that of the environment.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
    )
    assert process.stdout is not None
    return _output_of(process, process.stdout, encoding or output_encoding(environment), user, code)


def run_command_in_terminal(  # noqa: PLR0913 - by keyword, all but the first four
    commands: Commands,
    words: Sequence[str],
    environment: Mapping[str, str],
    user: tuple[str, str],
    *,
    code: int = 0,
    encoding: str | None = None,
) -> str:
    """Does the same with `cognito-jupyter`.

    Args:
        commands: Starts it.
        words: Its arguments.
        environment: All of its environment.
        user: The name and the password of the user who signs in.
        code: The exit code that it must have.
        encoding: The terminal's encoding, as above.
    """
    reader, writer = os.pipe()
    with open(os.devnull) as stdin, open(reader, "rb") as output:
        process = commands.start(words, environment, (stdin.fileno(), writer, writer))
        os.close(writer)
        return _output_of(process, output, encoding or output_encoding(environment), user, code)


def _output_of(
    process: subprocess.Popen[bytes] | ForkedProcess,
    printed: IO[bytes],
    encoding: str,
    user: tuple[str, str],
    code: int,
) -> str:
    output, signed_in = "", False
    for line in printed:
        output += line.decode(encoding)
        if not signed_in and (found := AUTHORIZE_URL.search(output)):
            signed_in = bool(submit_login(found[0], *user))
    assert process.wait(60) == code, output
    assert "Traceback" not in output
    return output
