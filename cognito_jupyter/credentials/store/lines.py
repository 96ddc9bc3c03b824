r"""How a sign-in's file is written: lines of words with tabs between them, the first and the last of them fixed.

    cognito_jupyter sign-in 1
    domain\thttps://...
    id_token\teyJ...
    first_role\tarn:...
    role\tarn:...\tACCESS_KEY_ID\tSECRET\tTOKEN\tEXPIRATION\tEXPIRES_AT\tRENEW_AT\tUSELESS_AT\tLIFETIME
    end

Not JSON, because a credential process that finds good keys is to be done before the json module would be loaded. Every
word is printable ASCII, so that none can hold a tab or a line's end.
"""

from __future__ import annotations

VERSION = 1
"""Of the format: a file of any other is set aside."""

SUFFIX = ".sign-in"
"""Of the file's name."""

HEADER_PREFIX = "cognito_jupyter sign-in "
FOOTER = "end"
ROLE = "role"
FIRST_ROLE = "first_role"


class DamagedError(ValueError):
    """The text is not a sign-in's file."""


class OtherVersionError(ValueError):
    """The text is a sign-in's file of another version."""


def parse_lines(content: bytes) -> list[list[str]]:
    """A file's lines as words, without the first and the last.

    Raises:
        DamagedError: It is not a sign-in's file, or not a whole one.
        OtherVersionError: It is one of another version.
    """
    text = content.decode("latin-1")
    head, _, rest = text.partition("\n")
    if not head.startswith(HEADER_PREFIX):
        raise DamagedError
    if head != f"{HEADER_PREFIX}{VERSION}":
        raise OtherVersionError
    if not rest.endswith(f"\n{FOOTER}\n"):
        raise DamagedError
    return [line.split("\t") for line in rest[: -len(FOOTER) - 2].split("\n")]


def serialize_lines(lines: list[list[str]]) -> bytes:
    """The other way."""
    text = "\n".join(["\t".join(words) for words in lines])
    return f"{HEADER_PREFIX}{VERSION}\n{text}\n{FOOTER}\n".encode("ascii")


def is_printable_field(text: str) -> bool:
    """Whether a text can be written: anything else in a token or key would fail much later, in an HTTP header."""
    return text.isascii() and text.isprintable()


def find_record(text: str, name: str, second: str | None = None) -> list[str] | None:
    """The line that begins with these words, found without splitting the others; None: there is none."""
    start = f"\n{name}\t" if second is None else f"\n{name}\t{second}\t"
    at = text.find(start)
    return text[at + 1 : text.index("\n", at + 1)].split("\t") if at >= 0 else None


def parse_number(text: str) -> float:
    """A time in seconds.

    Raises:
        DamagedError: It is none, or one that no calendar knows.
    """
    try:
        value = float(text)
    except ValueError:
        raise DamagedError from None
    if not abs(value) < 1e11:
        raise DamagedError
    return value
