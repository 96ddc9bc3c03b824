"""Opens the sign-in page in the user's browser without putting its URL into any process's arguments.

The URL holds the login's state and nonce, and other users of this machine can list process arguments. So the browser
is given the address of a page on loopback that the login's server serves once. A file would not do: a browser from a
snap or a flatpak has a /tmp of its own, and Windows opens no file of WSL.

`authenticate`, the notebook's login prompt and the command line call this.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ListenerError
from .authorization_response import CallbackOutcome
from .callback.server import OAuthCallbackServer

if TYPE_CHECKING:
    from .login import Login

_OpenUrl = Callable[[str], object]

_TEXT_BROWSERS = ("browsh", "carbonyl", "edbrowse", "elinks", "links", "lynx", "retawq", "w3m", "www-browser")
"""They would take over the terminal of the notebook server."""
_DESKTOP_BROWSERS = (
    "brave", "chrom", "epiphany", "falkon", "firefox", "gio", "gnome-", "google-chrome", "gvfs-open", "iceweasel",
    "kfmclient", "konqueror", "microsoft-edge", "midori", "mozilla", "opera", "seamonkey", "vivaldi", "x-www-browser",
    "xdg-open",
)  # fmt: skip
"""How the names of programs begin that need a display."""


def open_sign_in(login: Login, *, remote: bool = False) -> bool:
    """Opens the sign-in page of a login in the user's browser.

    Args:
        login: The login.
        remote: Whether the browser is on another computer, so that this machine's own browser is none of the user's.

    Returns:
        Whether there is a browser; nothing tells whether it shows the page.
    """
    open_url = _find_browser(remote=remote)
    if open_url is None:
        return False
    try:
        url = login.start_url()
    except ListenerError:  # the user follows the link
        return False
    _open_in_thread(open_url, url)
    return True


def open_page(url: str) -> OAuthCallbackServer | None:
    """Opens a URL that holds a secret in the user's browser.

    Args:
        url: The URL to open; it appears in no process's arguments.

    Returns:
        The server that sends the browser on, to be closed later; None if there is no browser.
    """
    open_url = _find_browser(remote=False)
    if open_url is None:
        return None
    try:
        server = OAuthCallbackServer(("localhost", 0), on_response=lambda _: CallbackOutcome.STATE_MISMATCH)
    except ListenerError:
        return None
    server.start()
    _open_in_thread(open_url, server.add_start_page(url))
    return server


def _open_in_thread(open_url: _OpenUrl, url: str) -> None:
    # In a thread: some browsers block the process that starts them for seconds.
    threading.Thread(target=open_url, args=(url,), name="cognito-browser", daemon=True).start()


def _find_browser(*, remote: bool) -> _OpenUrl | None:
    """Returns what opens a URL in the user's browser: $BROWSER's helper program, else a browser of this machine."""
    helper = _helper_command()
    if helper is not None:
        return partial(_run_helper, helper)
    browser = None if remote else _graphical_browser()
    return browser.open if browser is not None else None


def _helper_command() -> list[str] | None:
    """Returns the first program of $BROWSER that opens pages elsewhere; None if it names only browsers, or nothing.

    VS Code (remote, in a development container, in a Codespace), code-server and Gitpod set it to such a program. It
    opens the page on the user's own computer, and forwards the port there if the URL leads to localhost. Since the
    callback server serves the page, that is also the port that the sign-in returns to.
    """
    in_wsl = ["wslview"] if "WSL_DISTRO_NAME" in os.environ else []  # of wslu; it opens the browser of Windows
    for text in [*os.environ.get("BROWSER", "").split(os.pathsep), *in_wsl]:
        try:
            words = shlex.split(text, posix=sys.platform != "win32")
        except ValueError:  # a quotation mark has no partner
            continue
        if sys.platform == "win32":
            words = [word.strip('"') for word in words]  # of a path with spaces, which that way of splitting leaves
        words = words[:-1] if words[-1:] == ["&"] else words
        name = PurePath(words[0]).name.lower() if words else ""
        if name and not name.startswith((*_TEXT_BROWSERS, *_DESKTOP_BROWSERS)) and shutil.which(words[0]):
            return words if any("%s" in word for word in words) else [*words, "%s"]
    return None


def _run_helper(command: list[str], url: str) -> None:
    """Runs a helper program to its end, away from the terminal and the input of this process."""
    url = _address_in_code_server(url)
    with suppress(OSError), open(os.devnull, "r+b") as nothing:
        subprocess.run(  # noqa: S603 - the user has set $BROWSER, and no shell reads the URL
            [word.replace("%s", url) for word in command],
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,
            check=False,
        )


def _address_in_code_server(url: str) -> str:
    """Returns the address of a page on loopback behind code-server's proxy.

    Its helper program would make the same of the URL, but drops the path in many versions:
    https://github.com/coder/code-server/issues/7668
    """
    template = os.environ.get("VSCODE_PROXY_URI", "")
    if "CODE_SERVER_SESSION_SOCKET" not in os.environ or not template.startswith(("http://", "https://")):
        return url
    parts = urlsplit(url)
    return template.replace("{{port}}", str(parts.port)).rstrip("/") + parts.path


def _graphical_browser() -> webbrowser.BaseBrowser | None:
    """Returns this machine's browser, except a text browser."""
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
