"""The server: knobs, the admin route, start and stop."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlencode

import psutil
import pytest
import requests

from cognito_jupyter.local import Knobs, LocalCognito
from tests.local.conftest import Client
from tests.local.identity import get_credentials
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.zygote import OWN_INTERPRETER


def configuration_url(cognito: LocalCognito) -> str:
    return f"{cognito.domain}/{cognito.user_pool_id}/.well-known/openid-configuration"


# -- knobs


def test_each_lifetime_can_be_a_second(cognito: LocalCognito, client: Client) -> None:
    cognito.knobs.refresh_token_seconds = 1
    cognito.knobs.cookie_seconds = 1
    tokens = client.log_in()
    cognito.knobs.clock_offset = 1.1
    assert client.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}
    assert client.get("/oauth2/authorize").headers["Location"].startswith("/login")


def test_a_fault_returns_a_status_and_a_body_once(cognito: LocalCognito) -> None:
    cognito.knobs.fail("openid-configuration", status=503, body="down", headers={"Retry-After": "7"})
    response = requests.get(configuration_url(cognito), timeout=5)
    assert (response.status_code, response.text, response.headers["Retry-After"]) == (503, "down", "7")
    assert requests.get(configuration_url(cognito), timeout=5).status_code == 200


def test_a_fault_can_drop_stall_and_truncate(cognito: LocalCognito) -> None:
    cognito.knobs.fail("openid-configuration", kind="drop")
    with pytest.raises(requests.ConnectionError):
        requests.get(configuration_url(cognito), timeout=5)
    cognito.knobs.fail("openid-configuration", kind="stall", seconds=1)
    with pytest.raises(requests.Timeout):
        requests.get(configuration_url(cognito), timeout=0.3)
    wait_until(lambda: not cognito.knobs.faults["openid-configuration"])
    cognito.knobs.fail("openid-configuration", kind="truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(configuration_url(cognito), timeout=5)


def test_a_fault_can_reset_before_a_response_and_midway(cognito: LocalCognito) -> None:
    for midway in (False, True):
        cognito.knobs.fail("openid-configuration", kind="reset", midway=midway)
        with socket.create_connection(("127.0.0.1", cognito.port), timeout=5) as connection:
            connection.sendall(f"GET /{cognito.user_pool_id}/.well-known/openid-configuration ".encode())
            connection.sendall(b"HTTP/1.1\r\nHost: localhost\r\n\r\n")
            came = bytearray()
            with pytest.raises(ConnectionResetError):
                receive_all(connection, came)
        # A reset may arrive before what was sent earlier.
        assert not came or (midway and came.startswith(b"HTTP/1.1 200"))


def receive_all(connection: socket.socket, into: bytearray) -> None:
    while part := connection.recv(65536):
        into += part


def test_a_fault_can_send_a_response_byte_by_byte(cognito: LocalCognito) -> None:
    """Every byte arrives, one at a time."""
    whole = requests.get(configuration_url(cognito), timeout=5).text
    cognito.knobs.fail("openid-configuration", kind="drip", seconds=0.001)
    parts = list(requests.get(configuration_url(cognito), timeout=5, stream=True).raw.stream(1))
    assert b"".join(parts).decode() == whole
    assert len(parts) > 100


def test_a_fault_can_change_the_content_type(cognito: LocalCognito) -> None:
    cognito.knobs.fail("openid-configuration", kind="label", content_type="text/plain")
    response = requests.get(configuration_url(cognito), timeout=5)
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.json()["issuer"] == cognito.pool.issuer


@pytest.mark.parametrize("midway", [False, True])
def test_an_abandoned_request_takes_effect_only_if_the_response_had_started(
    cognito: LocalCognito, client: Client, midway: bool
) -> None:
    """The difference is whether the old refresh token was rotated."""
    cognito.knobs.rotation = True
    old = client.log_in()["refresh_token"]
    cognito.knobs.fail("token:refresh_token", kind="stall", seconds=60, midway=midway)
    form = urlencode({"grant_type": "refresh_token", "client_id": cognito.client_id, "refresh_token": old})
    head = f"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(form)}\r\n"
    with socket.create_connection(("127.0.0.1", cognito.port)) as connection:
        connection.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}".encode())
        wait_until(lambda: not cognito.knobs.faults["token:refresh_token"])
        assert not midway or connection.recv(1)
    assert client.refresh(old).status_code == (400 if midway else 200)


def test_latency_is_by_endpoint(cognito: LocalCognito) -> None:
    cognito.knobs.latency["openid-configuration"] = 0.3
    began = time.perf_counter()  # the other clocks of Windows may be 15 ms behind
    requests.get(configuration_url(cognito), timeout=5)
    assert time.perf_counter() - began >= 0.3


def test_calls_are_counted_by_name(cognito: LocalCognito, client: Client) -> None:
    before = cognito.counts.copy()
    client.log_in()
    assert cognito.counts - before == {"authorize": 1, "login": 2, "token:authorization_code": 1}


# -- the admin route


def test_the_admin_route_sets_knobs_and_reads_counts(cognito: LocalCognito) -> None:
    token = {"X-Admin-Token": cognito.admin_token}
    url = cognito.admin_url
    assert requests.patch(f"{url}/knobs", json={"grace": 5}, headers=token, timeout=5).json()["grace"] == 5
    assert cognito.knobs.grace == 5
    fault = {"kind": "status", "status": 500}
    assert requests.post(f"{url}/faults/openid-configuration", json=fault, headers=token, timeout=5).ok
    assert requests.get(configuration_url(cognito), timeout=5).status_code == 500
    assert requests.get(f"{url}/counts", headers=token, timeout=5).json()["openid-configuration"] >= 1
    assert requests.delete(f"{url}/counts", headers=token, timeout=5).json() == {}
    wrong = requests.patch(f"{url}/knobs", json={"grays": 5}, headers=token, timeout=5)
    assert wrong.status_code == 400
    assert "There is no knob grays" in wrong.json()["error"]


@pytest.mark.parametrize("knob", ["issuer_type", "logins_keys"])
def test_a_knob_with_a_choice_of_values_accepts_no_other(cognito: LocalCognito, knob: str) -> None:
    url, token = f"{cognito.admin_url}/knobs", {"X-Admin-Token": cognito.admin_token}
    before = requests.get(url, headers=token, timeout=5).json()[knob]
    for value in ("unheard-of", None, 1):
        response = requests.patch(url, json={knob: value}, headers=token, timeout=5)
        assert response.status_code == 400
        assert before in response.json()["error"]
    assert requests.get(url, headers=token, timeout=5).json()[knob] == before


@pytest.mark.parametrize("token", [None, "", "guessed"])
def test_without_its_token_the_admin_route_is_not_found(cognito: LocalCognito, token: str | None) -> None:
    headers = {} if token is None else {"X-Admin-Token": token}
    assert requests.get(f"{cognito.admin_url}/knobs", headers=headers, timeout=5).status_code == 404


@pytest.mark.parametrize("url", ["domain", "aws_url"])
def test_dns_rebinding_is_refused(cognito: LocalCognito, url: str) -> None:
    """DNS rebinding: a name of the attacker that resolves to 127.0.0.1."""
    response = requests.get(getattr(cognito, url), headers={"Host": "evil.example"}, timeout=5)
    assert response.status_code in {403, 421}


def test_two_servers_have_two_sets_of_keys_and_names(cognito: LocalCognito, bare: LocalCognito) -> None:
    for name in ("admin_token", "client_id", "user_pool_id", "identity_pool_id"):
        assert getattr(cognito, name) != getattr(bare, name)
    assert cognito.demo_user.password != bare.demo_user.password


def test_two_servers_issue_different_access_keys() -> None:
    with LocalCognito() as first, LocalCognito() as second:
        assert get_credentials(first)["AccessKeyId"] != get_credentials(second)["AccessKeyId"]


# -- start and stop


def test_it_responds_before_aws_has_started() -> None:
    """It takes less than two seconds on an idle machine, which no test measures."""
    with LocalCognito() as cognito:
        assert requests.get(configuration_url(cognito), timeout=5).status_code == 200
        assert cognito.identity_pool.handle_action("GetId", {})[0] == 400


def test_it_stays_under_200_megabytes(cognito: LocalCognito) -> None:
    """The server and moto's process together."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cognito_jupyter.cli", "local"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        while "Ctrl-C" not in process.stdout.readline():
            pass
        parent = psutil.Process(process.pid)
        deadline = time.monotonic() + 20
        memory = 0
        while time.monotonic() < deadline and memory < 60 << 20:
            memory = sum(each.memory_info().rss for each in parent.children(recursive=True))
            time.sleep(0.1)
        total = parent.memory_info().rss + memory
        assert 60 << 20 < total < 200 << 20
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(TEST_TIMEOUT)


