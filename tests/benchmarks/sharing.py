"""The endpoint process: its start, its memory, and its response time while its parent is busy in one C call."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from typing import Any

import psutil

from cognito_jupyter.sharing.endpoint.process import SOURCE, EndpointProcess

from .table import Figure, Group, Reach, Samples

_ROUNDS = 15
_ISOLATED = [sys.executable, "-I", "-S", "-E"]
_IDLE_PROCESS = [*_ISOLATED, "-c", "import sys; print(flush=True); sys.stdin.read()"]
# The least that a process can do to respond.
_ECHO = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.sendall(connection.recv(65536))
    connection.close()
"""
# Sends 200 requests, and reports when it began and ended.
_CLIENT = """
import json, socket, sys, time
port, request = json.loads(sys.stdin.readline())
print(flush=True)
time.sleep(0.3)
first, samples = time.time(), []
for _ in range(200):
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.encode())
        response = b""
        while part := connection.recv(65536):
            response += part
    samples.append((time.perf_counter() - began) * 1e3)
    assert b"AccessKeyId" in response
    time.sleep(0.003)
print(json.dumps([first, time.time(), samples]), flush=True)
"""
_KEYS = {
    "AccessKeyId": "ASIA" * 5,
    "SecretAccessKey": "s" * 40,
    "Token": "t" * 1000,
    "Expiration": "2099-01-01T00:00:00Z",
}


def measure_sharing() -> Group:
    """Measures processes in alternation, so that a slow moment of the machine affects all of them."""
    start_times: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    for _ in range(_ROUNDS):
        endpoint, plain = _time_start([*_ISOLATED, str(SOURCE)]), _time_start(_IDLE_PROCESS)
        start_times.append((endpoint[0], _time_empty_process()))
        memory.append((endpoint[1], plain[1]))
    response_times = _response_times_while_busy()
    floor = "python -I -S -c pass"
    return Group(
        "The endpoint that shares credentials",
        (
            Figure("until it listens", "ms", *_columns(start_times), floor, (), Reach(40)),
            Figure("resident memory", "MB", *_columns(memory), f"{floor}, waiting", (), Reach(15)),
            Figure(
                "a response while its parent is in C",
                "ms",
                *response_times,
                "a socket that sends the request back",
                (),
                Reach(5),
            ),
        ),
    )


def _columns(pairs: list[tuple[float, float]]) -> tuple[Samples, Samples]:
    here, floor = zip(*pairs, strict=True)
    return here, floor


def _time_start(command: list[str]) -> tuple[float, float]:
    """Returns the milliseconds until a process writes its first line, and its megabytes then."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        elapsed = (time.perf_counter() - began) * 1e3
        memory = psutil.Process(process.pid).memory_info().rss / 1e6
        assert process.stdin is not None
        process.stdin.close()
        return elapsed, memory


def _time_empty_process() -> float:
    began = time.perf_counter()
    subprocess.run([*_ISOLATED, "-c", "pass"], check=True)
    return (time.perf_counter() - began) * 1e3


def _response_times_while_busy() -> tuple[Samples, Samples]:
    endpoint = EndpointProcess()
    echo = subprocess.Popen([*_ISOLATED, "-c", _ECHO], stdout=subprocess.PIPE, text=True)
    try:
        endpoint.set_response("/Role", _KEYS)
        head = f"GET /Role HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {endpoint.token}\r\n"
        here = _time_responses(int(endpoint.url.rpartition(":")[2]), f"{head}\r\n")
        assert echo.stdout is not None
        # The request is as large as the endpoint's response, and the echo sends it back.
        floor = _time_responses(int(echo.stdout.readline()), f"{head}X: {json.dumps(_KEYS)}\r\n\r\n")
    finally:
        endpoint.close()
        echo.kill()
        echo.wait()
    return here, floor


def _time_responses(port: int, request: str, rounds: int = 10**8) -> Samples:
    """Returns the milliseconds of each response to another process, while this process is in one long C call."""
    with subprocess.Popen([sys.executable, "-c", _CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(json.dumps([port, request]).encode() + b"\n")
        client.stdin.flush()
        client.stdout.readline()
        began = time.time()
        sum(itertools.repeat(1, rounds))
        ended = time.time()
        result: list[Any] = json.loads(client.stdout.readline())
    first, last, samples = result
    if not began < first < last < ended:
        return _time_responses(port, request, rounds * 2)
    return tuple(samples)
