"""Firefox by Marionette, its own protocol, as Mozilla's own tests use it; Playwright drives no Firefox of Debian's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from marionette_driver.by import By
from marionette_driver.errors import NoSuchElementException, UnknownException
from marionette_driver.keys import Keys
from marionette_driver.marionette import Marionette

from cognito_jupyter._util.closing import Closeable
from tests.support.polling import wait_until
from tests.support.ports import free_port
from tests.support.temporary import shared_path

_PREFERENCES = {
    # Only this machine is reached: every other name goes to a proxy that is not there.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "localhost, 127.0.0.1, [::1]",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # The sign-in page opens in a tab, as a user's Firefox does it.
    "browser.link.open_newwindow": 3,
    "dom.disable_open_during_load": False,
}
_DELETE_COOKIES = """
for (const each of Services.cookies.getCookiesFromHost(arguments[0], {})) {
  Services.cookies.remove(each.host, each.name, each.path, each.originAttributes);
}
"""
_COPY = """
Cc["@mozilla.org/widget/clipboardhelper;1"].getService(Ci.nsIClipboardHelper).copyString(arguments[0]);
"""


def find_firefox() -> str | None:
    """Returns `FIREFOX`, else the system's Firefox, else Debian's, which it installs as root; None: there is none."""
    # One process at a time: pytest-xdist runs several.
    with FileLock(shared_path("cognito_jupyter-firefox.lock")):
        names = (os.environ.get("FIREFOX", ""), "firefox-esr", "firefox")
        found = next(filter(None, map(shutil.which, filter(None, names))), None)
        if found is None and sys.platform.startswith("linux") and os.getuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
            # The tests of Chromium may install it at the same time.
            install = ["apt-get", "install", "-y", "-qq", "-o", "DPkg::Lock::Timeout=300", "firefox-esr"]
            subprocess.run(install, check=True, capture_output=True)
            found = shutil.which("firefox-esr")
        # What lies on the path is a link, and Marionette looks for further files beside the program.
        return os.path.realpath(found) if found else None


class Firefox(Closeable):
    """A Firefox without a window on the screen.

    Args:
        path: The program.
        profile: A folder for its profile.
    """

    def __init__(self, path: str, profile: Path) -> None:
        port = free_port()
        lines = (f"user_pref({name!r}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items())
        (profile / "user.js").write_text(f"user_pref('marionette.port', {port});\n" + "".join(lines), encoding="utf-8")
        self._process = subprocess.Popen(
            [
                path,
                "--marionette",
                "--headless",
                "--no-remote",
                "--remote-allow-system-access",
                "--profile",
                str(profile),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._driver = Marionette(port=port)
        self._driver.start_session()

    def close(self) -> None:
        """Ends the program."""
        self._driver.delete_session()
        self._process.terminate()
        self._process.wait()

    # -- tabs

    @property
    def tabs(self) -> list[str]:
        """The tabs' handles."""
        return list(self._driver.window_handles)

    def switch_to(self, tab: str) -> None:
        """Makes a tab the one that the other methods mean."""
        self._driver.switch_to_window(tab)

    def close_tab(self, tab: str, then: str) -> None:
        """Closes a tab, and switches to another one.

        Args:
            tab: The tab.
            then: The other one.
        """
        self.switch_to(tab)
        self._driver.close()
        self.switch_to(then)

    def delete_cookies(self, host: str) -> None:
        """Forgets the cookies of a host."""
        with self._driver.using_context(self._driver.CONTEXT_CHROME):
            self._driver.execute_script(_DELETE_COOKIES, script_args=(host,))

    # -- pages

    @property
    def url(self) -> str:
        """What the address bar shows, on an error page too."""
        return str(self._driver.get_url())

    @property
    def text(self) -> str:
        """The page's visible text."""
        return str(self.run("return document.body?.innerText || ''"))

    def go_to(self, url: str) -> None:
        """Opens a page."""
        self._driver.navigate(url)

    def run(self, script: str, *arguments: object) -> Any:
        """Returns what a script of the page's own returns.

        Args:
            script: The body of a function.
            *arguments: What it finds in `arguments`.
        """
        return self._driver.execute_script(script, script_args=arguments, sandbox=None)

    def wait_for(self, what: Callable[[], object], message: Callable[[], str] | str) -> None:
        """Waits until something holds; an error of a page that is being replaced is none.

        Args:
            what: The condition.
            message: What is missing if it never holds, or what returns it.
        """

        def holds() -> bool:
            try:
                return bool(what())
            except (NoSuchElementException, UnknownException):
                return False

        wait_until(holds, message, timeout=60)

    def wait_for_text(self, text: str) -> None:
        """Waits until the page shows a text."""
        self.wait_for(lambda: text in self.text, lambda: f"Firefox shows no {text!r}: {self.text}")

    # -- elements

    def fill(self, selector: str, text: str) -> None:
        """Types a text into a field.

        Args:
            selector: The field's CSS selector.
            text: The text.
        """
        field = self._driver.find_element(By.CSS_SELECTOR, selector)
        field.clear()
        field.send_keys(text)

    def paste(self, selector: str, text: str) -> None:
        """Pastes a text from the clipboard into a field.

        Args:
            selector: The field's CSS selector.
            text: The text.
        """
        with self._driver.using_context(self._driver.CONTEXT_CHROME):
            self._driver.execute_script(_COPY, script_args=(text,))
        self._driver.find_element(By.CSS_SELECTOR, selector).send_keys(Keys.CONTROL, "v")

    def click(self, selector: str) -> None:
        """Clicks an element; Marionette calls it an error if that leads to one of Firefox's error pages."""
        element = self._driver.find_element(By.CSS_SELECTOR, selector)
        try:
            element.click()
        except UnknownException as error:
            if "Reached error page" not in str(error):
                raise

    def take_picture(self, path: Path) -> None:
        """Saves a picture of the page."""
        path.write_bytes(self._driver.screenshot(format="binary", full=False))
