"""One JupyterLab and one browser for all tests; each test gets its own notebook and kernel."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from cognito_jupyter.demo.jupyterlab import JupyterLab, clean_environment
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.redirect_uri import RELAY_PATH
from tests.support.busy import BusyMeter
from tests.support.forked_kernels import IN_JUPYTER_SERVER
from tests.support.kernel_sockets import socket_options
from tests.support.polling import TEST_TIMEOUT

from .browser_session import BrowserSession
from .chromium import FLAGS, find_chromium
from .kernel_pool import NEWEST, KernelPool
from .lab_settings import ChangeSettings, LabSettings
from .notebook_page import NotebookPage

expect.set_options(timeout=1000 * TEST_TIMEOUT)

REMOTE_REDIRECT_URI = "https://notebook.example.org/callback"
_SIZE = {"width": 1200, "height": 1000}
_PAGE_CONFIGURATION = {
    # It starts Node.js three times for each page, to see whether JupyterLab should be built again.
    "buildAvailable": False,
    "buildCheck": False,
    # It opens when a test closes the last notebook, and may then cover the next one.
    "disabledExtensions": {"@jupyterlab/launcher-extension:plugin": True},
}
"""What a user may set in JupyterLab's page_config.json."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def user_browser(chromium: Browser) -> Iterator[BrowserContext]:
    """Returns the user's browser, one for all tests for its cache: JupyterLab is several megabytes of JavaScript."""
    context = chromium.new_context(viewport=_SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(1000 * TEST_TIMEOUT)
    yield context
    context.close()


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab_files() -> Iterator[Path]:
    """Makes the folder of all files that JupyterLab, IPython and the package write; its path is short for sockets."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def lab(local_cognito: LocalCognito, lab_files: Path, notebooks: Path) -> Iterator[JupyterLab]:
    """Runs one JupyterLab for all tests; its page tells whether it is connected to the kernel."""
    exposed = {f"{app}.expose_app_in_browser": "True" for app in ("LabApp", "JupyterNotebookApp")}
    environment = clean_environment(lab_files, local_cognito.environment)
    configuration = Path(environment["JUPYTER_CONFIG_DIR"], "jupyter_server_config.py")
    configuration.write_text(IN_JUPYTER_SERVER.format(folder=str(Path(__file__).parents[2])), encoding="utf-8")
    page_configuration = Path(environment["JUPYTER_CONFIG_DIR"], "labconfig", "page_config.json")
    page_configuration.parent.mkdir()
    page_configuration.write_text(json.dumps(_PAGE_CONFIGURATION), encoding="utf-8")
    with JupyterLab(notebooks, environment, exposed | socket_options(environment)) as lab:
        yield lab


@pytest.fixture(scope="session")
def busy_meter() -> Iterator[BusyMeter]:
    """Runs for all tests that measure what a user sees."""
    with BusyMeter() as meter:
        yield meter


@pytest.fixture(scope="session")
def kernel_pool(lab: JupyterLab, notebooks: Path) -> KernelPool:
    return KernelPool(lab, notebooks)


@pytest.fixture(scope="session")
def browser_session(user_browser: BrowserContext, lab: JupyterLab) -> BrowserSession:
    return BrowserSession(user_browser, lab)


@pytest.fixture(scope="session")
def all_lab_settings(kernel_pool: KernelPool, browser_session: BrowserSession) -> LabSettings:
    return LabSettings(kernel_pool, browser_session)


@pytest.fixture(scope="module")
def lab_settings_of_module(all_lab_settings: LabSettings) -> Iterator[ChangeSettings]:
    yield from all_lab_settings.changed()


@pytest.fixture
def lab_settings(all_lab_settings: LabSettings) -> Iterator[ChangeSettings]:
    yield from all_lab_settings.changed()


@pytest.fixture
def remote_redirect(cognito: LocalCognito) -> str:
    """Returns a cell after which the browser cannot reach the kernel: the redirect URI is on another machine.

    Playwright's routes cannot do this, because they do not see redirects.
    """
    client = cognito.pool.clients[cognito.client_id]
    cognito.add_client(dataclasses.replace(client, redirect_uris=(*client.redirect_uris, REMOTE_REDIRECT_URI)))
    return f"import os\nos.environ['COGNITO_REDIRECT_URI'] = {REMOTE_REDIRECT_URI!r}"


@pytest.fixture
def relayed(cognito: LocalCognito, lab: JupyterLab) -> str:
    """Returns a cell after which logins come back to the Jupyter server."""
    uri = lab.url.rstrip("/") + RELAY_PATH
    client = cognito.pool.clients[cognito.client_id]
    cognito.add_client(dataclasses.replace(client, redirect_uris=(*client.redirect_uris, uri)))
    return f"import os\nos.environ['COGNITO_REDIRECT_URI'] = {uri!r}"


class OpenNotebook(Protocol):
    """Opens a new notebook with these cells."""

    def __call__(self, *sources: str, kernel: str = NEWEST, front_end: str = "lab") -> NotebookPage: ...


class OpenFile(Protocol):
    """Opens a notebook file: in the shared JupyterLab page, or in a new page of another context or front end."""

    def __call__(self, path: Path, context: BrowserContext | None = None, front_end: str = "lab") -> NotebookPage: ...


_NOTEBOOK_PAGES = pytest.StashKey[list[NotebookPage]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the visible text of its notebooks to the report of a failed test."""
    report = yield
    if report.failed and call.when == "call":
        for notebook in item.stash.get(_NOTEBOOK_PAGES, []):
            report.sections.append((f"what {notebook.path.name} shows", notebook.visible_text()))
    return report


@pytest.fixture
def open_file(  # noqa: PLR0913, PLR0917 - the parts of a page, and what a failed test reports
    request: pytest.FixtureRequest,
    user_browser: BrowserContext,
    browser_session: BrowserSession,
    all_lab_settings: LabSettings,
    lab: JupyterLab,
    cognito: LocalCognito,
) -> Iterator[OpenFile]:
    pages: list[Page] = []
    opened: list[NotebookPage] = []
    request.node.stash[_NOTEBOOK_PAGES] = opened

    def open_it(path: Path, context: BrowserContext | None = None, front_end: str = "lab") -> NotebookPage:
        all_lab_settings.save()
        if context is None and front_end == "lab":
            page = browser_session.open_notebook(path)
        else:
            page = (context or user_browser).new_page()
            pages.append(page)
            where = "lab/workspaces/other/tree" if front_end == "lab" else "notebooks"
            page.goto(f"{lab.url}{where}/{path.name}?token={lab.token}")
        notebook = NotebookPage(page, path, cognito)
        opened.append(notebook)
        notebook.wait_for_kernel()
        return notebook

    yield open_it
    for page in pages:
        page.close()
    # Otherwise the next test's user would still be signed in at Cognito.
    user_browser.clear_cookies(domain="localhost")


@pytest.fixture
def open_notebook(
    kernel_pool: KernelPool, browser_session: BrowserSession, open_file: OpenFile
) -> Iterator[OpenNotebook]:
    paths: list[Path] = []

    def open_it(*sources: str, kernel: str = NEWEST, front_end: str = "lab") -> NotebookPage:
        path = kernel_pool.create_notebook(sources, kernel)
        paths.append(path)
        notebook = open_file(path, front_end=front_end)
        kernel_pool.start_spare_kernel(kernel)
        return notebook

    yield open_it
    browser_session.close_notebooks()
    for path in paths:
        kernel_pool.shut_down_kernel(path)
