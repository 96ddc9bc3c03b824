"""Windows' files: no modes, no replacing of an open file, no colon in a name, text in the locale's encoding.

Sources: MoveFileEx, DeleteFile and "Naming Files, Paths, and Namespaces" on https://learn.microsoft.com; the errors are
those that CPython raises for them.
"""

from __future__ import annotations

import configparser
import errno
import fcntl
import glob
import os
import pathlib
import shutil
import signal
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from .altered_module import called_by_simulated_code
from .options import is_on

ANSI_CODE_PAGE = "cp1252"
_ACCESS_DENIED, _SHARING_VIOLATION, _INVALID_NAME, _ALREADY_EXISTS = 5, 32, 123, 183
_FORBIDDEN_CHARACTERS = frozenset('<>:"|?*')
_F_SETSIG = 10

_Path = Any


def _windows_error(winerror: int, path: _Path) -> OSError:
    """Returns the error that Python raises on Windows; `winerror` is an attribute there."""
    number, text = {
        _ACCESS_DENIED: (errno.EACCES, "Access is denied"),
        _SHARING_VIOLATION: (
            errno.EACCES,
            "The process cannot access the file because it is being used by another process",
        ),
        _INVALID_NAME: (errno.EINVAL, "The filename, directory name, or volume label syntax is incorrect"),
        _ALREADY_EXISTS: (errno.EEXIST, "Cannot create a file when that file already exists"),
    }[winerror]
    error = OSError(number, text, os.fspath(path))
    error.winerror = winerror  # type: ignore[attr-defined]  # it exists on Windows only
    return error


refusals: Counter[str] = Counter()
"""How often this process was refused an operation, by its name, because a process had the file open."""


def is_open(path: _Path) -> bool:
    """Returns whether any process has a file open. Linux grants a write lease (fcntl(2)) only if none has."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except BlockingIOError:
        return True  # another process checks it at this moment
    except OSError:
        return False
    try:
        # A process that opens the file now waits until this descriptor is closed; the signal of that is ignored.
        fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _require_closed(operation: str, path: _Path, winerror: int) -> None:
    """Raises the error of a file that cannot be removed or replaced.

    Raises:
        OSError: A process has it open, or it is read-only.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return
    if stat.S_ISREG(status.st_mode):
        if not status.st_mode & stat.S_IWUSR:
            raise _windows_error(_ACCESS_DENIED, path)
        if is_on("file_sharing") and is_open(path):
            refusals[operation] += 1
            raise _windows_error(winerror, path)


def _require_unused_folder(path: _Path) -> None:
    """Raises the error of a folder in which a process works or has a file open.

    Raises:
        OSError: There is such a process.
    """
    if not is_on("file_sharing"):
        return
    folder = os.path.realpath(path)
    for link in glob.iglob("/proc/[0-9]*/cwd"):
        try:
            working_folder = os.readlink(link)
        except OSError:
            continue
        if working_folder == folder or working_folder.startswith(folder + os.sep):
            raise _windows_error(_SHARING_VIOLATION, working_folder)
    for parent, _, files in os.walk(folder):
        for name in files:
            _require_closed("rmtree", os.path.join(parent, name), _SHARING_VIOLATION)


def _require_valid_name(path: _Path) -> None:
    if isinstance(path, int):
        return
    name = os.path.basename(os.fsdecode(path))
    if _FORBIDDEN_CHARACTERS & set(name) or (name not in {"", ".", ".."} and name[-1] in " ."):
        raise _windows_error(_INVALID_NAME, path)


def replace(src: _Path, dst: _Path, **options: Any) -> None:
    _require_valid_name(dst)
    _require_closed("replace", src, _SHARING_VIOLATION)
    _require_closed("replace", dst, _ACCESS_DENIED)
    if os.path.isdir(dst):
        raise _windows_error(_ACCESS_DENIED, dst)
    os.replace(src, dst, **options)


