"""Signing in with Firefox in JupyterLab: each of the three ways back, and the relay's page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cognito_jupyter.demo.jupyterlab import JupyterLab
from cognito_jupyter.local import LocalCognito

from .firefox import Firefox, find_firefox
from .kernel_pool import NEWEST, KernelPool
from .lab_settings import LabSettings
from .notebook_page import LOAD, LOGIN, READS_S3
from .test_relay import NO_FOLDER

_IS_IDLE = """
const shown = window.jupyterapp?.shell.currentWidget;
const context = shown?.sessionContext;
return shown?.context?.path === arguments[0] && context?.isReady
  && context.session?.kernel?.connectionStatus === 'connected' && context.session.kernel.status === 'idle';
"""
_CLOSE_ALL = "for (const each of [...window.jupyterapp.shell.widgets('main')]) each.dispose();"
_OPEN = "window.jupyterapp.commands.execute('docmanager:open', {path: arguments[0], factory: 'Notebook'});"
_START = """
const { jupyterapp } = window;
jupyterapp.shell.currentWidget.content.activeCellIndex = arguments[0];
jupyterapp.commands.execute('notebook:run-cell');
"""
_IS_SHOWN = "return !!document.querySelector(arguments[0])"
_OUTPUT = "return document.querySelectorAll('.jp-Notebook .jp-Cell')[arguments[0]]?.innerText || ''"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    path = find_firefox()
    if path is None:
        pytest.skip("There is no Firefox, and only root can install Debian's.")
    with Firefox(path, tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


class FirefoxNotebook:
    """A notebook of JupyterLab in Firefox.

    Args:
        firefox: The browser; this notebook's tab is the current one.
        cognito: Where the user signs in.
    """

    def __init__(self, firefox: Firefox, cognito: LocalCognito) -> None:
        self.firefox = firefox
        self._cognito = cognito
        (self.tab,) = firefox.tabs

    def start_cell(self, index: int) -> None:
        """Starts a cell, by JupyterLab's own command."""
        self.firefox.run(_START, index)

    def expect_output(self, index: int, text: str) -> None:
        """Waits until a cell shows a text."""
        message = f"Cell {index} shows no {text!r}."
        self.firefox.wait_for(lambda: text in self.firefox.run(_OUTPUT, index), message)

    def expect_s3(self) -> None:
        """Waits until the login's cell shows the user, and until the cell after it has read S3."""
        self.expect_output(1, "You are signed in")
        self.start_cell(2)
        self.expect_output(2, "True")

    def follow_sign_in_link(self) -> str:
        """Clicks the panel's link and fills in the form; returns the tab in which that was."""
        link = ".cognito-panel a[target=_blank]"
        self.firefox.wait_for(lambda: self.firefox.run(_IS_SHOWN, link), "There is no link.")
        self.firefox.click(link)
        self.firefox.wait_for(lambda: len(self.firefox.tabs) == 2, "The link opens no tab.")
        (opened,) = set(self.firefox.tabs) - {self.tab}
        self.firefox.switch_to(opened)
        self.firefox.wait_for_text("Password")
        self.firefox.fill("#username", self._cognito.demo_user.username)
        self.firefox.fill("#password", self._cognito.demo_user.password)
        self.firefox.click("button[type=submit]")
        return opened


OpenInFirefox = Callable[..., FirefoxNotebook]


@pytest.fixture
def open_in_firefox(
    firefox: Firefox, lab: JupyterLab, kernel_pool: KernelPool, all_lab_settings: LabSettings, cognito: LocalCognito
) -> Iterator[OpenInFirefox]:
    paths: list[Path] = []

    def open_it(*sources: str) -> FirefoxNotebook:
        all_lab_settings.save()
        path = kernel_pool.create_notebook(sources, NEWEST)
        paths.append(path)
        if firefox.url.startswith(lab.url):
            # JupyterLab's page of the test before: to load it takes longer than to sign in.
            firefox.run(_CLOSE_ALL)
            firefox.run(_OPEN, path.name)
        else:
            firefox.go_to(f"{lab.url}lab/tree/{path.name}?token={lab.token}")
        firefox.wait_for(lambda: firefox.run(_IS_IDLE, path.name), "JupyterLab is not connected to its kernel.")
        return FirefoxNotebook(firefox, cognito)

    yield open_it
    first, *others = firefox.tabs
    for tab in others:
        firefox.close_tab(tab, first)
    # Otherwise the next test's user would still be signed in at Cognito.
    firefox.delete_cookies(str(urlsplit(cognito.domain).hostname))
    for path in paths:
        kernel_pool.shut_down_kernel(path)


def sign_in_and_read(notebook: FirefoxNotebook) -> None:
    """Signs in by the link in the second cell, after which the third reads S3."""
    notebook.start_cell(0)
    notebook.start_cell(1)
    opened = notebook.follow_sign_in_link()
    notebook.firefox.wait_for_text("Sign-in received")
    assert "code=" not in notebook.firefox.url
    notebook.firefox.close_tab(opened, notebook.tab)
    notebook.expect_s3()


def test_one_click_and_one_form_sign_in(open_in_firefox: OpenInFirefox) -> None:
    sign_in_and_read(open_in_firefox(LOAD, LOGIN, READS_S3))


@pytest.mark.parametrize("way", ["socket", "page"])
def test_the_relay_needs_no_paste(open_in_firefox: OpenInFirefox, relayed: str, way: str) -> None:
    """By the server's socket; or by the page that hands its address to the panel."""
    setup = f"{LOAD}\n{relayed}" + (f"\n{NO_FOLDER}" if way == "page" else "")
    sign_in_and_read(open_in_firefox(setup, LOGIN, READS_S3))


def test_the_address_of_its_error_page_can_be_pasted(open_in_firefox: OpenInFirefox, remote_redirect: str) -> None:
    notebook = open_in_firefox(f"{LOAD}\n{remote_redirect}", LOGIN, READS_S3)
    notebook.start_cell(0)
    notebook.start_cell(1)
    opened = notebook.follow_sign_in_link()
    firefox = notebook.firefox
    firefox.wait_for(lambda: "code=" in firefox.url, "The address bar does not keep the address.")
    address = firefox.url
    firefox.close_tab(opened, notebook.tab)
    firefox.paste(".cognito-panel .address input", address)
    notebook.expect_s3()
