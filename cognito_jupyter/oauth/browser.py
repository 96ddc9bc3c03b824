"""Opens the sign-in page without putting its URL into any process's arguments.

A browser is started with the path of a file of ours that only this user may read, and that sends it on; Jupyter
opens its own pages in the same way. The URL holds the login's state and nonce.
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
from types import TracebackType
from typing import Self

_REDIRECT_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title>
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url={url}"></head>
<body><p>This page takes you to the sign-in. If it does not, <a href="{url}">go there</a>.</p></body></html>
"""


class RedirectPage:
    """The file that sends the browser on; `close` removes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def close(self) -> None:
        """Removes the file; a second call does nothing."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def open_in_browser(url: str) -> RedirectPage | None:
    """Opens a URL in this machine's browser.

    Args:
        url: Where to go; it is in no process's arguments.

    Returns:
        The page that sends the browser on, to be closed when the login is over; None where there is no browser.
    """
    browser = _graphical_browser()
    if browser is None:
        return None
    # mkdtemp makes the folder 0700, so the file in it is out of anybody's reach from its first moment.
    folder = Path(tempfile.mkdtemp(prefix="cognito_jupyter-"))
    path = folder / "sign-in.html"
    path.touch(mode=0o600)
    path.write_text(_REDIRECT_HTML.format(url=html.escape(url)), encoding="utf-8")
    # Some browsers keep their starter waiting for seconds.
    threading.Thread(target=browser.open, args=(path.as_uri(),), name="cognito-browser", daemon=True).start()
    return RedirectPage(folder)


def _graphical_browser() -> webbrowser.BaseBrowser | None:
    """The person's browser; a text browser would take over the terminal that the notebook runs in."""
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