def rename(src: _Path, dst: _Path, **options: Any) -> None:
    _require_valid_name(dst)
    _require_closed("rename", src, _SHARING_VIOLATION)
    if os.path.lexists(dst):
        raise _windows_error(_ALREADY_EXISTS, dst)
    os.rename(src, dst, **options)


def unlink(path: _Path, **options: Any) -> None:
    _require_closed("unlink", path, _SHARING_VIOLATION)
    os.unlink(path, **options)


def chmod(path: _Path, mode: int, **options: Any) -> None:
    """Changes the read-only flag of a file, the only one of its mode that there is."""
    if not os.path.isdir(path):
        os.chmod(path, 0o666 if mode & stat.S_IWUSR else 0o444, **options)


def mkdir(path: _Path, mode: int = 0o777, **options: Any) -> None:
    _require_valid_name(path)
    os.mkdir(path, **options)


def open_descriptor(path: _Path, flags: int, mode: int = 0o777, **options: Any) -> int:
    _require_valid_name(path)
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
    if flags & (os.O_WRONLY | os.O_RDWR) and os.path.exists(path) and not os.stat(path).st_mode & stat.S_IWUSR:
        raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
    return os.open(path, flags, 0o666 if mode & stat.S_IWUSR else 0o444, **options)


def without_modes(status: os.stat_result) -> os.stat_result:
    """Returns what os.stat has there: no owner, and a mode that only says whether a file is read-only."""
    permissions = 0o777 if stat.S_ISDIR(status.st_mode) else 0o666 if status.st_mode & stat.S_IWUSR else 0o444
    fields = list(status)
    fields[stat.ST_MODE] = stat.S_IFMT(status.st_mode) | permissions
    fields[stat.ST_UID] = fields[stat.ST_GID] = 0
    named = {name: getattr(status, name) for name in dir(status) if name.startswith("st_")}
    return os.stat_result(fields, {name: named[name] for name in named if name not in {"st_mode", "st_uid", "st_gid"}})


