"""The Cognito of the benchmarks, in a child process, so that its work does not slow down the measured process."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import ssl
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from unittest import mock
from urllib.parse import urlsplit

import trustme

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.child_process import ChildProcess, supervised_command
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.settings import CognitoConfiguration
from tests.support.keep_alive_proxy import KeepAliveProxy
from tests.support.latency_proxy import LatencyProxy

ROUND_TRIPS = (0, 40, 100)
"""Milliseconds."""
ROLES = 100
"""How many roles the user `everyone` has."""
_CLEARED_PREFIXES = ("AWS_", "COGNITO_")


class Stage:
    """The local Cognito behind TLS, connections that stay open and several round-trip times, in a child process.

    Attributes:
        ca_file: The CA to trust.
        port: The port without latency.
    """

    def __init__(self) -> None:
        self._child = ChildProcess(supervised_command(__name__), output=subprocess.PIPE)
        output = self._child.process.stdout
        line = output.readline() if output is not None else b""
        if not line:
            self._child.stop()
            raise RuntimeError("The benchmarks' Cognito did not start: run `python -m tests.benchmarks.stage` to see.")
        self._facts: dict[str, Any] = json.loads(line)
        self.ca_file: str = self._facts["ca_file"]
        self.port: int = self._facts["port"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._child.stop()

    def port_at(self, round_trip: int) -> int:
        """Returns the port with a round-trip time in milliseconds."""
        return int(self._facts["latency_ports"][str(round_trip)])

    @contextlib.contextmanager
    def environment(self, port: int | None = None) -> Iterator[None]:
        """Directs this process to a port of this Cognito, and removes the developer's settings."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_CLEARED_PREFIXES) and not name.upper().endswith("_PROXY")
        }
        url = f"https://127.0.0.1:{port or self.port}"
        overrides = {f"AWS_ENDPOINT_URL_COGNITO_IDENTITY{suffix}": url for suffix in ("", "_PROVIDER")}
        overrides |= dict.fromkeys(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), self.ca_file)
        overrides |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        with mock.patch.dict(os.environ, {**inherited, **overrides}, clear=True):
            yield

    def configuration(self, port: int | None = None, redirect_index: int = 0) -> CognitoConfiguration:
        """Returns the settings.

        Args:
            port: The port to connect to; None: the one without latency.
            redirect_index: Chooses among the registered redirect URIs.
        """
        settings = self._facts["environment"]
        uris = settings["COGNITO_REDIRECT_URI"].split()
        return CognitoConfiguration(
            f"127.0.0.1:{port or self.port}",
            settings["COGNITO_CLIENT_ID"],
            uris[redirect_index % len(uris)],
            settings["COGNITO_REGION"],
            settings["COGNITO_USER_POOL_ID"],
            settings["COGNITO_IDENTITY_POOL_ID"],
        )

    def kernel_environment(self, port: int) -> dict[str, str]:
        """Returns the variables from which a kernel takes its settings.

        Args:
            port: The port to connect to.
        """
        return {**self._facts["environment"], "COGNITO_DOMAIN": f"127.0.0.1:{port}"}

    def sign_in(self, authorization_url: str, username: str = "demo", *, follow_callback: bool = False) -> str:
        """Signs in at the login page without latency, as the user does; returns the redirect URI with its code.

        Args:
            authorization_url: The URL that the login shows.
            username: The user.
            follow_callback: Whether the browser follows the redirect.
        """
        direct = urlsplit(authorization_url)._replace(scheme="http", netloc=f"127.0.0.1:{self._facts['cognito_port']}")
        password = self._facts["passwords"][username]
        return submit_login(direct.geturl(), username, password, follow_callback=follow_callback)

    def set_knobs(self, **knobs: object) -> None:
        """Sets knobs of the local Cognito; see `cognito_jupyter.local.Knobs`."""
        self._admin("PATCH", "knobs", knobs)

    def refuse_calls(self, endpoint: str) -> None:
        """Makes an endpoint refuse every call until `reset_knobs`."""
        body = json.dumps({"__type": "NotAuthorizedException", "message": "Refused by the benchmark."})
        fault = {"kind": "status", "status": 400, "body": body, "times": None}
        fault |= {"content_type": "application/x-amz-json-1.1"}
        self.set_knobs(faults={endpoint: [fault]})

    def reset_knobs(self) -> None:
        """Resets every knob that the benchmarks set."""
        self.set_knobs(faults={}, latency={}, credentials_seconds=3600, id_token_seconds=3600)

    def reset_counts(self) -> None:
        """Starts counting from zero again."""
        self._admin("DELETE", "counts")

    def count(self, endpoint: str) -> int:
        """Returns the calls of an endpoint since `reset_counts`."""
        return cast("int", self._admin("GET", "counts").get(endpoint, 0))

    def _admin(self, method: str, what: str, payload: object = None) -> dict[str, Any]:
        admin = self._facts["admin"]
        body = json.dumps(payload).encode() if payload is not None else None
        headers = {"X-Admin-Token": admin["token"], "Content-Type": "application/json"}
        request = urllib.request.Request(f"{admin['url']}/{what}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return cast("dict[str, Any]", json.load(response))


def main() -> None:
    """Serves in the child process until the parent ends it."""
    with contextlib.ExitStack() as stack:
        cognito = stack.enter_context(LocalCognito(aws=False))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        proxy = stack.enter_context(KeepAliveProxy(cognito.port, _tls(folder / "ca.pem")))
        latency_ports = {each: stack.enter_context(LatencyProxy(proxy.port, each / 1000)).port for each in ROUND_TRIPS}
        facts = {
            "environment": cognito.environment,
            "passwords": {"demo": cognito.demo_user.password, "everyone": _add_user_with_many_roles(cognito)},
            "admin": {"url": cognito.admin_url.replace("localhost", "127.0.0.1"), "token": cognito.admin_token},
            "ca_file": str(folder / "ca.pem"),
            "cognito_port": cognito.port,
            "port": proxy.port,
            "latency_ports": latency_ports,
        }
        print(json.dumps(facts), flush=True)
        threading.Event().wait()


def _add_user_with_many_roles(cognito: LocalCognito) -> str:
    """Adds a user called everyone; returns the password."""
    names = [f"Role{number:03}" for number in range(ROLES)]
    for name in names:
        cognito.add_group(name, f"arn:aws:iam::123456789012:role/benchmark-{name}", 10)
    return cognito.add_user("everyone", secrets.token_urlsafe(16), names).password


def _tls(ca_file: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


if __name__ == "__main__":
    main()
