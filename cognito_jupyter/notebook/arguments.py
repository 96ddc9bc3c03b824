"""Parses the lines of the magics into options that are validated once; `magics` calls it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TypeVar

from .._printable import holds_secret
from ..errors import SettingError
from .display.ipython import argument_parser

_Arguments = TypeVar("_Arguments")


def outside_quotes(line: str) -> dict[int, str]:
    """Returns the characters of a line outside of quotation marks by their positions; escaped ones count as inside."""
    found, quote, escaped = {}, "", False
    for position, character in enumerate(line):
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            found[position] = character
    return found


def without_comment(line: str) -> str:
    """Returns the line of a magic without a comment and without semicolons at its end, as Python would read it.

    Args:
        line: The line; a number sign begins a comment at its start and after a blank, outside of quotation marks.
    """
    outside = outside_quotes(line)
    comments = (at for at, character in outside.items() if character == "#" and not line[max(at - 1, 0) : at].strip())
    end = next(comments, len(line))
    while end > 0 and (outside.get(end - 1) == ";" or outside.get(end - 1, "").isspace()):
        end -= 1
    return line[:end]


def require_no_arguments(magic: str, line: str) -> None:
    """Refuses a line after a magic that takes none.

    Args:
        magic: The name of the magic.
        line: The line.

    Raises:
        SettingError: It holds more than a comment.
    """
    if without_comment(line):
        raise SettingError(f"%{magic} takes no arguments.", "Leave out what follows it.")


def parse_line(line: str, magic: Callable[..., object], options: Callable[..., _Arguments]) -> _Arguments:
    """Parses the line of a magic, split as a shell would: IPython's own splitting leaves quotation marks in values.

    Args:
        line: The line.
        magic: The magic.
        options: The class of its options.

    Raises:
        SettingError: A quotation mark has no partner, a value is malformed, or the line holds a secret, which errors of
            argparse would repeat.
        UsageError: An option is unknown, or a value is missing (IPython's error).
    """
    try:
        words = shlex.split(without_comment(line))
    except ValueError:
        raise SettingError("A quotation mark in this line has no partner.", "Close it, or leave it out.") from None
    if any(map(holds_secret, [*words, *line.split()])):
        raise SettingError(
            "This line holds the address that follows a sign-in, or a token; it was not used.",
            "Delete it from the cell, which is saved with its text, and paste the address into the box below the link.",
        )
    return options(**vars(argument_parser(magic).parse_args(words)))