def open_text(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
    """Is `open` there: text is in the ANSI code page, and lines end with CR LF, if the caller does not say more.

    Args:
        file: As there.
        mode: As there.
        arguments: As there.
        options: As there.
    """
    options |= dict(zip(("buffering", "encoding", "errors", "newline", "closefd", "opener"), arguments, strict=False))
    is_written = bool(set(mode) & set("wax+"))
    if is_written:
        _require_valid_name(file)
    if "b" not in mode and is_on("encodings"):
        if options.get("encoding") in {None, "locale"}:
            options["encoding"] = ANSI_CODE_PAGE
        if options.get("newline") is None and is_written and "+" not in mode:
            options["newline"] = "\r\n"
    return open(file, mode, **options)


def expanduser(path: _Path) -> Any:
    """Is os.path.expanduser there, which ignores HOME."""
    text = os.fspath(path)
    home = os.environ.get("USERPROFILE") or "".join(os.environ.get(n, "") for n in ("HOMEDRIVE", "HOMEPATH"))
    if home and (text == "~" or text.startswith("~/")):
        return home + text[1:]
    return text


def which(cmd: _Path, mode: int = 0, path: _Path = None) -> Any:
    """Is shutil.which: a file is a program there by its name, whatever its mode.

    Args:
        cmd: As there.
        mode: As there.
        path: As there.
    """
    name = os.fspath(cmd)
    folders = [""] if os.path.dirname(name) else (path or os.environ.get("PATH", "")).split(os.pathsep)
    names = [name, *(name + ending for ending in (".COM", ".EXE", ".BAT", ".CMD"))]
    found = (os.path.join(folder, each) for folder in folders for each in names)
    return next(filter(os.path.isfile, found), None)


def remove_tree(path: _Path, ignore_errors: bool = False, **options: Any) -> None:
    try:
        _require_unused_folder(path)
    except OSError:
        if not ignore_errors:
            raise
        return  # a part of it stays, whichever that is there
    shutil.rmtree(path, ignore_errors, **options)


class TemporaryDirectory(tempfile.TemporaryDirectory[Any]):
    """One that stays if a process uses it."""

    def cleanup(self) -> None:
        if os.path.isdir(self.name) and not getattr(self, "_ignore_cleanup_errors", False):
            _require_unused_folder(self.name)
        super().cleanup()

    def __exit__(self, *error: object) -> None:
        self.cleanup()


def changes() -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module."""
    return {
        "os": {
            "name": "nt", "linesep": "\r\n", "replace": replace, "rename": rename, "unlink": unlink, "remove": unlink,
            "chmod": chmod, "mkdir": mkdir, "open": open_descriptor, "fdopen": open_text,
            "O_BINARY": 0, "O_NOINHERIT": 0, "O_TEXT": 0,
            "stat": lambda path, **options: without_modes(os.stat(path, **options)),
            "lstat": lambda path, **options: without_modes(os.lstat(path, **options)),
            "fstat": lambda descriptor: without_modes(os.fstat(descriptor)),
        },
        "io": {"open": open_text},
        "os.path": {"expanduser": expanduser},
        "shutil": {"rmtree": remove_tree, "which": which},
        "tempfile": {"TemporaryDirectory": TemporaryDirectory},
        "locale": {"getpreferredencoding": lambda *_: ANSI_CODE_PAGE, "getencoding": lambda: ANSI_CODE_PAGE},
    }  # fmt: skip


def _unlink_path(path: pathlib.Path, missing_ok: bool = False) -> None:
    try:
        unlink(path)
    except FileNotFoundError:
        if not missing_ok:
            raise


def _read_text(path: pathlib.Path, *arguments: Any, **options: Any) -> str:
    with open_text(path, "r", -1, *arguments, **options) as file:
        return str(file.read())


def _write_text(path: pathlib.Path, data: str, *arguments: Any, **options: Any) -> int:
    with open_text(path, "w", -1, *arguments, **options) as file:
        return int(file.write(data))


def _rename_path(path: pathlib.Path, target: _Path) -> pathlib.Path:
    rename(path, target)
    return pathlib.Path(target)


def _replace_path(path: pathlib.Path, target: _Path) -> pathlib.Path:
    replace(path, target)
    return pathlib.Path(target)


_PATH_METHODS: dict[str, Callable[..., Any]] = {
    "unlink": _unlink_path,
    "rename": _rename_path,
    "replace": _replace_path,
    "read_text": _read_text,
    "write_text": _write_text,
    "open": open_text,
    "chmod": chmod,
    "stat": lambda path, **options: without_modes(os.stat(path, **options)),
    "lstat": lambda path: without_modes(os.lstat(path)),
    "expanduser": lambda path: pathlib.Path(expanduser(path)),
}


def read_configurations() -> None:
    """Lets every package read configuration files in the ANSI code page, if it does not say more: botocore does not."""
    read = configparser.RawConfigParser.read

    def altered(self: configparser.RawConfigParser, filenames: Any, encoding: str | None = None) -> list[str]:
        return read(self, filenames, encoding or ANSI_CODE_PAGE)

    configparser.RawConfigParser.read = altered  # type: ignore[assignment, method-assign]  # for all


def alter_paths(builtins: Mapping[str, Any]) -> None:
    """Changes the methods of `pathlib.Path` for calls by simulated code; for all others they stay as they are.

    Args:
        builtins: The builtins of simulated code.
    """

    def alter(name: str, stands_in: Callable[..., Any]) -> None:
        method = getattr(pathlib.Path, name)

        def altered(self: pathlib.Path, *arguments: Any, **options: Any) -> Any:
            chosen = stands_in if called_by_simulated_code(builtins) else method
            return chosen(self, *arguments, **options)

        setattr(pathlib.Path, name, altered)

    for name, stands_in in _PATH_METHODS.items():
        alter(name, stands_in)
