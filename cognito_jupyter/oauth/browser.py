"""Opens the sign-in page in the browser without putting its URL into any process's arguments.

The URL holds the login's state and nonce, and other users of this machine can list process arguments. So the browser
is given the path of a private file that redirects to the URL, as Jupyter does for its own pages. `authenticate`, the
notebook's login prompt and the command line call this.
"""

from __future__ import annotations

import html
import os
import shutil
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

from .._util.closing import Closeable

_REDIRECT_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title>
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url={url}"></head>
<body><p>This page takes you to the sign-in. If it does not, <a href="{url}">go there</a>.</p></body></html>
"""


class RedirectPage(Closeable):
    """The file that redirects the browser to the sign-in page; `close` removes it.

    Args:
        folder: The folder that holds only this file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def close(self) -> None:
        """Removes the file; a second call does nothing."""
        shutil.rmtree(self._folder, ignore_errors=True)


def open_in_browser(url: str) -> RedirectPage | None:
    """Opens a URL in this machine's browser.

    Args:
        url: The URL to open; it appears in no process's arguments.

    Returns:
        The page that redirects to the URL, to be closed when the login has ended; None if there is no browser.
    """
    browser = _graphical_browser()
    if browser is None:
        return None
    # mkdtemp creates the folder with mode 0700, so no other user can read the file at any time.
    folder = Path(tempfile.mkdtemp(prefix="cognito_jupyter-"))
    path = folder / "sign-in.html"
    path.touch(mode=0o600)
    path.write_text(_REDIRECT_HTML.format(url=html.escape(url)), encoding="utf-8")
    # In a thread: some browsers block the process that starts them for seconds.
    threading.Thread(target=browser.open, args=(path.as_uri(),), name="cognito-browser", daemon=True).start()
    return RedirectPage(folder)


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
