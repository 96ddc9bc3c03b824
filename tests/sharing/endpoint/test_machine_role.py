"""The role that the machine itself has, which a share takes the place of and gives back."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from hypothesis import given, strategies as st

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.sharing.endpoint.machine_role import machine_role

FULL_URI, TOKEN_FILE = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
RELATIVE_URI, WEB_IDENTITY = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"
TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
NOTEBOOKS = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/hub/notebooks", WEB_IDENTITY: TOKEN}


@pytest.mark.parametrize(
    ("environ", "whose"),
    [
        ({RELATIVE_URI: "/v2/credentials/0a1b"}, "this ECS task"),
        ({FULL_URI: "http://169.254.170.2/v2/credentials/0a1b"}, "this ECS task"),
        (
            {RELATIVE_URI: "/_sagemaker-instance-credentials/0a", "SAGEMAKER_APP_TYPE": "JupyterLab"},
            "this SageMaker app",
        ),
        ({FULL_URI: "http://169.254.170.23/v1/credentials", TOKEN_FILE: "/var/run/token"}, "this EKS pod"),
        ({FULL_URI: "http://[fd00:ec2::23]/v1/credentials", TOKEN_FILE: "/var/run/token"}, "this EKS pod"),
        (NOTEBOOKS, "this EKS pod (notebooks)"),
        ({}, None),
        ({FULL_URI: "http://127.0.0.1:4711/b5/Analyst"}, None),
        ({FULL_URI: "http://[fd00"}, None),
        ({**NOTEBOOKS, "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}, None),
        ({WEB_IDENTITY: "/token"}, None),
    ],
)
def test_the_machine_whose_role_sdks_would_use_is_named(
    environ: dict[str, str], whose: str | None, tmp_path: Path
) -> None:
    assert machine_role(environ, tmp_path / "missing") == whose


@pytest.mark.parametrize(
    ("asset_tag", "environ", "whose"),
    [
        (b"i-0123456789abcdef0\n", {}, "this EC2 instance, if it has one"),
        (b"i-0123456789abcdef0\n", {"AWS_EC2_METADATA_DISABLED": "true"}, None),
        (b"i-0123456789abcdef0\n", {FULL_URI: "http://127.0.0.1:4711/b5/Analyst"}, None),
        (b"Not Specified\n", {}, None),
        (b"\xff\xfe", {}, None),
    ],
)
def test_an_ec2_instance_is_known_by_its_asset_tag(
    asset_tag: bytes, environ: dict[str, str], whose: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "board_asset_tag"
    file.write_bytes(asset_tag)
    assert machine_role(environ, file) == whose


@given(
    st.dictionaries(st.sampled_from([FULL_URI, RELATIVE_URI, WEB_IDENTITY, "AWS_ROLE_ARN", "SAGEMAKER_"]), st.text())
)
def test_no_environment_makes_it_fail(environ: dict[str, str]) -> None:
    assert machine_role(environ, Path("/missing")) is None or set(environ)


@contextmanager
def machine_with_a_role() -> Iterator[str]:
    """Serves a machine's credentials as a container endpoint does; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = {"AccessKeyId": "ASIAMACHINE", "SecretAccessKey": "machine", "Token": "machine"}
            body = json.dumps({**keys, "Expiration": "2999-01-01T00:00:00Z"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/role"
        finally:
            server.shutdown()
            thread.join()


def access_key() -> str:
    """The key with which plain boto3 of this process signs."""
    boto3.client("sts", region_name="us-east-1")
    session = boto3.DEFAULT_SESSION
    keys = session.get_credentials() if session is not None else None
    return str(keys.get_frozen_credentials().access_key) if keys is not None else "none"


def test_plain_boto3_uses_the_share_and_then_the_role_of_the_machine_again(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with machine_with_a_role() as url:
        monkeypatch.setenv(FULL_URI, url)
        assert access_key() == "ASIAMACHINE"
        with sharing.share(manager, ["Analyst"]):
            assert access_key() == manager.ensure_credentials("Analyst")["access_key_id"]
        assert access_key() == "ASIAMACHINE"


def test_an_open_share_says_whose_role_it_takes_the_place_of(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RELATIVE_URI, "/v2/credentials/0a1b")
    with sharing.share(manager, ["Analyst"]) as first, sharing.share(manager, ["Uploader"]) as second:
        assert (first.machine_role, second.machine_role) == ("this ECS task", "this ECS task")
