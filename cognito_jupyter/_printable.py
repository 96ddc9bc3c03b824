"""Makes text from outside safe to show: a service's message, a user's name, a path, a parameter of a URL.

Two ways, both one printable line without tokens. `one_line` is for words that a service or a user pool wrote: it
removes what cannot be shown, and shortens. `printable` loses nothing: it shows what cannot be shown by its escape
sequence, as `repr` does, and so suits a path. Every error (`errors.CognitoError`), every cell of a table and every line
of a panel goes through `printable`, whatever it was made of. Neither knows a format: a caller that writes HTML escapes
the result.

Sources: ECMA-48, section 5.4 (control sequences); Unicode Standard Annex 9 (explicit directional formatting); RFC 7519
and RFC 7516 (the compact form of a token).
"""

from __future__ import annotations

import re

# Texts, which re compiles at their first use: this module is loaded before all others, and mostly for a message that
# never comes.
_ESCAPE_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours and cursor movements
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, ...: to their end
    r"|\x1b[ -/]*[0-~]?"
)
_TOKEN = r"eyJ[\w-]{5,}(?:\.[\w-]*)*"  # noqa: S105 - a pattern
"""A JSON object in base64url, as every JWT and JWE begins."""
_WHOLE_TOKEN = rf"(?<![\w-])(?=eyJ[\w-]{{12}}){_TOKEN}"
"""A token, but no name such as KeyJones: what `printable` shows may be a role or a folder."""
_AUTHORIZATION_RESPONSE = r"[?&#](?:code|state)="
"""Part of the address that follows a sign-in (RFC 6749, section 4.1.2)."""
_REDACTED = "..."
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show as nothing, or as a space: enough of them draw a line of their own."""
_MAX_MARKS = 4
"""Combining marks on one letter; more of them reach into the lines above and below."""


def holds_secret(text: str) -> bool:
    """Returns whether text holds an authorization response or a token, so that no message may repeat it."""
    return re.search(_AUTHORIZATION_RESPONSE, text) is not None or re.search(_TOKEN, text) is not None


def printable(text: str) -> str:
    r"""Returns text as one printable line without tokens, which lacks nothing else.

    What moves the cursor, hides, reverses or ends a line becomes its escape sequence, such as "\x1b" or "\u202e"; so do
    the second and further spaces in a row, with which a long text would draw a line of its own in a terminal.

    Args:
        text: The text, from any source.
    """
    if text.isascii() and text.isprintable() and "  " not in text and "eyJ" not in text:
        return text
    import unicodedata  # late: few texts get here

    visible = "".join(filter(str.isprintable, text))
    if re.search(_WHOLE_TOKEN, visible) is not None:
        # Also a token that invisible characters cut into parts, none of which looks like one.
        text = re.sub(_WHOLE_TOKEN, _REDACTED, visible)
    shown: list[str] = []
    previous, marks = "", 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        hidden = not character.isprintable() or character in _BLANKS or character == previous == " "
        shown.append(_escape(character) if hidden or marks > _MAX_MARKS else character)
        previous = character
    return "".join(shown)


def one_line(text: str, limit: int = 200) -> str:
    """Returns text as one printable line without secrets.

    Escape sequences, control characters, bidirectional overrides and other invisible characters are removed, white
    space becomes single spaces, and tokens become "...".

    Args:
        text: The text, from any source.
        limit: The result's greatest length in characters; what is cut off is replaced by "...".
    """
    visible = "".join(
        " " if character.isspace() or character in _BLANKS else character if character.isprintable() else ""
        for character in re.sub(_ESCAPE_SEQUENCE, "", text)
    )
    line = re.sub(_TOKEN, _REDACTED, " ".join(visible.split()))
    return line if len(line) <= limit else line[: max(0, limit - len(_REDACTED))].rstrip() + _REDACTED


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
