"""Two hubs, two users, Cognito as another site, and a browser that reaches hub and Cognito, but no port of a kernel."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from cognito_jupyter.local import LocalCognito
from tests.browser.chromium import FLAGS, find_chromium
from tests.support.busy import BusyMeter
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy

from .environments import EnvironmentMaker
from .hub_kernel import HubKernel
from .running_hub import RunningHub, redirect_uri_of, write_kernel_spec
from .sign_in import PASSWORD
from .static_page import SERVICE, serve_page, static_redirect_uri
from .users import Users, two_users

if sys.platform == "win32":
    pytest.skip("JupyterHub does not run on Windows.", allow_module_level=True)

expect.set_options(timeout=1000 * TEST_TIMEOUT)

BASE_URL = "/base/"
GATEWAY_SERVER = "by-gateway"
NAMED_SERVER = "lab-2"
NewKernel = Callable[..., HubKernel]
NewBrowser = Callable[..., BrowserContext]


class Figures:
    """The seconds from password to session, for the end of the report.

    Attributes:
        meter: Runs while the tests do.
    """

    meter: BusyMeter

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def add(self, set_up: str, seconds: float) -> None:
        """Adds a sign-in without a paste, which must take less than a second from the password.

        Args:
            set_up: What is between the browser and the kernel.
            seconds: How long it took.
        """
        self._seconds.setdefault(set_up, []).append(seconds)
        allowed = self.meter.allowed(1.0, seconds)
        assert seconds < allowed, f"{set_up}: {seconds:.2f} s, where {allowed:.2f} s are allowed"

    def lines(self) -> list[str]:
        """Returns a line for each set-up."""
        return [
            f"{set_up}: {', '.join(f'{each:.2f} s' for each in seconds)}" for set_up, seconds in self._seconds.items()
        ]


_FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash[_FIGURES].lines()
    if lines:
        terminalreporter.section("from password to session")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    figures = request.config.stash[_FIGURES]
    with BusyMeter() as figures.meter:
        yield figures


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def users() -> Iterator[Users]:
    with two_users() as users:
        yield users


@pytest.fixture(scope="session")
def shared_folder() -> Iterator[Path]:
    """Returns a folder that every user can read, and that has a short path, since it holds socket files."""
    folder = Path(tempfile.mkdtemp(prefix="hub-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def environment_maker(shared_folder: Path) -> EnvironmentMaker:
    return EnvironmentMaker(shared_folder)


@pytest.fixture(scope="session")
def hub_ports() -> tuple[int, int]:
    """Returns the ports of the two hubs, which have to be known when their redirect URIs are registered."""
    return free_port(), free_port()


@pytest.fixture(scope="session")
def pool(hub_ports: tuple[int, int], users: Users) -> Iterator[LocalCognito]:
    """Runs a user pool in which the hubs' users have accounts of the same names."""
    port, old_port = hub_ports
    uris = (
        redirect_uri_of(f"https://127.0.0.1:{port}{BASE_URL}"),
        redirect_uri_of(f"https://127.0.0.1:{old_port}/"),
        static_redirect_uri(f"https://127.0.0.1:{port}{BASE_URL}"),
        f"http://localhost:{free_port()}",
    )
    with LocalCognito(aws=False, redirect_uris=uris) as cognito:
        for name in (users.ada, users.grace):
            cognito.add_user(name, PASSWORD, ["Analyst"])
        # The code of one login waits for all attacks on it, which may take long on a busy machine.
        cognito.knobs.code_seconds = 3000
        yield cognito


