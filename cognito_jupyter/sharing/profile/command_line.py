"""The line of a profile that starts `cognito-jupyter credential-process`, in a form that every AWS SDK splits alike.

`profile.py` calls it. On POSIX systems all SDKs split as a shell does. On Windows botocore follows the rules of C
programs. Those for Go, .NET and PowerShell pass the line to `cmd /c`, which removes the outer quotes, and read the file
as UTF-8, where botocore uses the system's encoding. So there the line has neither quotes nor letters beyond ASCII.

Sources: `cmd /?`; https://github.com/aws/aws-sdk-go-v2/blob/main/credentials/processcreds/provider.go
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence

from ...errors import SettingError

_PLAIN = re.compile(r"[A-Za-z0-9_.:+=,@~/\\-]+")
"""What neither cmd nor an SDK reads in a way of its own; "%" and "^" are not among it."""


def short_path(path: str) -> str:
    """Returns the short name of a path, as `dir /x` shows it, if Windows has one; else the path itself.

    Args:
        path: The path of something that exists.
    """
    if sys.platform != "win32":
        return path
    import ctypes

    windll = getattr(ctypes, "windll", None)
    if windll is None:
        return path
    buffer = ctypes.create_unicode_buffer(32_768)
    length = windll.kernel32.GetShortPathNameW(path, buffer, len(buffer))
    return buffer.value if 0 < length < len(buffer) else path


def command_line(
    words: Sequence[str], *, platform: str = sys.platform, shorten: Callable[[str], str] = short_path
) -> str:
    """Returns the command as one line of the config file.

    Args:
        words: The program and its arguments.
        platform: The platform, as in sys.platform.
        shorten: Returns the short name of a path.

    Raises:
        SettingError: No line means these words to every SDK.
    """
    if platform != "win32":
        line = shlex.join(words)
        if not line.isprintable():
            raise SettingError(
                "The path of this installation contains characters that the AWS config file cannot contain.",
                "Install cognito_jupyter in another folder.",
            )
        return line
    plain = [word if _PLAIN.fullmatch(word) else shorten(word) for word in words]
    for word in plain:
        if not _PLAIN.fullmatch(word):
            raise SettingError(
                f"AWS's programs do not agree on how to read {word} in the AWS config file, and it has no short name.",
                "Use a folder whose path has only letters from a to z, digits, and _ . - : a new environment for the "
                "installation, or COGNITO_JUPYTER_FOLDER for the sign-in.",
            )
    return " ".join(plain)
