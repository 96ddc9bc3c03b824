"""A stored sign-in: the credential process compared with an empty Python, a restart compared with importing boto3.

No server runs: valid stored credentials are used without any call to Cognito.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cognito_jupyter.credentials.store.sign_in import StoredCredentials, StoredSignIn, StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.oauth.tokens import CognitoTokens
from cognito_jupyter.settings import CognitoConfiguration

from .table import Figure, Group, Reach

_ROUNDS = 41
_RESTARTS = 31
"""Many: the difference between both is small beside what varies."""
_POOLS = CognitoConfiguration(
    "demo.auth.us-east-1.amazoncognito.com", "client", "http://localhost:3000", "us-east-1", "us-east-1_AbCdEf123",
    "us-east-1:01234567-89ab-cdef-0123-456789abcdef",
)  # fmt: skip
_ROLES = [f"arn:aws:iam::123456789012:role/science/Role{number}" for number in range(3)]
_IMPORT = "import time\nbegan = time.perf_counter()\nimport boto3\nprint(time.perf_counter() - began)"
_RESTART = f"""
import time
began = time.perf_counter()
from cognito_jupyter.settings import CognitoConfiguration, Settings
from cognito_jupyter.credentials.remembered import load_manager
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
pools = {_POOLS!r}
authenticator = CognitoOAuthAuthenticator(pools.domain, pools.client_id, pools.redirect_uri, pools.region)
manager = load_manager(Settings(pools, remember=True), authenticator)
session = manager.make_refreshing_session("Role1")
assert session.get_credentials().get_frozen_credentials().access_key == "ASIAEXAMPLE"
print(time.perf_counter() - began)
"""


def measure_process() -> Group:
    """Measures new processes in alternation, so that a slow moment of the machine affects all of them."""
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment["COGNITO_JUPYTER_FOLDER"] = home
        store = Store(StoreKey.from_configuration(_POOLS, {}), Path(home, "state", "sign-ins"))
        store.save_new(_sign_in())
        script = str(Path(sys.executable).with_name("cognito-jupyter"))
        command = [script, "credential-process", store.name, _ROLES[1]]
        samples, floor = _time_alternating((command, [sys.executable, "-c", "pass"]), environment)
        restarts, imports = [], []
        for _ in range(_RESTARTS):
            restarts.append(_time_program(_RESTART, environment))
            imports.append(_time_program(_IMPORT, environment))
    return Group(
        "A sign-in stored on this computer",
        (
            Figure(
                "credential-process, a whole process", "ms", samples, floor, "python -c pass", (), Reach(1.6, "ratio")
            ),
            Figure(
                "kernel restart to usable session",
                "ms",
                tuple(restarts),
                tuple(imports),
                "only import boto3",
                (),
                Reach(1.10, "ratio"),
            ),
        ),
    )


def _time_alternating(commands: Sequence[list[str]], environment: Mapping[str, str]) -> list[tuple[float, ...]]:
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(_ROUNDS):
        for command, samples in zip(commands, times, strict=True):
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
            samples.append((time.perf_counter() - began) * 1e3)
    return [tuple(samples) for samples in times]


def _time_program(program: str, environment: Mapping[str, str]) -> float:
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(process.stdout) * 1e3


def _sign_in() -> StoredSignIn:
    """Returns a sign-in of realistic size, with three roles."""
    now = int(time.time())
    claims = {"iss": "https://issuer", "sub": "sub", "iat": now, "exp": now + 3600, "cognito:roles": _ROLES}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    tokens = CognitoTokens(
        id_token=f"e30.{payload}.{'s' * 342}", access_token="a" * 1000, refresh_token="r" * 1700, expires_in=3600
    )
    times = (now + 3600.0, now + 3600.0, now + 2400.0, now + 3570.0, 3600.0)
    keys = StoredCredentials("ASIAEXAMPLE", "s" * 40, "t" * 1400, *times)
    return StoredSignIn(tokens, "us-east-1:identity", dict.fromkeys(_ROLES, keys))
