"""JupyterLab in a browser: one of each for all tests, and for each test a notebook and a kernel of its own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from cognito_jupyter.demo.jupyterlab import JupyterLab, clean_environment
from cognito_jupyter.local import LocalCognito

from .book import NotebookPage
from .chromium import FLAGS, find_chromium
from .desk import BrowserSession
from .shelf import NEWEST, KernelPool

expect.set_options(timeout=20_000)

THEMES = "@jupyterlab/apputils-extension:themes"
WIDGETS = "@jupyter-widgets/jupyterlab-manager:plugin"
SUBSHELLS = "@jupyterlab/apputils-extension:kernels-settings"
DOCUMENTS = "@jupyterlab/docmanager-extension:plugin"
REMOTE_REDIRECT_URI = "https://notebook.example.org/callback"
_SIZE = {"width": 1200, "height": 1000}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def person(chromium: Browser) -> Iterator[BrowserContext]:
    """A person's browser, kept over all tests for its cache: JupyterLab is several megabytes of JavaScript."""
    context = chromium.new_context(viewport=_SIZE)  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that JupyterLab, IPython and we keep in files."""
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="session")
def lab(local_cognito: LocalCognito, lab_files: Path, notebooks: Path) -> Iterator[JupyterLab]:
    """One for all tests; its page can be asked whether it is connected to the kernel."""
    exposed = {f"{app}.expose_app_in_browser": "True" for app in ("LabApp", "JupyterNotebookApp")}
    with JupyterLab(notebooks, clean_environment(lab_files, local_cognito.environment), exposed) as lab:
        yield lab


@pytest.fixture(scope="session")
def shelf(lab: JupyterLab, notebooks: Path) -> KernelPool:
    return KernelPool(lab, notebooks)


@pytest.fixture(scope="session")
def desk(person: BrowserContext, lab: JupyterLab) -> BrowserSession:
    return BrowserSession(person, lab)


ChangeSettings = Callable[[str, dict[str, object]], None]


@pytest.fixture(scope="module")
def lab_settings_of_module(shelf: KernelPool, desk: BrowserSession) -> Iterator[ChangeSettings]:
    yield from _change_settings(shelf, desk)


@pytest.fixture
def lab_settings(shelf: KernelPool, desk: BrowserSession) -> Iterator[ChangeSettings]:
    yield from _change_settings(shelf, desk)


def _change_settings(shelf: KernelPool, desk: BrowserSession) -> Iterator[ChangeSettings]:
    """Changes settings of a JupyterLab plugin as its own settings editor does, for pages opened later."""
    changed: set[str] = set()

    def save_settings(plugin: str, values: dict[str, object]) -> None:
        changed.add(plugin)
        shelf.send_request("PUT", f"lab/api/settings/{plugin}", raw=json.dumps(values))
        desk.close_page()

    yield save_settings
    for plugin in list(changed):
        save_settings(plugin, {})


@pytest.fixture
def far(cognito: LocalCognito) -> str:
    """A cell after which the browser cannot reach the kernel: its registered address is of another machine.

    Playwright's routes would not do: they do not see redirects.
    """
    client = cognito.pool.clients[cognito.client_id]
    cognito.add_client(dataclasses.replace(client, redirect_uris=(*client.redirect_uris, REMOTE_REDIRECT_URI)))
    return f"import os\nos.environ['COGNITO_REDIRECT_URI'] = {REMOTE_REDIRECT_URI!r}"


class OpenNotebook(Protocol):
    """Opens a new notebook of the cells given."""

    def __call__(self, *sources: str, kernel: str = NEWEST, front_end: str = "lab") -> NotebookPage: ...


class OpenFile(Protocol):
    """Opens the notebook of a file: in the person's JupyterLab, or else in a page of its own."""

    def __call__(self, path: Path, context: BrowserContext | None = None, front_end: str = "lab") -> NotebookPage: ...


_NOTEBOOK_PAGES = pytest.StashKey[list[NotebookPage]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails says what its person saw last."""
    report = yield
    if report.failed and call.when == "call":
        for book in item.stash.get(_NOTEBOOK_PAGES, []):
            report.sections.append((f"what {book.path.name} shows", book.visible_text()))
    return report


@pytest.fixture
def visit(
    request: pytest.FixtureRequest, person: BrowserContext, desk: BrowserSession, lab: JupyterLab, cognito: LocalCognito
) -> Iterator[OpenFile]:
    pages: list[Page] = []
    books: list[NotebookPage] = []
    request.node.stash[_NOTEBOOK_PAGES] = books

    def open_it(path: Path, context: BrowserContext | None = None, front_end: str = "lab") -> NotebookPage:
        if context is None and front_end == "lab":
            page = desk.open_notebook(path)
        else:
            page = (context or person).new_page()
            pages.append(page)
            where = "lab/workspaces/other/tree" if front_end == "lab" else "notebooks"
            page.goto(f"{lab.url}{where}/{path.name}?token={lab.token}")
        book = NotebookPage(page, path, cognito)
        books.append(book)
        book.wait_for_kernel()
        return book

    yield open_it
    for page in pages:
        page.close()
    # Else the next test's person would find herself signed in at Cognito.
    person.clear_cookies(domain="localhost")


@pytest.fixture
def open_book(shelf: KernelPool, desk: BrowserSession, visit: OpenFile) -> Iterator[OpenNotebook]:
    paths: list[Path] = []

    def open_it(*sources: str, kernel: str = NEWEST, front_end: str = "lab") -> NotebookPage:
        path = shelf.create_notebook(sources, kernel)
        paths.append(path)
        book = visit(path, front_end=front_end)
        shelf.start_spare_kernel(kernel)
        return book

    yield open_it
    desk.close_notebooks()
    for path in paths:
        shelf.shut_down_kernel(path)
