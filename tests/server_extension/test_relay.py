"""The relay between a real Jupyter server and a login: what arrives, and what must not."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import requests

from cognito_jupyter.oauth.login import CallbackRoute, Login, LoginState
from cognito_jupyter.oauth.pkce import LoginSecrets
from cognito_jupyter.oauth.redirect_uri import RELAY_PATH, parse_redirect_uris
from cognito_jupyter.oauth.relay.listener import Relay
from cognito_jupyter.oauth.relay.sockets import FOLDER_VARIABLE, has_own_peer, socket_name
from cognito_jupyter.oauth.tokens import CognitoTokens
from cognito_jupyter.server_extension.held_queries import HeldQueries
from cognito_jupyter.server_extension.hub import HOOK_VARIABLE
from cognito_jupyter.server_extension.relay import make_folder, redirect_paths
from tests.support.jupyter_server import (
    NAVIGATION,
    TOKEN,
    JupyterServer,
    StartServer,
    require_installed_extension,
)
from tests.support.polling import TEST_TIMEOUT
from tests.support.ports import free_port
from tests.support.systems import needs_fork, needs_root, needs_sigkill, needs_unix_sockets

pytestmark = needs_unix_sockets


@pytest.fixture(scope="module")
def server() -> Iterator[JupyterServer]:
    """One with an interpreter of its own; those of single tests are forked."""
    with JupyterServer() as server:
        yield server.wait()


@pytest.fixture(autouse=True)
def wait_for_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on a busy machine may not report in time, and then the login does not promise anything."""
    monkeypatch.setattr("cognito_jupyter.oauth.relay.listener._SERVER_TIMEOUT", TEST_TIMEOUT)


class RelayedLogin(Login):
    """A login whose state a test knows, with an exchange that only records the code."""

    def __init__(self, uris: str) -> None:
        self.codes: list[str] = []
        self.secrets = LoginSecrets.new()
        super().__init__(
            parse_redirect_uris(uris),
            build_authorization_url=self._remember,
            exchange_code=self._exchange,
            timeout=60,
        )

    def _remember(self, secrets: LoginSecrets, redirect_uri: str) -> str:
        self.secrets = secrets
        return redirect_uri

    def _exchange(self, code: str, secrets: LoginSecrets, redirect_uri: str) -> CognitoTokens:
        self.codes.append(code)
        return {"id_token": "i", "access_token": "a", "refresh_token": "r"}

    @property
    def query(self) -> str:
        return urlencode({"code": "the-code", "state": str(self.secrets.state)})


BeginLogin = Callable[..., RelayedLogin]


