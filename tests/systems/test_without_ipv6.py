"""A machine without IPv6: a network namespace in which only 127.0.0.1 exists."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Run in the new namespace: `lo` is down there at first, and has ::1 as soon as it is up.
_START = """
import fcntl, os, pathlib, socket, struct, sys
for name in ("all", "default", "lo"):
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    request = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
    flags = struct.unpack("16sh22x", request)[1]
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
try:
    socket.create_server(("::1", 0), family=socket.AF_INET6)
except OSError:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
raise SystemExit("This namespace has IPv6.")
"""
_NAMESPACE = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def can_make_namespaces() -> bool:
    try:
        return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = pytest.mark.skipif(not can_make_namespaces(), reason="needs to make a network namespace")


def run_without_ipv6(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [*_NAMESPACE, sys.executable, "-c", _START, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)


@needs_namespaces
def test_a_login_works_on_a_machine_without_ipv6() -> None:
    program = """
import os
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.local.login_page_client import submit_login
with LocalCognito(aws=False) as cognito:
    os.environ.update(cognito.environment)
    authenticator = CognitoOAuthAuthenticator(cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region,
                                              open_browser=False)
    with authenticator.begin_login() as login:
        submit_login(login.authorization_url, "demo", cognito.demo_user.password)
        login.wait(30)
        print(sorted(login.tokens())[:1])
"""
    done = run_without_ipv6("-c", program)
    assert done.stdout == "['access_token']\n", done.stderr


@needs_namespaces
@pytest.mark.timeout(200)
def test_the_demo_passes_its_check_on_a_machine_without_ipv6() -> None:
    done = run_without_ipv6("-m", "cognito_jupyter.cli", "demo", "--check", timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything works" in done.stdout
