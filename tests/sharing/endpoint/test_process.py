"""The endpoint's process, tested over plain sockets."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cognito_jupyter.sharing.endpoint.process import SOURCE, EndpointProcess
from tests.support.busy import BusyMeter
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.suspended import suspended
from tests.support.systems import needs_fork, needs_modes, needs_reuse_port, needs_sigkill, needs_unix_sockets

KEYS = {
    "AccessKeyId": "ASIA1",
    "SecretAccessKey": "the-secret-key",
    "Token": "the-session-token",
    "Expiration": "2099-01-01T00:00:00Z",
}


@pytest.fixture
def endpoint() -> Iterator[EndpointProcess]:
    process = EndpointProcess()
    process.set_response("/Analyst", KEYS)
    yield process
    process.close()


def count_requests(endpoint: EndpointProcess) -> int:
    stats = endpoint.request_stats("/Analyst")
    return stats.count if stats is not None else 0


def connect(endpoint: EndpointProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(endpoint.url.rpartition(":")[2])), timeout=TEST_TIMEOUT)


def send_bytes(endpoint: EndpointProcess, request: bytes) -> bytes:
    """Sends raw bytes; returns everything that is received."""
    with connect(endpoint) as connection:
        connection.sendall(request)
        response = b""
        while part := connection.recv(65536):
            response += part
    return response


def request(path: str = "/Analyst", method: str = "GET", **fields: str) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()


def get_path(endpoint: EndpointProcess, path: str = "/Analyst") -> tuple[int, dict[str, str]]:
    """Requests a path as an SDK does; returns the status and the JSON."""
    head, _, body = send_bytes(endpoint, request(path, Host="127.0.0.1", Authorization=endpoint.token)).partition(
        b"\r\n\r\n"
    )
    response: dict[str, str] = json.loads(body)
    return int(head.split()[1]), response


def wait_until_commands_are_handled(endpoint: EndpointProcess) -> None:
    """Waits until the process has handled all earlier commands."""
    endpoint.set_response("/last", {})
    wait_until(lambda: get_path(endpoint, "/last")[0] == 200)


def test_it_serves_the_last_response_set(endpoint: EndpointProcess) -> None:
    wait_until_commands_are_handled(endpoint)
    assert get_path(endpoint) == (200, KEYS)
    endpoint.set_response("/Analyst", KEYS | {"AccessKeyId": "ASIA2"})
    wait_until(lambda: get_path(endpoint) == (200, KEYS | {"AccessKeyId": "ASIA2"}))
    endpoint.set_response("/Analyst", {"code": "AccessDenied", "message": "Signed out."}, status=403)
    wait_until(lambda: get_path(endpoint) == (403, {"code": "AccessDenied", "message": "Signed out."}))


def test_expired_credentials_are_not_served(endpoint: EndpointProcess) -> None:
    until = time.time() + 1
    endpoint.set_response("/Analyst", KEYS, until=until)
    wait_until_commands_are_handled(endpoint)
    status = 200
    while status == 200:
        requested_at = time.time()
        status, response = get_path(endpoint)
        assert requested_at < until if status == 200 else time.time() >= until
    assert (status, response["code"]) == (503, "ExpiredToken")


def test_an_unknown_path_is_not_found_for_an_authorized_client(endpoint: EndpointProcess) -> None:
    wait_until_commands_are_handled(endpoint)
    status, response = get_path(endpoint, "/Unknown")
    assert (status, response["code"]) == (404, "NotFound")
    assert endpoint.request_stats("/Unknown") is None


def refused_requests(token: str) -> dict[str, bytes]:
    return {
        "no token": request(Host="127.0.0.1"),
        "a wrong token": request(Host="127.0.0.1", Authorization="x" * len(token)),
        "the beginning of the token": request(Host="127.0.0.1", Authorization=token[:-1]),
        "an empty token": request(Host="127.0.0.1", Authorization=""),
        "a wrong token for no path": request("/Unknown", Host="127.0.0.1", Authorization="x"),
        "a web page that was rebound": request(Host="evil.example", Authorization=token),
        "a name that begins like ours": request(Host="127.0.0.1.evil.example", Authorization=token),
        "a name that is in the port": request(Host="127.0.0.1:80.evil.example", Authorization=token),
        "no Host": request(Authorization=token),
        "two Hosts": f"GET /Analyst HTTP/1.1\r\nHost: localhost\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode(),
        "another method": request(method="POST", Host="127.0.0.1", Authorization=token),
        "what is not HTTP": b"\x16\x03\x01\x00\xa5\x01\r\n\r\n",
    }


@pytest.mark.parametrize("how", refused_requests(""))
def test_a_refused_client_learns_nothing(endpoint: EndpointProcess, how: str) -> None:
    """Not even whether the token, the host or the path was wrong: the response is identical."""
    wait_until_commands_are_handled(endpoint)
    response = send_bytes(endpoint, refused_requests(endpoint.token)[how])
    assert response == send_bytes(endpoint, request(Host="127.0.0.1"))
    assert b"HTTP/1.1 403 " in response
    for secret in (endpoint.token, *KEYS.values(), "Analyst"):
        assert secret.encode() not in response
    assert endpoint.request_stats("/Analyst") is None


def test_an_endless_request_is_not_buffered(endpoint: EndpointProcess) -> None:
    wait_until_commands_are_handled(endpoint)
    with connect(endpoint) as connection:
        try:
            while True:
                connection.sendall(b"x" * 4096)
        except ConnectionError:
            assert get_path(endpoint) == (200, KEYS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LocalHost", "[::1]:5"])
def test_loopback_has_several_names(endpoint: EndpointProcess, host: str) -> None:
    wait_until_commands_are_handled(endpoint)
    response = send_bytes(endpoint, request(Host=host, Authorization=endpoint.token))
    assert b"HTTP/1.1 200 " in response


def test_every_request_is_refused_until_the_token_is_set() -> None:
    command = [sys.executable, "-I", "-S", "-E", str(SOURCE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        for field in (b"", b"Authorization:\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=TEST_TIMEOUT) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + field + b"\r\n")
                assert b" 403 " in connection.recv(4096)
        process.stdin.close()


def test_only_this_machine_reaches_it(endpoint: EndpointProcess) -> None:
    listening = [each.laddr for each in psutil.Process(endpoint.pid).net_connections() if each.status == "LISTEN"]
    assert [address.ip for address in listening] == ["127.0.0.1"]


def test_silent_and_slow_clients_do_not_delay_others(endpoint: EndpointProcess) -> None:
    """There are more of them than the maximum number of connections."""
    wait_until_commands_are_handled(endpoint)
    silent = [connect(endpoint) for _ in range(200)]
    for connection in silent[::2]:
        connection.send(b"GET /Analyst HT")
    with connect(endpoint) as client:
        client.sendall(request(Host="127.0.0.1", Authorization=endpoint.token))
        # The others have five seconds until they are disconnected, for which this client must not wait.
        first, _, _ = select.select([client, *silent], [], [], TEST_TIMEOUT)
        assert client in first
        assert b" 200 " in client.recv(65536)
    for connection in silent:
        connection.close()


def test_a_silent_client_is_disconnected(endpoint: EndpointProcess) -> None:
    with connect(endpoint) as connection:
        assert connection.recv(1) == b""


def test_a_request_in_pieces_is_one_request(endpoint: EndpointProcess) -> None:
    wait_until_commands_are_handled(endpoint)
    with connect(endpoint) as connection:
        for byte in request(Host="127.0.0.1", Authorization=endpoint.token):
            connection.sendall(bytes([byte]))
        assert b" 200 " in connection.recv(65536)


def test_it_reports_the_number_and_time_of_requests(endpoint: EndpointProcess) -> None:
    wait_until_commands_are_handled(endpoint)
    before = time.time()
    for _ in range(5):
        get_path(endpoint)
    wait_until(lambda: count_requests(endpoint) == 5)
    stats = endpoint.request_stats("/Analyst")
    assert stats is not None
    assert before - 0.01 <= stats.last <= time.time()


def test_a_parent_that_does_not_read_delays_no_response() -> None:
    """A kernel in one long C call: the pipe is full of reports, and the endpoint still responds."""
    command = [sys.executable, "-I", "-S", "-E", str(SOURCE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        # Long paths fill the pipe after a few reports.
        names = [f"/{'x' * 2000}{number}" for number in range(64)]
        puts = "".join(f"set {name} 200 inf {{}}\n" for name in names)
        process.stdin.write(f"token t\n{puts}".encode())
        process.stdin.flush()
        for name in names * 2:
            with socket.create_connection(("127.0.0.1", port), timeout=TEST_TIMEOUT) as connection:
                connection.sendall(f"GET {name} HTTP/1.1\r\nHost: localhost\r\nAuthorization: t\r\n\r\n".encode())
                while not (response := connection.recv(4096)):
                    pass
                assert response.startswith((b"HTTP/1.1 200", b"HTTP/1.1 403"))
        assert b" 200 " in response
        process.stdin.close()


def is_running(process: psutil.Process) -> bool:
    """Whether the process still runs; its new parent may not reap it at once after it has ended."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


