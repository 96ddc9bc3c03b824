"""Opens the sign-in page in the browser without putting its URL into any process's arguments.

The URL holds the login's state and nonce, and other users of this machine can list process arguments. So the browser
is given the path of a private file that redirects to the URL, as Jupyter does for its own pages. `authenticate`, the
notebook's login prompt and the command line call this.
"""

from __future__ import annotations

import html
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
import webbrowser
from contextlib import suppress
from pathlib import Path

from .._util.closing import Closeable

_REDIRECT_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title>
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url={url}"></head>
<body><p>This page takes you to the sign-in. If it does not, <a href="{url}">go there</a>.</p></body></html>
"""


_PRIVATE = 0o700
_GRACE_PERIOD = 60.0
"""Seconds within which a new folder gets its page."""
_PAGE_NAME = "sign-in.html"
_LOCK_NAME = "in-use"
_FOLDER_PREFIX = "cognito_jupyter-"


class RedirectPage(Closeable):
    """The file that redirects the browser to the sign-in page; `close` removes it.

    While it is in use, a lock beside it is held: so a later login can tell that a process was killed and left it.

    Args:
        url: The URL of the sign-in page.

    Attributes:
        path: The file.

    Raises:
        OSError: The folder for temporary files cannot be written.
    """

    def __init__(self, url: str) -> None:
        from filelock import FileLock  # late: it takes long to load

        # mkdtemp creates the folder with mode 0700, so no other user can read the file at any time.
        self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
        self._lock = FileLock(self._folder / _LOCK_NAME, mode=0o600)
        self.path = self._folder / _PAGE_NAME
        try:
            self._lock.acquire(timeout=0)
            self.path.touch(mode=0o600)
            self.path.write_text(_REDIRECT_HTML.format(url=html.escape(url)), encoding="utf-8")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Removes the file; a second call does nothing."""
        _remove(self._folder)
        self._lock.release()
        _remove(self._folder)  # Windows does not remove a file that is open


def remove_abandoned_pages() -> None:
    """Removes the pages of processes that were killed during a login; each holds the state and nonce of that login."""
    with suppress(OSError):  # there is no folder for temporary files
        for entry in os.scandir(tempfile.gettempdir()):
            if entry.name.startswith(_FOLDER_PREFIX):
                with suppress(OSError):
                    _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return
    if sys.platform != "win32" and (status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != _PRIVATE):
        return  # not ours, whatever its name is
    names = set(os.listdir(folder))
    if not names <= {_PAGE_NAME, _LOCK_NAME}:
        return
    if _PAGE_NAME not in names and time.time() - status.st_mtime < _GRACE_PERIOD:
        return  # another process is just making it
    from filelock import FileLock, Timeout  # late: usually there is nothing to remove

    lock = FileLock(folder / _LOCK_NAME, mode=0o600)
    with suppress(Timeout):
        lock.acquire(timeout=0)
        _remove(folder)
        lock.release()
        _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def open_in_browser(url: str) -> RedirectPage | None:
    """Opens a URL in this machine's browser.

    Args:
        url: The URL to open; it appears in no process's arguments.

    Returns:
        The page that redirects to the URL, to be closed when the login has ended; None if there is no browser, or no
        folder for the page.
    """
    browser = _graphical_browser()
    if browser is None:
        return None
    try:
        page = RedirectPage(url)
    except OSError:  # the folder for temporary files is full or cannot be written: the user follows the link
        return None
    # In a thread: some browsers block the process that starts them for seconds.
    threading.Thread(target=browser.open, args=(page.path.as_uri(),), name="cognito-browser", daemon=True).start()
    return page


def _graphical_browser() -> webbrowser.BaseBrowser | None:
    """Returns the user's browser, except a text browser, which would take over the terminal of the notebook server."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return None
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    in_terminal = isinstance(browser, webbrowser.GenericBrowser) and not isinstance(
        browser, webbrowser.BackgroundBrowser
    )
    return None if in_terminal else browser