@pytest.fixture(scope="session")
def gateway_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def hub(  # noqa: PLR0913, PLR0917 - pytest's arguments
    gateway_port: int,
    hub_ports: tuple[int, int],
    users: Users,
    pool: LocalCognito,
    shared_folder: Path,
    environment_maker: EnvironmentMaker,
) -> Iterator[RunningHub]:
    """Runs the newest JupyterHub at a base URL; its servers and its kernels have environments of their own."""
    packages = ("jupyterhub==6.1.1", "jupyterlab==4.6.6", "jupyterlab_widgets", "anywidget")
    url = f"https://127.0.0.1:{hub_ports[0]}{BASE_URL}"
    environments = environment_maker.kernel_elsewhere(*packages)
    with (
        serve_page() as page_url,
        RunningHub(
            shared_folder / "hub",
            environments=environments,
            users=users,
            environment={**pool.environment, "COGNITO_REDIRECT_URI": redirect_uri_of(url)},
            environment_of_server={GATEWAY_SERVER: {"JUPYTER_GATEWAY_URL": f"http://127.0.0.1:{gateway_port}"}},
            base_url=BASE_URL,
            port=hub_ports[0],
            services={SERVICE: page_url},
        ) as hub,
    ):
        yield hub


@pytest.fixture(scope="session")
def old_hub(
    hub_ports: tuple[int, int],
    users: Users,
    pool: LocalCognito,
    shared_folder: Path,
    environment_maker: EnvironmentMaker,
) -> Iterator[RunningHub]:
    """Runs JupyterHub 4.1, without this package's hook; its servers and kernels share one environment."""
    packages = ("jupyterhub==4.1.6", "jupyterlab==4.6.6")
    with RunningHub(
        shared_folder / "old",
        environments=environment_maker.kernel_beside_server(*packages),
        users=users,
        environment={**pool.environment, "COGNITO_REDIRECT_URI": redirect_uri_of(f"https://127.0.0.1:{hub_ports[1]}/")},
        port=hub_ports[1],
        hook=False,
    ) as hub:
        yield hub


@pytest.fixture(scope="session")
def gateway(
    gateway_port: int, hub: RunningHub, pool: LocalCognito, environment_maker: EnvironmentMaker
) -> Iterator[None]:
    """Runs a kernel gateway, whose kernels know nothing of the hub but the redirect URI.

    A gateway's kernels inherit none of its variables, so they have those of their kernel's specification.
    """
    python = str(environment_maker.with_gateway())
    folder = hub.folder / "gateway"
    settings = {**pool.environment, "COGNITO_REDIRECT_URI": hub.redirect_uri}
    write_kernel_spec(folder, python, settings)
    command = [python, "-m", "kernel_gateway", f"--KernelGatewayApp.port={gateway_port}"]
    environment = {**os.environ, "JUPYTER_PATH": str(folder)}
    with subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: _listens(gateway_port), "The kernel gateway does not listen.")
        yield
        process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def allowed_proxy(hub_ports: tuple[int, int], pool: LocalCognito) -> Iterator[HttpProxy]:
    """Runs the proxy of all browsers: it reaches the hubs and Cognito only."""
    with HttpProxy(allowed_ports=[*hub_ports, int(urlsplit(pool.domain).port or 0)]) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def open_browser(chromium: Browser, allowed_proxy: HttpProxy) -> NewBrowser:
    """Returns a function that opens a new browser, in which a user is signed in to a hub if both are given."""

    def open_it(hub: RunningHub | None = None, user: str | None = None) -> BrowserContext:
        proxy = {"server": allowed_proxy.url, "bypass": "<-loopback>"}
        context = chromium.new_context(proxy=proxy, ignore_https_errors=True)  # type: ignore[arg-type]
        if hub is not None and user is not None:
            hub.sign_in(context, user)
        return context

    return open_it


@pytest.fixture
def new_browser(open_browser: NewBrowser) -> Iterator[NewBrowser]:
    """Returns the same function; the browsers are closed at the end of the test."""
    with ExitStack() as stack:

        def open_it(hub: RunningHub | None = None, user: str | None = None) -> BrowserContext:
            context = open_browser(hub, user)
            stack.callback(context.close)
            return context

        yield open_it


@pytest.fixture
def new_kernel() -> Iterator[NewKernel]:
    """Returns a function that starts a kernel on a user's server, which it starts if it does not run."""
    kernels = []

    def start_it(hub: RunningHub, user: str, server: str = "") -> HubKernel:
        kernels.append(HubKernel.start(hub, user, server))
        return kernels[-1]

    yield start_it
    for kernel in kernels:
        kernel.shut_down()
