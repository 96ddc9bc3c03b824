"""Prints text on terminals that cannot show all of it: a user's name, a path, another service's message.

Standard output in cp1252 or ASCII raises UnicodeEncodeError for every other character; so does one in UTF-8 for a path
whose bytes are not UTF-8 (PEP 383). What cannot be shown is escaped here, as Python does on standard error, and nothing
fails. The texts of this package are ASCII, so only text from outside is ever escaped.
"""

from __future__ import annotations

import io
import sys


def encodable(text: str) -> str:
    r"""Returns the text with what standard output cannot show escaped, such as "Zo\xeb"."""
    try:
        encoding = sys.stdout.encoding or "utf-8"
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except (AttributeError, LookupError):
        return text  # a stream in place of standard output, with an encoding of its own


def print_text(text: str) -> None:
    """Prints a text on standard output, as `print` does, but never fails on a character."""
    print(encodable(text), flush=True)


def escape_unencodable() -> None:
    """Has this process's standard streams escape what they cannot show or read, for the life of a command."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