PARENT = """
import os, sys, time
from cognito_jupyter.sharing.endpoint.process import EndpointProcess
endpoint = EndpointProcess()
forked = os.fork() if "fork" in sys.argv else 0
if "fork" in sys.argv and not forked:
    time.sleep(60)
    os._exit(0)
print(endpoint.pid, forked, endpoint.token_file, flush=True)
time.sleep(60)
"""


@needs_fork
@needs_sigkill
@pytest.mark.parametrize("how", ["plain", "fork"])
def test_it_ends_when_its_parent_is_killed(how: str) -> None:
    """Even while a forked process holds the other end of its pipe; its files are removed too."""
    with subprocess.Popen([sys.executable, "-c", PARENT, how], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, forked, file = parent.stdout.readline().split()
        assert Path(file).exists()
        process = psutil.Process(int(pid))
        parent.kill()
        try:
            wait_until(lambda: not is_running(process))
            assert not Path(file).exists()
            assert not Path(file).parent.exists()
        finally:
            if how == "fork":
                os.kill(int(forked), signal.SIGKILL)


def test_closing_ends_it_and_removes_its_files(endpoint: EndpointProcess) -> None:
    process, folder = psutil.Process(endpoint.pid), endpoint.folder
    endpoint.close()
    endpoint.close()
    assert not process.is_running()
    assert not folder.exists()
    wait_until(lambda: not endpoint.alive)


# A pipe to the killed process that is left open is a warning of Python's.
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_killed_endpoint_serves_again_at_its_address(endpoint: EndpointProcess, how: str) -> None:
    """With the newest responses, the same token, and the requests counted on."""
    wait_until_commands_are_handled(endpoint)
    assert get_path(endpoint) == (200, KEYS)
    newer = KEYS | {"AccessKeyId": "ASIA2"}
    for count in range(1, 4):
        wait_until(lambda count=count: count_requests(endpoint) == count)  # type: ignore[misc]
        killed = endpoint.pid
        os.kill(killed, getattr(signal, how, signal.SIGTERM))
        endpoint.set_response("/Analyst", newer)
        wait_until(lambda killed=killed: endpoint.pid != killed)  # type: ignore[misc]
        wait_until_commands_are_handled(endpoint)
        assert get_path(endpoint) == (200, newer)
        assert endpoint.alive
    assert endpoint.token_file.read_text() == endpoint.token


def test_a_request_that_comes_while_the_endpoint_is_killed_waits_for_the_next_one(endpoint: EndpointProcess) -> None:
    wait_until_commands_are_handled(endpoint)
    # The system accepts the connection, the stopped process does not.
    with suspended(endpoint.pid) as process, connect(endpoint) as connection:
        connection.sendall(request(Host="127.0.0.1", Authorization=endpoint.token))
        process.kill()
        assert b" 200 " in connection.recv(65536)


@pytest.mark.parametrize("option", ["none", "SO_REUSEADDR", pytest.param("SO_REUSEPORT", marks=needs_reuse_port)])
def test_no_other_program_can_listen_at_the_address_of_a_killed_endpoint(
    endpoint: EndpointProcess, option: str
) -> None:
    """SDKs would send it the token, and sign with the credentials that it answers."""
    address = ("127.0.0.1", int(endpoint.url.rpartition(":")[2]))
    for _ in range(3):
        killed = endpoint.pid
        os.kill(killed, getattr(signal, "SIGKILL", signal.SIGTERM))
        while endpoint.pid == killed:
            with socket.socket() as other:
                if option != "none":
                    other.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
                with pytest.raises(OSError, match="use"):
                    other.bind(address)


def test_an_endpoint_that_cannot_be_started_again_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[str] = []
    process = EndpointProcess(lambda: reports.append("report"))
    # What an environment that was deleted while the kernel runs looks like.
    monkeypatch.setattr(sys, "executable", "/missing/python")
    os.kill(process.pid, signal.SIGTERM)
    wait_until(lambda: reports == ["report"])
    assert not process.alive
    # A process that has ended ignores commands; this must not raise.
    process.set_response("/Analyst", KEYS)
    process.close()


FLOOD = """
import socket, sys
address, how, held = ("127.0.0.1", int(sys.argv[1])), sys.argv[2], []
while True:
    try:
        held.append(socket.create_connection(address, timeout=1))
        if how == "half a request":
            held[-1].send(b"GET /Analyst HT")
    except OSError:
        pass
    if how == "closed at once" or len(held) > 900:
        del held[: (len(held) + 1) // 2]
"""


@pytest.mark.parametrize("how", ["silent", "half a request", "closed at once"])
def test_a_flood_of_connections_resets_and_delays_no_client(endpoint: EndpointProcess, how: str) -> None:
    """Two programs connect as fast as they can; botocore gives the endpoint two seconds."""
    wait_until_commands_are_handled(endpoint)
    port = endpoint.url.rpartition(":")[2]
    flood = [subprocess.Popen([sys.executable, "-c", FLOOD, port, how]) for _ in range(2)]
    try:
        with BusyMeter() as meter:
            for _ in range(200):
                began = time.monotonic()
                with connect(endpoint) as connection:
                    connection.sendall(request(Host="127.0.0.1", Authorization=endpoint.token))
                    assert b" 200 " in connection.recv(65536)
                seconds = time.monotonic() - began
                assert seconds < meter.allowed(2, seconds)
    finally:
        for process in flood:
            process.kill()
            process.wait()


@needs_unix_sockets
def test_clients_are_refused_once_it_is_closed_even_if_a_forked_process_holds_its_socket(
    endpoint: EndpointProcess,
) -> None:
    """A client that waited in vain would take its own timeout, several times."""
    with socket.socket(fileno=os.dup(endpoint._listener.fileno())):  # what a forked process holds
        endpoint.close()
        with pytest.raises(ConnectionRefusedError):
            connect(endpoint)


@needs_modes
def test_the_token_file_is_for_the_user_alone_and_has_no_newline(endpoint: EndpointProcess) -> None:
    assert endpoint.token_file.read_text() == endpoint.token
    assert endpoint.token_file.stat().st_mode & 0o777 == 0o600
    assert endpoint.folder.stat().st_mode & 0o777 == 0o700


def test_its_token_is_in_no_argument_and_no_repr(endpoint: EndpointProcess) -> None:
    process = psutil.Process(endpoint.pid)
    assert process.cmdline()[1:][:-1] == ["-I", "-S", "-E", str(SOURCE)]
    assert endpoint.token not in repr(endpoint)
    assert endpoint.token not in "".join(process.environ().values())


def test_it_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    """A machine without this package can run the source."""
    copy = tmp_path / "copied.py"
    copy.write_text(SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-I", "-S", "-E", str(copy)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["port"] > 0
        process.stdin.close()
        assert process.wait(TEST_TIMEOUT) == 0
