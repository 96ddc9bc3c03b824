"""A real JupyterLab in a real browser."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.lab import Lab, clean_environment

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=20_000)


def find_chromium() -> str | None:
    """`CHROMIUM`, else the system's, else one that is installed now: Debian's as root, Playwright's elsewhere."""
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and shutil.which(name):
            return shutil.which(name)
    if sys.platform.startswith("linux") and os.getuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=True, capture_output=True)
        return shutil.which("chromium")
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True, capture_output=True)
    return None


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab(local_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory, notebooks: Path) -> Iterator[Lab]:
    """One for all tests: each opens a notebook of its own, with a kernel of its own."""
    settings = tmp_path_factory.mktemp("settings")
    with Lab(notebooks, clean_environment(settings, local_cognito.environment)) as lab:
        yield lab


Settings = Callable[[str, dict[str, object]], None]


@pytest.fixture
def lab_settings(lab: Lab) -> Iterator[Settings]:
    """Changes settings of a JupyterLab plugin as its own settings editor does, for pages opened later."""
    changed: list[str] = []

    def put(plugin: str, values: dict[str, object]) -> None:
        changed.append(plugin)
        url = f"{lab.url}lab/api/settings/{plugin}"
        headers = {"Authorization": f"token {lab.token}"}
        requests.put(url, json={"raw": json.dumps(values)}, headers=headers, timeout=10).raise_for_status()

    yield put
    for plugin in changed:
        put(plugin, {})


THEMES = "@jupyterlab/apputils-extension:themes"
WIDGETS = "@jupyter-widgets/jupyterlab-manager:plugin"
SUBSHELLS = "@jupyterlab/apputils-extension:kernels-settings"
FAR = "https://notebook.example.org/callback"


class Book:
    """One notebook, open in JupyterLab.

    Attributes:
        page: Playwright's.
    """

    def __init__(self, page: Page, path: Path, cognito: LocalCognito) -> None:
        self.page = page
        self.path = path
        self._cognito = cognito

    @property
    def panels(self) -> Locator:
        return self.page.locator(".cognito-panel:visible")

    @property
    def panel(self) -> Locator:
        return self.panels.first

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def run(self, index: int) -> Locator:
        """Runs a cell, without waiting for its end; again where JupyterLab was not connected to the kernel yet."""
        prompt = self.cell(index).locator(".jp-InputPrompt").first
        for _ in range(10):
            self.cell(index).locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            with contextlib.suppress(AssertionError):
                expect(prompt).not_to_have_text("[ ]:", timeout=1500)
                break
        return self.cell(index)

    def run_all(self) -> None:
        """Runs every cell; again where JupyterLab was not connected to the kernel yet."""
        prompt = self.cell(0).locator(".jp-InputPrompt").first
        for _ in range(10):
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            with contextlib.suppress(AssertionError):
                expect(prompt).not_to_have_text("[ ]:", timeout=1500)
                break

    def done(self, index: int) -> None:
        """Waits until a cell has run."""
        prompt = self.cell(index).locator(".jp-InputPrompt").first
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))

    def shows(self, index: int, text: str) -> None:
        """Waits until a cell's output holds a text."""
        expect(self.cell(index).locator(".jp-OutputArea")).to_contain_text(text)

    def click(self, name: str) -> None:
        self.panel.get_by_role("button", name=name).click()

    def link(self) -> Locator:
        return self.panel.get_by_role("link", name="Sign in")

    def address(self) -> Locator:
        return self.panel.get_by_role("textbox", name="Address")

    def sign_in(self) -> str:
        """Follows the panel's link, fills in the form; returns the address at which the browser ends up."""
        context = self.page.context
        ended: list[str] = []
        context.on("request", lambda request: ended.append(request.url) if "code=" in request.url else None)
        with context.expect_page() as opened:
            self.link().click()
        page = opened.value
        user = self._cognito.demo_user
        if page.locator("#username").count():
            page.fill("#username", user.username)
            page.fill("#password", user.password)
            page.get_by_role("button", name="Sign in").click()
        page.wait_for_timeout(500)
        page.close()
        return ended[-1]

    def paste(self, address: str) -> None:
        """Puts an address into the box, as pasting does."""
        self.address().fill(address)

    def save(self) -> str:
        """The notebook's file, once saved."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        self.page.wait_for_timeout(1500)
        return self.path.read_text(encoding="utf-8")


@pytest.fixture
def far(cognito: LocalCognito) -> str:
    """A cell after which the browser cannot reach the kernel: its registered address is of another machine.

    Playwright's routes would not do: they do not see redirects.
    """
    client = cognito.pool.clients[cognito.client_id]
    cognito.add_client(dataclasses.replace(client, redirect_uris=(*client.redirect_uris, FAR)))
    return f"import os\nos.environ['COGNITO_REDIRECT_URI'] = {FAR!r}"


Open = Callable[..., Book]


@pytest.fixture
def open_book(chromium: Browser, lab: Lab, notebooks: Path, cognito: LocalCognito) -> Iterator[Open]:
    """Opens a notebook of the cells given."""
    contexts: list[BrowserContext] = []

    def open_it(*sources: str, **how: object) -> Book:
        name = f"{uuid.uuid4().hex}.ipynb"
        path = notebooks / name
        path.write_text(json.dumps(notebook_of(sources)), encoding="utf-8")
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 1000}, **how})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        # A workspace of its own, without the tabs that an earlier test has left.
        page.goto(f"{lab.url}lab/workspaces/{path.stem}/tree/{name}?token={lab.token}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()
        return Book(page, path, cognito)

    yield open_it
    for context in contexts:
        context.close()
    headers = {"Authorization": f"token {lab.token}"}
    for kernel in requests.get(f"{lab.url}api/kernels", headers=headers, timeout=10).json():
        requests.delete(f"{lab.url}api/kernels/{kernel['id']}", headers=headers, timeout=10)


def notebook_of(sources: tuple[str, ...]) -> dict[str, object]:
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for i, source in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
