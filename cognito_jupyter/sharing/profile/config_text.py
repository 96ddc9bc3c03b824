"""One profile in the text of the AWS config file: added and removed, with everything else preserved byte for byte.

`profile.py` calls it; it reads and writes no file. A profile of this package is recognised by the comment below its
heading. Source of the format: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
"""

from __future__ import annotations

import configparser
import re
import shlex

from ...errors import SettingError
from ..endpoint.aws_files import decode_aws_file

MARKER = "# Written by cognito_jupyter"
"""The beginning of the comment below the heading; existing files contain it with different endings."""
_MANAGED_SETTING = re.compile(rb"\s*(credential_process|region)\s*=")
_NAME_PATTERN = re.compile(r"[A-Za-z0-9_.+@=,:/%-]+")


def check_name(name: str) -> None:
    """Refuses a name that not all AWS SDKs read in the same way.

    Raises:
        SettingError: The name is refused.
    """
    if not _NAME_PATTERN.fullmatch(name):
        raise SettingError(
            f"{name!r} cannot be a profile's name.", "Use only letters, digits and the characters _ . + @ = , : / % -"
        )


def with_profile(content: bytes, name: str, command: str, region: str) -> bytes:
    """Returns the content with a profile, which replaces an earlier one of this package or is appended.

    Args:
        content: The file's content.
        name: The profile's name, as in `aws --profile NAME`.
        command: The command that prints credentials; one line, quoted for a shell.
        region: The profile's region.

    Raises:
        SettingError: AWS SDKs cannot read the content, or the user has written a profile of that name.
    """
    lines = _split_lines(content)
    found = _find_managed_profile(content, lines, name)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    comment = f"{MARKER}; to remove it: %cognito_profile {name} --remove"
    body = [line.encode() + end for line in (comment, f"credential_process = {command}", f"region = {region}")]
    if found is not None:
        lines[found[0] + 1 : found[1]] = body
        return b"".join(lines)
    # The last line gets a line end if it has none, and an empty line separates the profile for readability.
    before = [end] if lines and not lines[-1].endswith(b"\n") else []
    between = [end] if lines else []
    return b"".join([*lines, *before, *between, _heading(name) + end, *body])


def without_profile(content: bytes, name: str) -> bytes:
    """Returns the content without this package's profile of a name; settings that the user added to it stay.

    Args:
        content: The file's content.
        name: The profile's name.

    Raises:
        SettingError: AWS SDKs cannot read the content, or the user has written the profile.
    """
    lines = _split_lines(content)
    found = _find_managed_profile(content, lines, name)
    if found is None:
        return content
    start, end = found
    if _has_user_settings(lines[end:]):
        start += 1
    elif start > 0 and not lines[start - 1].strip():
        start -= 1
    del lines[start:end]
    return b"".join(lines)


def _find_managed_profile(content: bytes, lines: list[bytes], name: str) -> tuple[int, int] | None:
    """Finds this package's profile of a name: the index of its heading, and of the line after its last own setting."""
    for start, line in enumerate(lines[:-1]):
        if line.strip() == _heading(name) and lines[start + 1].startswith(MARKER.encode()):
            end = start + 2
            while end < len(lines) and _MANAGED_SETTING.match(lines[end]):
                end += 1
            return start, end
    if name in _profile_names(content):
        raise SettingError(
            f"The AWS config file has a profile {name} that cognito_jupyter did not write.",
            "Choose another name, or remove that profile first.",
        )
    return None


def _has_user_settings(lines: list[bytes]) -> bool:
    """Whether anything but comments comes before the next heading."""
    for text in map(bytes.strip, lines):
        if text.startswith(b"["):
            return False
        if text and not text.startswith((b"#", b";")):
            return True
    return False


def _heading(name: str) -> bytes:
    return b"[default]" if name == "default" else f"[profile {name}]".encode()


def _split_lines(content: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def _profile_names(content: bytes) -> set[str]:
    """The names of all profiles, as botocore reads them.

    Raises:
        SettingError: botocore cannot read the file.
    """
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(decode_aws_file(content))
        headings = [shlex.split(section) for section in parser.sections()]
    except (ValueError, configparser.Error):
        # Without the reason: it quotes the file, which may contain a key.
        raise SettingError(
            "The AWS config file is malformed, and AWS SDKs cannot read it.",
            "Correct it; `aws configure list` shows what is wrong.",
        ) from None
    return {words[-1] for words in headings if words == ["default"] or (len(words) == 2 and words[0] == "profile")}
