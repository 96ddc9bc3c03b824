"""The front ends of the matrix, and more kernels for the JupyterLab of the other browser tests."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito
from tests.support.scheduling import module_of, schedule_by_group

from ..kernel_pool import NEWEST, notebook_json
from .catalogue import FRONT_ENDS, KERNELS, LOSING_MESSAGES, MATRIX_KERNELS, FrontEnd
from .environments import make_environment
from .matrix import OUTCOME, WHOLE_MATRIX, Outcome, outcome_from_text, write_table
from .pages import ClassicPage, FrontEndPage, JupyterLabPage, VoilaPage
from .server import JupyterServer, write_kernel_spec

_PAGES: dict[str, type[FrontEndPage]] = {"jupyterlab": JupyterLabPage, "classic": ClassicPage, "voila": VoilaPage}
_HOSTED = ("SSH_", "JUPYTERHUB_", "KUBERNETES_", "CODESPACES", "REMOTE_CONTAINERS", "BROWSER")
"""Variables of the developer's machine that would tell the kernel that the browser is elsewhere."""

_OF_SHARED_LAB = ("test_kernels.py", "test_notebook7.py")
"""The modules whose tests use the fixture `lab`."""

KernelName = Callable[[str], str]


@pytest.fixture(scope="session")
def kernel_of(lab_files: Path) -> KernelName:
    """Returns a function from a version of ipykernel to a kernel's name; the kernel is made at its first use."""
    names = {"newest": NEWEST}

    def name_of(version: str) -> str:
        if version not in names:
            names[version] = name = f"ipykernel-{version}"
            write_kernel_spec(lab_files / "jupyter_data_dir", name, KERNELS[version])
        return names[version]

    return name_of


@dataclass(frozen=True)
class Desk:
    """A front end that can be started, with its settings and the folder of its notebooks.

    Attributes:
        name: Its key.
        front_end: The front end.
        python: The Python of its environment.
        variables: Its environment variables.
        notebooks: The folder of its notebooks.
    """

    name: str
    front_end: FrontEnd
    python: Path
    variables: dict[str, str]
    notebooks: Path

    def add_kernel(self, kernel: str) -> None:
        """Makes one of `KERNELS` known to the front end."""
        write_kernel_spec(Path(self.variables["JUPYTER_DATA_DIR"]), kernel, KERNELS[kernel])


@pytest.fixture(scope="session")
def desk(
    request: pytest.FixtureRequest, local_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """Makes the front end that a test's parameter names, with empty settings folders."""
    folder = tmp_path_factory.mktemp(request.param)
    variables = clean_environment(folder / "settings", {**local_cognito.environment, "DISPLAY": ""})
    variables = {name: value for name, value in variables.items() if not name.startswith(_HOSTED)}
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    front_end = FRONT_ENDS[request.param]
    python = make_environment(front_end.environment)
    # A short path, because it holds socket files.
    with tempfile.TemporaryDirectory(prefix="desk-") as runtime:
        variables["JUPYTER_RUNTIME_DIR"] = runtime
        yield Desk(request.param, front_end, python, variables, notebooks)


@pytest.fixture(scope="session")
def server(desk: Desk) -> Iterator[JupyterServer]:
    """Runs the server of the front end."""
    with JupyterServer(desk.python, desk.front_end.module, desk.notebooks, desk.variables) as server:
        yield server


OpenPage = Callable[..., FrontEndPage]


@pytest.fixture
def open_page(
    desk: Desk, server: JupyterServer, cognito: LocalCognito, user_browser: BrowserContext
) -> Iterator[OpenPage]:
    """Returns a function that opens a new notebook of some cells with one of `KERNELS`."""
    opened: list[FrontEndPage] = []

    def open_it(kernel: str, *sources: str) -> FrontEndPage:
        desk.add_kernel(kernel)
        path = desk.notebooks / f"{uuid.uuid4().hex}.ipynb"
        path.write_text(json.dumps(notebook_json(sources, kernel)), encoding="utf-8")
        page = _PAGES[desk.front_end.kind](user_browser.new_page(), cognito)
        opened.append(page)
        url = f"{server.url}{desk.front_end.route}{path.name}?token={server.token}"
        page.open(url, loses_messages=kernel in LOSING_MESSAGES)
        return page

    yield open_it
    for page in opened:
        # Shown in the report of a test that failed.
        print(f"What {desk.front_end.title} shows:\n{page.visible_text()}")
        page.page.close()
    headers = {"Authorization": f"token {server.token}"}
    for kernel in requests.get(f"{server.url}api/kernels", headers=headers, timeout=30).json():
        requests.delete(f"{server.url}api/kernels/{kernel['id']}", headers=headers, timeout=30)
    # Otherwise the next test's user would still be signed in at Cognito.
    user_browser.clear_cookies(domain="localhost")


ReportOutcome = Callable[..., None]


@pytest.fixture
def report_outcome(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> ReportOutcome:
    """Returns a function that puts a test's outcome into the table; it takes the last fields of an `Outcome`."""
    parameters = request.node.callspec.params

    def report(way: str, seconds: float | None = None, **fields: Any) -> None:
        outcome = Outcome(parameters["desk"], parameters["kernel"], way, seconds, **fields)
        record_property(OUTCOME, outcome.as_text())

    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Has all tests of a front end run in one process, which starts its server once.

    Args:
        config: pytest's own.
        log: What the scheduler logs to.
    """
    return schedule_by_group(config, log, _group_of)


def _group_of(nodeid: str) -> str:
    """Returns the front end that a test's parameters name; those of the other tests' JupyterLab are one group, too."""
    parameters = f"-{nodeid.partition('[')[2].removesuffix(']')}-"
    front_end = max((name for name in FRONT_ENDS if f"-{name}-" in parameters), key=len, default=None)
    module = module_of(nodeid)
    if front_end is None:
        return "the JupyterLab of the browser tests" if module.endswith(_OF_SHARED_LAB) else module
    # The tests of one front end with every kernel would take longer than a third of the run.
    older = any(f"-{kernel}-" in parameters for kernel in MATRIX_KERNELS[:-1])
    return f"{front_end} with older kernels" if older else front_end


class TableWriter:
    """Collects the outcomes that the tests report, also from the processes of pytest-xdist, and writes the table."""

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._outcomes += [outcome_from_text(str(text)) for name, text in report.user_properties if name == OUTCOME]

    def pytest_sessionfinish(self) -> None:
        write_table(Path(str(WHOLE_MATRIX)), self._outcomes)


def pytest_configure(config: pytest.Config) -> None:
    """Has the table written by the first process, in which the reports of all others arrive."""
    if WHOLE_MATRIX and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(TableWriter())
