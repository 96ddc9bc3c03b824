"""Makes text from outside safe to show: a service's message, a user's name, a parameter of a URL.

Everything that shows such text, in a cell, a terminal, a page or an error, calls `one_line` first. It knows no format:
a caller that writes HTML escapes the result.

Sources: ECMA-48, section 5.4 (control sequences); Unicode Standard Annex 9 (explicit directional formatting); RFC 7519
and RFC 7516 (the compact form of a token).
"""

from __future__ import annotations

import re

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours and cursor movements
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, ...: to their end
    r"|\x1b[ -/]*[0-~]?"
)
_TOKEN = re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]*)*")
"""A JSON object in base64url, as every JWT and JWE begins."""
_AUTHORIZATION_RESPONSE = re.compile(r"[?&#](?:code|state)=")
"""Part of the address that follows a sign-in (RFC 6749, section 4.1.2)."""
_REDACTED = "..."


def holds_secret(text: str) -> bool:
    """Returns whether text holds an authorization response or a token, so that no message may repeat it."""
    return _AUTHORIZATION_RESPONSE.search(text) is not None or _TOKEN.search(text) is not None


def one_line(text: str, limit: int = 200) -> str:
    """Returns text as one printable line without secrets.

    Escape sequences, control characters, bidirectional overrides and other invisible characters are removed, white
    space becomes single spaces, and tokens become "...".

    Args:
        text: The text, from any source.
        limit: The result's greatest length in characters; what is cut off is replaced by "...".
    """
    visible = "".join(
        character if character.isprintable() else " " if character.isspace() else ""
        for character in _ESCAPE_SEQUENCE.sub("", text)
    )
    line = _TOKEN.sub(_REDACTED, " ".join(visible.split()))
    return line if len(line) <= limit else line[: max(0, limit - len(_REDACTED))].rstrip() + _REDACTED
