r"""The text of a sign-in's file: one record per line, fields separated by tabs, between a header and a footer.

    cognito_jupyter sign-in 2
    domain\thttps://...
    id_token\teyJ...
    first_role\tarn:...
    role\tarn:...\tACCESS_KEY_ID\tSECRET\tTOKEN\tEXPIRATION\tEXPIRES_AT\tADVISORY_REFRESH_AT\tMANDATORY_REFRESH_AT\tLIFETIME
    end\tCHECKSUM

`Store` reads and writes files with it, and `cognito-jupyter credential-process` reads the credentials of one role.
It never opens a file, and refreshes nothing.

It is not JSON because of the credential process, which AWS tools start again and again: json brings re and enum with
it, whose import takes longer than everything else that this process does (measured: 8 ms of 21). So this module imports
nothing but an exception and a checksum either. Every field is printable ASCII, so that none can contain a tab or a line
break. The checksum finds what a damaged disk or an editor has changed: Cognito and AWS would refuse a token with one
wrong character again and again.
"""

from __future__ import annotations

from binascii import crc32

from .files import UntrustedFileError

TYPE_CHECKING = False  # typing itself takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = 2
"""Of the format. A file of any other version is set aside, and the user signs in again."""
SUFFIX = ".sign-in"
"""Of the file's name."""
HEADER = "cognito_jupyter sign-in "
FOOTER = "end"
ROLE = "role"
FIRST_ROLE = "first_role"
"""The role that is meant where none is named."""

_ROLE_FIELD_COUNT = 10
_MAX_CLOCK_ERROR = 60.0
"""Seconds by which credentials may seem to last longer than their lifetime, because clocks are set a little."""


def serialize_records(records: list[list[str]]) -> bytes:
    """Returns the content of a file with these records.

    Raises:
        ValueError: A field is not printable ASCII.
    """
    if not all(is_printable_field(field) for record in records for field in record):
        raise ValueError("A field of this sign-in is not printable ASCII.")
    text = "\n".join([f"{HEADER}{VERSION}", *["\t".join(record) for record in records]]) + "\n"
    return f"{text}{_footer(text)}\n".encode("ascii")


def parse_records(content: bytes) -> list[list[str]]:
    """Returns the records of a file, each as a list of its fields.

    Raises:
        UntrustedFileError: The file is damaged, incomplete or of another version; the message shows nothing of it.
    """
    text = content.decode("latin-1")
    header = text.partition("\n")[0]
    if header.startswith(HEADER) and header != f"{HEADER}{VERSION}" and header[len(HEADER) :].isdigit():
        raise UntrustedFileError("was written by another version of this package")
    body, _, footer = text.removesuffix("\n").rpartition("\n")
    if header != f"{HEADER}{VERSION}" or not text.endswith("\n") or footer != _footer(f"{body}\n"):
        raise damaged()
    records = salvage_records(content)[1:-1]
    if not all(is_printable_field(field) for record in records for field in record):
        raise damaged()
    return records


def salvage_records(content: bytes) -> list[list[str]]:
    """Returns what looks like the records of a file that may be damaged, header and footer included."""
    return [line.split("\t") for line in content.decode("latin-1").removesuffix("\n").split("\n")]


def single_values(records: list[list[str]], required: Iterable[str] = ()) -> dict[str, str]:
    """Returns the records of two fields as a mapping from name to value.

    Args:
        records: The records of a file.
        required: Names that must be among them.

    Raises:
        UntrustedFileError: One of those is missing.
    """
    values = {record[0]: record[1] for record in records if len(record) == 2}
    if not values.keys() >= set(required):
        raise damaged()
    return values


def parse_role(record: list[str]) -> tuple[str, str, str, str, list[float]]:
    """Splits a role's record into role ARN, access key id, secret access key, session token and the five times.

    Raises:
        UntrustedFileError: It is damaged.
    """
    if len(record) != _ROLE_FIELD_COUNT:
        raise damaged()
    _, role_arn, access_key_id, secret_access_key, session_token, *times = record
    return role_arn, access_key_id, secret_access_key, session_token, [parse_number(time) for time in times]


def parse_number(field: str) -> float:
    """Returns a number of seconds.

    Raises:
        UntrustedFileError: It is no number, or no date.
    """
    try:
        number = float(field)
    except ValueError:
        raise damaged() from None
    if not -6e10 < number < 1e11:  # also true for NaN; `datetime` begins with the year 1
        raise damaged()
    return number


def has_plausible_lifetime(expires_at: float, lifetime: float, now: float) -> bool:
    """Returns whether credentials can last as long as they seem to; if not, the clock was set back since their issue.

    Args:
        expires_at: When they expire, in seconds since the epoch.
        lifetime: Seconds from their issue to their expiry.
        now: Seconds since the epoch.
    """
    return expires_at - now <= lifetime + _MAX_CLOCK_ERROR


def damaged() -> UntrustedFileError:
    """Returns the error for a file that is not what `serialize_records` writes."""
    return UntrustedFileError("is damaged")


def _footer(text: str) -> str:
    return f"{FOOTER}\t{crc32(text.encode('latin-1')):08x}"


def is_printable_field(text: str) -> bool:
    """Returns whether text can be a field of a record."""
    # Anything else in a token or key would fail much later, in an HTTP header.
    return text.isascii() and text.isprintable()