def test_it_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its moto is a child of this process, and not forked from another one.
    for name, value in OWN_INTERPRETER.items():
        monkeypatch.setenv(name, value)
    threads, me = set(threading.enumerate()), psutil.Process()
    children, sockets = me.children(recursive=True), len(me.net_connections())
    cognito = LocalCognito(tls=True).start()
    requests.get(configuration_url(cognito), timeout=5, verify=cognito.ca_file)
    port = cognito.port
    cognito.stop()
    cognito.stop()
    assert set(threading.enumerate()) <= threads
    assert set(me.children(recursive=True)) <= set(children)
    assert len(me.net_connections()) <= sockets
    for host in ("127.0.0.1", "::1"):
        with pytest.raises(OSError, match="refused"), socket.create_connection((host, port), timeout=2):
            pass


def test_with_tls_it_has_a_ca_of_its_own() -> None:
    with LocalCognito(tls=True, aws=False) as cognito:
        assert cognito.domain.startswith("https://")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(configuration_url(cognito), timeout=5)
        assert requests.get(configuration_url(cognito), timeout=5, verify=cognito.environment["AWS_CA_BUNDLE"]).ok


def test_knobs_can_be_given_at_the_start() -> None:
    with LocalCognito(aws=False, knobs=Knobs(id_token_seconds=7), redirect_uris=["http://localhost:4711/"]) as cognito:
        client = Client(cognito)
        assert cognito.redirect_uri == "http://localhost:4711/"
        assert client.log_in()["expires_in"] == 3600


def test_other_projects_get_it_as_a_fixture(tmp_path_factory: pytest.TempPathFactory) -> None:
    """pytest finds the plugin in a project that only uses the fixture's name."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_it.py").write_text(
        "import os\n"
        "def test_it(local_cognito_environment):\n"
        "    assert os.environ['COGNITO_CLIENT_ID'] == local_cognito_environment.client_id\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stdout
