"""A profile of ours in the text of the AWS config file: put in and taken out, everything else byte for byte.

Ours is known by the comment under its heading. Source of the format:
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
"""

from __future__ import annotations

import configparser
import re
import shlex
from dataclasses import dataclass

from ...errors import SettingError

MARKER = "# Written by cognito_jupyter, which also takes it away again: %cognito_profile"
_MANAGED_SETTING = re.compile(rb"\s*(credential_process|region)\s*=")
_NAME_PATTERN = re.compile(r"[A-Za-z0-9_.+@=,:/%-]+")


@dataclass(frozen=True)
class Profile:
    """What is written.

    Attributes:
        name: As in `aws --profile NAME`.
        command: Prints credentials; one line, quoted as a shell wants it.
        region: The profile's.
    """

    name: str
    command: str
    region: str


def check_name(name: str) -> None:
    """Refuses a name that some AWS SDK would read differently from another.

    Raises:
        SettingError: It is one.
    """
    if not _NAME_PATTERN.fullmatch(name):
        raise SettingError(
            f"{name!r} cannot be a profile's name.", "Use letters, digits and the characters _ . + @ = , : / % - alone."
        )


def with_profile(content: bytes, profile: Profile) -> bytes:
    """The content with the profile, in the place of our own of that name, else at the end.

    Raises:
        SettingError: AWS's programs cannot read the content, or somebody else's profile has that name.
    """
    lines, found = _split_lines(content), _find_managed_profile(content, profile.name)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    setting = [f"{MARKER} {profile.name} --remove", f"credential_process = {profile.command}"]
    body = [line.encode() + end for line in (*setting, f"region = {profile.region}")]
    if found is not None:
        lines[found.start + 1 : found.end] = body
        return b"".join(lines)
    # A last line without an end gets one, and so that people can read it there is an empty line between.
    before = [end] if lines and not lines[-1].endswith(b"\n") else []
    between = [end] if lines else []
    return b"".join([*lines, *before, *between, _heading(profile.name) + end, *body])


def without_profile(content: bytes, name: str) -> bytes:
    """The content without our profile of that name; what somebody has added to it stays, under its heading.

    Raises:
        SettingError: AWS's programs cannot read the content, or the profile is somebody else's.
    """
    lines, found = _split_lines(content), _find_managed_profile(content, name)
    if found is None:
        return content
    if found.has_user_settings:
        del lines[found.start + 1 : found.end]
    else:
        empty_before = found.start > 0 and not lines[found.start - 1].strip()
        del lines[found.start - empty_before : found.end]
    return b"".join(lines)


@dataclass(frozen=True)
class _ManagedProfile:
    """Where a profile of ours is, by line: its heading, the line after what is ours, and whether there is more."""

    start: int
    end: int
    has_user_settings: bool


def _find_managed_profile(content: bytes, name: str) -> _ManagedProfile | None:
    lines = _split_lines(content)
    for start, line in enumerate(lines[:-1]):
        if line.strip() == _heading(name) and lines[start + 1].startswith(MARKER.encode()):
            end = start + 2
            while end < len(lines) and _MANAGED_SETTING.match(lines[end]):
                end += 1
            return _ManagedProfile(start, end, _has_user_settings(lines[end:]))
    if name in _profile_names(content):
        raise SettingError(
            f"The AWS config file has a profile {name} that is not ours.", "Choose another name, or take it out first."
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
        SettingError: Nobody can.
    """
    parser = configparser.RawConfigParser(default_section="")
    try:
        # With the line ends of all systems, as botocore opens the file.
        parser.read_string(re.sub("\r\n?", "\n", content.decode("utf-8")))
        headings = [shlex.split(section) for section in parser.sections()]
    except (ValueError, configparser.Error):
        # Without the reason: it quotes the file, where a key may be.
        raise SettingError(
            "The AWS config file is not in a shape that AWS's programs can read.",
            "Mend it; `aws configure list` helps.",
        ) from None
    return {words[-1] for words in headings if words == ["default"] or (len(words) == 2 and words[0] == "profile")}