@pytest.fixture
def begin_login(server: JupyterServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[BeginLogin]:
    """Begins logins in a kernel of the server, at the server's own address; the test's end closes them."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(server.folder))
    with contextlib.ExitStack() as logins:

        def begin(uris: str = f"http://localhost:{server.port}{RELAY_PATH}") -> RelayedLogin:
            return logins.enter_context(RelayedLogin(uris))

        yield begin


def test_the_installed_package_switches_the_relay_on() -> None:
    require_installed_extension()


def test_a_redirect_to_the_jupyter_server_completes_the_login(server: JupyterServer, begin_login: BeginLogin) -> None:
    login = begin_login()
    assert login.route is CallbackRoute.RELAY
    assert login.listener_error is None
    assert login.listening
    status, page = server.callback(login.query)
    assert status == 200
    assert "Sign-in received" in page
    assert login.poll() is LoginState.COMPLETED
    login.tokens()
    assert login.codes == ["the-code"]


def test_two_waiting_kernels_get_each_its_own(server: JupyterServer, begin_login: BeginLogin) -> None:
    first, second = begin_login(), begin_login()
    assert server.callback(second.query)[0] == 200
    assert [first.poll(), second.poll()] == [LoginState.PENDING, LoginState.COMPLETED]
    assert server.callback(first.query)[0] == 200
    assert first.poll() is LoginState.COMPLETED


def test_an_error_of_cognito_is_shown_and_ends_the_login(server: JupyterServer, begin_login: BeginLogin) -> None:
    login = begin_login()
    status, page = server.callback(f"error=access_denied&state={login.secrets.state}")
    assert status == 400
    assert "You are not signed in" in page
    assert login.poll() is LoginState.DENIED


def test_a_login_that_has_ended_leaves_no_socket(server: JupyterServer, begin_login: BeginLogin) -> None:
    login = begin_login()
    assert (server.folder / socket_name(login.secrets.state)).is_socket()
    login.close()
    assert not (server.folder / socket_name(login.secrets.state)).exists()


def attacks(login: RelayedLogin) -> dict[str, tuple[str, dict[str, str] | None, str, set[int]]]:
    """Returns attempts with the query, the headers, the method and the statuses that are right."""
    state, signed_in = str(login.secrets.state), {"Authorization": f"token {TOKEN}"}
    forged = "x" * len(state)

    def fetched(destination: str, mode: str, site: str = "cross-site") -> dict[str, str]:
        return {**signed_in, "Sec-Fetch-Dest": destination, "Sec-Fetch-Mode": mode, "Sec-Fetch-Site": site}

    return {
        "a forged state": (f"code=evil&state={forged}", None, "GET", {404}),
        "no state": ("code=evil", None, "GET", {404}),
        "an empty state": ("code=evil&state=", None, "GET", {404}),
        "a state twice": (f"code=evil&state={state}&state={forged}", None, "GET", {404}),
        "a code twice": (f"code=evil&code=worse&state={state}", None, "GET", {404}),
        "a code and an error": (f"code=evil&error=x&state={state}", None, "GET", {404}),
        "a path as the state": (f"code=evil&state={quote('../../../etc/passwd', safe='')}", None, "GET", {404}),
        "the server's socket as the state": ("code=evil&state=server", None, "GET", {404}),
        "the socket's name as the state": (f"code=evil&state={socket_name(state)}", None, "GET", {404}),
        "a line break in the state": (f"code=evil&state={state}%0A", None, "GET", {404}),
        "a NUL in the state": (f"code=evil&state={state}%00", None, "GET", {404}),
        "an error without a state": ("error=access_denied", None, "GET", {400}),
        "another method": (login.query, None, "POST", {403, 405}),
        "a method without a body": (login.query, None, "DELETE", {403, 405}),
        "an image": (login.query, fetched("image", "no-cors"), "GET", {403}),
        "a frame": (login.query, fetched("iframe", "navigate"), "GET", {403}),
        "a script's request": (login.query, fetched("empty", "cors"), "GET", {403}),
        "a script of the same origin": (login.query, fetched("empty", "cors", "same-origin"), "GET", {403}),
        "a page fetched in advance": (
            login.query,
            {**signed_in, **NAVIGATION, "Sec-Purpose": "prefetch"},
            "GET",
            {403},
        ),
        "a user who is not signed in": (login.query, dict(NAVIGATION), "GET", {302}),
    }


@pytest.mark.parametrize("name", attacks(RelayedLogin("https://hub.example/x")))
def test_what_is_not_the_users_own_redirect_leaves_the_login_waiting(
    server: JupyterServer, begin_login: BeginLogin, name: str
) -> None:
    login = begin_login()
    query, headers, method, statuses = attacks(login)[name]
    status, page = server.callback(query, headers, method)
    assert status in statuses
    assert login.poll() is LoginState.PENDING
    assert str(login.secrets.state) not in page
    assert str(login.secrets.state) not in server.log()
    assert server.callback(login.query)[0] == 200
    assert login.poll() is LoginState.COMPLETED


def test_a_redirect_counts_once(server: JupyterServer, begin_login: BeginLogin) -> None:
    """Also while the login's socket is still there, and during the next login."""
    login = begin_login()
    server.callback(login.query)
    assert server.callback(login.query)[0] == 410
    login.tokens()
    login.close()
    following = begin_login()
    assert server.callback(login.query)[0] == 404
    assert following.poll() is LoginState.PENDING
    assert login.codes == ["the-code"]
    assert not following.codes


def test_the_page_for_no_login_keeps_its_address(server: JupyterServer) -> None:
    status, headers, page = server.get(f"{RELAY_PATH}?code=c&state=unknown")
    assert status == 404
    assert "Copy the whole address of this page" in page
    assert "unknown" not in page
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_the_servers_log_holds_neither_code_nor_state(server: JupyterServer, begin_login: BeginLogin) -> None:
    login = begin_login()
    server.callback("code=planted-in-vain&state=unknown")
    server.callback(login.query)
    assert RELAY_PATH in server.log()
    assert "planted-in-vain" not in server.log()
    assert str(login.secrets.state) not in server.log()
    assert "the-code" not in server.log()


def test_who_is_not_signed_in_to_the_server_signs_in_there_first_and_the_log_has_no_code(
    server: JupyterServer, begin_login: BeginLogin
) -> None:
    """The server's sign-in page names the address to return to in its own, which no log redacts."""
    login = begin_login()
    with requests.Session() as browser:
        browser.headers.update(NAVIGATION)
        origin = f"http://localhost:{server.port}"
        sign_in = browser.get(f"{origin}{RELAY_PATH}?{login.query}", timeout=30)
        assert "/login?next=" in sign_in.url
        assert login.poll() is LoginState.PENDING
        form = {"password": TOKEN, "_xsrf": browser.cookies["_xsrf"]}
        received = browser.post(sign_in.url, data=form, timeout=30)
    assert received.status_code == 200
    assert "Sign-in received" in received.text
    assert login.poll() is LoginState.COMPLETED
    assert "/login?next=" in server.log()
    assert "the-code" not in server.log()
    assert str(login.secrets.state) not in server.log()


def test_a_held_query_is_returned_once_and_not_for_ever() -> None:
    now = 0.0
    held = HeldQueries(lambda: now)
    first, second = held.hold("code=1"), held.hold("code=2")
    assert held.pop(first) == "code=1"
    assert held.pop(first) is None
    now = 601.0
    assert held.pop(second) is None
    keys = [held.hold(f"code={i}") for i in range(100)]
    assert [held.pop(key) for key in keys[:36]] == [None] * 36
    assert [held.pop(key) for key in keys[36:]] == [f"code={i}" for i in range(36, 100)]
    assert "code" not in repr(held.__dict__)


@needs_root
def test_the_socket_of_another_user_is_not_used(server: JupyterServer, begin_login: BeginLogin) -> None:
    login = begin_login()
    path = server.folder / socket_name(login.secrets.state)
    os.chown(path, 65534, 65534)
    assert server.callback(login.query)[0] == 404
    assert login.poll() is LoginState.PENDING


@needs_fork
@needs_root
def test_a_process_of_another_user_is_recognized_at_either_end(tmp_path: Path) -> None:
    """Even if it could enter the folder."""
    path = f"/tmp/{tmp_path.name}-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o777)
        listener.listen()
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            os._exit(1 if has_own_peer(client) else 0)
        with listener.accept()[0] as connection:
            assert os.waitpid(child, 0)[1] == 0
            assert not has_own_peer(connection)
    os.unlink(path)


def test_a_socket_of_a_killed_kernel_is_removed(server: JupyterServer) -> None:
    """A state that nobody waits for any more is answered as any unknown one."""
    path = server.folder / socket_name("of-a-killed-kernel")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.is_socket()
    assert server.callback("code=c&state=of-a-killed-kernel")[0] == 404
    assert not path.exists()


def test_a_link_in_place_of_the_socket_is_not_followed(server: JupyterServer, begin_login: BeginLogin) -> None:
    login = begin_login()
    link = server.folder / socket_name("linked")
    link.symlink_to(server.folder / socket_name(login.secrets.state))
    try:
        assert server.callback("code=c&state=linked")[0] == 404
    finally:
        link.unlink()
    assert login.poll() is LoginState.PENDING


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_a_folder_that_others_may_enter_is_not_used(server: JupyterServer, begin_login: BeginLogin, mode: int) -> None:
    """Neither by the kernel nor by the server."""
    login = begin_login()
    server.folder.chmod(mode)
    try:
        assert Relay.find(server.kernel_environment) is None
        assert server.callback(login.query)[0] == 404
    finally:
        server.folder.chmod(0o700)
    assert login.poll() is LoginState.PENDING


def test_a_link_to_the_folder_is_not_used(server: JupyterServer, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(server.folder)
    assert Relay.find({FOLDER_VARIABLE: str(link)}) is None


@pytest.mark.parametrize("folder", ["", ".", "/nowhere", "relative/folder", "a\0b"])
def test_a_variable_that_names_no_folder_means_no_relay(folder: str) -> None:
    assert Relay.find({FOLDER_VARIABLE: folder}) is None


def test_without_the_relay_its_address_is_never_listened_on(server: JupyterServer) -> None:
    """Not even where the port is free: the Jupyter server may only have stopped for a moment."""
    with RelayedLogin(f"http://localhost:1{RELAY_PATH}") as login:
        assert login.route is CallbackRoute.PASTE
        assert login.listener_error is not None
        assert "has no relay" in login.listener_error.what
        login.handle_pasted_url(f"http://localhost:1{RELAY_PATH}?{login.query}")
        assert login.poll() is LoginState.COMPLETED
    port = f"http://localhost:{free_port()}"
    with RelayedLogin(f"http://localhost:{server.port}{RELAY_PATH} {port}") as login:
        assert (login.route, login.redirect_uri) == (CallbackRoute.LISTENER, port)


def test_the_relay_goes_before_a_port_of_this_machine_where_it_is_reached(
    server: JupyterServer, begin_login: BeginLogin
) -> None:
    relay = f"http://localhost:{server.port}{RELAY_PATH}"
    assert begin_login(f"http://localhost:{free_port()} {relay}").redirect_uri == relay


def test_a_relay_of_another_server_does_not_go_before_a_port(begin_login: BeginLogin) -> None:
    """The settings may name a hub's relay and a port of the laptop, whose JupyterLab has a relay too."""
    hub = f"https://hub.example/hub/user-redirect{RELAY_PATH}"
    assert begin_login(f"{hub} http://localhost:{free_port()}").route is CallbackRoute.LISTENER
    login = begin_login(hub)
    assert login.route is CallbackRoute.UNCONFIRMED_RELAY
    assert login.listener_error is None


def test_a_forwarded_port_is_recognized_once_a_browser_has_come_through_it(
    server: JupyterServer, begin_login: BeginLogin
) -> None:
    """As by ssh -L 1234:localhost:8888: the server learns from requests under which address browsers know it."""
    uri = f"http://localhost:1234{RELAY_PATH}"
    assert begin_login(uri).route is CallbackRoute.UNCONFIRMED_RELAY
    server.get("/api", host="localhost:1234")
    assert begin_login(uri).route is CallbackRoute.RELAY


HUB = {"JUPYTERHUB_SERVICE_PREFIX": "/base/user/ada/", "JUPYTERHUB_BASE_URL": "/base/"}
OWN = f"/base/user/ada{RELAY_PATH}"
USER_REDIRECT = f"/base/hub/user-redirect{RELAY_PATH}"


@pytest.mark.parametrize(
    ("environment", "leads_here"),
    [
        ({}, False),
        (HUB, True),
        ({**HUB, "JUPYTERHUB_SERVER_NAME": ""}, True),
        ({**HUB, "JUPYTERHUB_SERVER_NAME": "gpu"}, False),
        ({**HUB, "JUPYTERHUB_SERVER_NAME": "gpu", HOOK_VARIABLE: "1"}, True),
    ],
)
def test_user_redirect_leads_to_a_named_server_only_with_the_hubs_hook(
    environment: dict[str, str], leads_here: bool
) -> None:
    paths = redirect_paths(OWN, environment)
    assert OWN in paths
    assert (USER_REDIRECT in paths) is leads_here


@pytest.mark.parametrize(
    ("uri", "reached", "leads_here"),
    [
        ("https://hub.example/base/hub/user-redirect", "hub.example", True),
        ("https://hub.example:8443/base/hub/user-redirect", "hub.example:8443", True),
        ("https://hub.example:8443/base/hub/user-redirect", "hub.example", False),
        ("https://hub.example/base/hub/user-redirect", "ada.hub.example", True),
        ("https://hub.example/base/hub/user-redirect", "hub.example.attacker.example", False),
        ("https://hub.example/base/hub/user-redirect", "attackerhub.example", False),
        ("https://hub.example/hub/user-redirect", "hub.example", False),
        ("https://hub.example/base/hub/user-redirect", "[", False),
        ("https://hub.example/base/hub/user-redirect", "hub.example:x", False),
        ("http://[::1]:8888/base/hub/user-redirect", "[::1]:8888", True),
    ],
)
def test_a_redirect_uri_is_known_to_lead_here_by_the_host_that_browsers_have_used(
    uri: str, reached: str, leads_here: bool
) -> None:
    relay = Relay("/nowhere", frozenset({USER_REDIRECT}), frozenset({reached}), hub=True)
    assert relay.receives(parse_redirect_uris(uri + RELAY_PATH)[0]) is leads_here


def test_on_a_hub_no_port_of_the_kernels_machine_goes_before_the_relay(start_server: StartServer) -> None:
    """Not even if a proxy hides from the server under which host browsers know it."""
    hub = f"https://hub.example/hub/user-redirect{RELAY_PATH}"
    with start_server(environment={"JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}) as server:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(FOLDER_VARIABLE, str(server.wait().folder))
            with RelayedLogin(f"http://localhost:{free_port()} {hub}") as login:
                assert (login.route, login.redirect_uri) == (CallbackRoute.UNCONFIRMED_RELAY, hub)
            server.get("/", {}, host="hub.example")
            with RelayedLogin(hub) as login:
                assert login.route is CallbackRoute.RELAY


@pytest.mark.parametrize(
    "report", [b"", b"null", b"[]", b"{}", b'{"paths": 1, "hosts": 2}', b"x" * 200_000, b"[" * 100_000]
)
def test_a_server_that_reports_nonsense_is_no_relay(tmp_path: Path, report: bytes) -> None:
    """Nothing that listens there can make a login fail."""
    folder = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "server"))
        listener.listen()

        def respond() -> None:
            with listener.accept()[0] as connection, contextlib.suppress(OSError):
                connection.sendall(report + b"\n")

        thread = threading.Thread(target=respond)
        thread.start()
        assert Relay.find({FOLDER_VARIABLE: str(folder)}) is None
        thread.join()
    shutil.rmtree(folder)


@pytest.mark.parametrize("state", ["the-code", "a" * 43, "ä", "\ud800", ""])
def test_the_name_of_a_socket_is_a_hash(state: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", socket_name(state))


def test_dropping_a_login_removes_its_socket(server: JupyterServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(server.folder))
    login = RelayedLogin(f"http://localhost:{server.port}{RELAY_PATH}")
    path = server.folder / socket_name(login.secrets.state)
    assert path.is_socket()
    del login
    gc.collect()
    assert not path.exists()


@needs_fork
def test_a_forked_child_neither_takes_the_socket_away_nor_responds(
    server: JupyterServer, begin_login: BeginLogin
) -> None:
    login = begin_login()
    child = os.fork()
    if child == 0:
        login.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert server.callback(login.query)[0] == 200
    assert login.poll() is LoginState.COMPLETED


def test_the_folder_goes_with_the_server(start_server: StartServer) -> None:
    with start_server() as server:
        folder = server.wait().folder
        assert folder.stat().st_mode & 0o777 == 0o700
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(TEST_TIMEOUT)
        assert not folder.exists()
        assert Relay.find({FOLDER_VARIABLE: str(folder)}) is None


@needs_sigkill
def test_a_server_that_is_busy_may_still_receive_the_redirect(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its event loop runs an extension's code: the login listens there all the same, and does not promise anything."""
    monkeypatch.setattr("cognito_jupyter.oauth.relay.listener._SERVER_TIMEOUT", 2.0)
    with start_server() as server:
        monkeypatch.setenv(FOLDER_VARIABLE, str(server.wait().folder))
        server.process.send_signal(signal.SIGSTOP)
        try:
            login = RelayedLogin(f"http://localhost:{server.port}{RELAY_PATH}")
        finally:
            server.process.send_signal(signal.SIGCONT)
        with login:
            assert login.route is CallbackRoute.UNCONFIRMED_RELAY
            assert server.callback(login.query)[0] == 200
            assert login.poll() is LoginState.COMPLETED


def test_a_killed_server_is_recognized(start_server: StartServer) -> None:
    """Its folder stays; nothing listens in it."""
    with start_server() as server:
        environment = server.wait().kernel_environment
        assert Relay.find(environment) is not None
        server.process.kill()
        server.process.wait()
        assert server.folder.exists()
        assert Relay.find(environment) is None


def test_the_next_server_removes_the_folder_of_a_killed_one_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A young one may belong to a server that is about to listen."""
    runtime = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    killed, young, alive, foreign = (Path(make_folder() or "") for _ in range(4))
    with contextlib.ExitStack() as sockets:
        for folder in (killed, young, alive):
            listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(folder / "server"))
            if folder is alive:
                listener.listen()
        for folder in (killed, alive):
            os.utime(folder / "server", (0, 0))
        assert killed.exists()
        make_folder()
        assert [folder.exists() for folder in (killed, young, alive, foreign)] == [False, True, True, True]
    shutil.rmtree(runtime)


def test_the_base_url_of_the_server_counts(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_server("--ServerApp.base_url=/base/") as server:
        uri = f"http://localhost:{server.wait().port}/base{RELAY_PATH}"
        assert server.callback("code=c&state=s")[0] == 404
        monkeypatch.setenv(FOLDER_VARIABLE, str(server.folder))
        with RelayedLogin(uri) as login:
            assert login.route is CallbackRoute.RELAY
            assert server.get(f"/base{RELAY_PATH}?{login.query}")[0] == 200


def test_the_extension_needs_nothing_that_a_jupyter_server_does_not_have() -> None:
    """`pip install --no-deps` beside the server is enough, and costs the server no memory for AWS."""
    program = (
        "import sys, jupyter_server.serverapp, jupyter_server.base.handlers\nbefore = set(sys.modules)\n"
        "import cognito_jupyter.server_extension.relay\nprint(*sorted(set(sys.modules) - before))"
    )
    new = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "cognito_jupyter.server_extension.handler" in new
    foreign = {name.partition(".")[0] for name in new} - set(sys.stdlib_module_names) - {"cognito_jupyter"}
    assert not foreign


def test_the_page_for_hubs_is_the_one_that_the_server_shows() -> None:
    module = "cognito_jupyter.server_extension.handover_page"
    page = subprocess.run([sys.executable, "-m", module], capture_output=True, check=True).stdout
    assert (Path(__file__).parents[2] / "deploy" / "callback.html").read_bytes() == page
