"""What a caller can fix of a local Cognito, and what is made up otherwise."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from cognito_jupyter import decode_jwt_payload
from cognito_jupyter.doctor.report import without_home
from cognito_jupyter.local import Group, Knobs, LocalCognito, User
from cognito_jupyter.local.cognito.saved_state import read_state
from cognito_jupyter.local.defaults import free_ports
from tests.local.identity import error_of, get_credentials, identity_client, logins, s3_client
from tests.support.systems import ON_WINDOWS

USER_POOL, IDENTITY_POOL = "eu-west-1_AbCdEf123", "eu-central-1:01234567-89ab-cdef-0123-456789abcdef"
ADA, BEN = User("ada", "ada's password", "ada@example.org", ("Astronomers",)), User("ben", "ben's", "")
READER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::spectra/public/*"}],
}
FILE = f"""
user_pool_id = "{USER_POOL}"
identity_pool_id = "{IDENTITY_POOL}"
client_id = "1example23456789"
redirect_uri = "http://localhost:3000 http://localhost:3001"

[profile.staging]
client_id = "2example23456789"
"""


def test_ids_users_groups_roles_and_buckets_can_be_fixed() -> None:
    role = "arn:aws:iam::123456789012:role/Reader"
    with LocalCognito(
        user_pool_id=USER_POOL,
        identity_pool_id=IDENTITY_POOL,
        client_id="1example23456789",
        users=[ADA, BEN],
        groups=[Group("Astronomers", role)],
        roles={"Reader": READER},
        buckets={"spectra": {"public/a.txt": "a", "private/b.bin": b"\x00b"}, "empty": {}},
    ) as cognito:
        assert (cognito.region, cognito.user_pool_id, cognito.bucket) == ("eu-west-1", USER_POOL, "spectra")
        assert (cognito.data_key, cognito.demo_user, "ada's password" in cognito.secrets) == ("public/a.txt", ADA, True)
        claims = decode_jwt_payload(cognito.issue_tokens("ada")["id_token"])
        assert (claims["aud"], claims["cognito:roles"]) == ("1example23456789", [role])
        assert claims["iss"] == f"https://cognito-idp.eu-west-1.amazonaws.com/{USER_POOL}"
        client = s3_client(cognito, get_credentials(cognito, token=cognito.issue_tokens("ada")["id_token"]))
        assert client.get_object(Bucket="spectra", Key="public/a.txt")["Body"].read() == b"a"
        with pytest.raises(ClientError) as raised:
            client.get_object(Bucket="spectra", Key="private/b.bin")
        assert error_of(raised)[0] == "AccessDenied"


def test_each_role_of_yours_has_a_group_with_everybody_in_it() -> None:
    cognito = LocalCognito(aws=False, roles={"Reader": READER, "Other": READER})
    assert [(each.name, each.precedence) for each in cognito.pool.groups.values()] == [("Reader", 1), ("Other", 2)]
    assert cognito.demo_user.groups == ("Reader", "Other")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"user_pool_id": "AbCdEf123"}, "REGION_NAME"),
        ({"user_pool_id": USER_POOL, "region": "us-east-1"}, "is in eu-west-1, not in us-east-1"),
        ({"identity_pool_id": IDENTITY_POOL, "identity_pool_region": "us-east-1"}, "is in eu-central-1"),
        ({"users": [User("ada", "p", "", ("Astronomer",))]}, "Astronomer, which is not among the groups"),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LocalCognito(aws=False, **arguments)


def test_a_settings_file_fixes_the_ids_and_another_is_written(tmp_path: Path) -> None:
    path = tmp_path / "cognito.toml"
    path.write_text(FILE, encoding="utf-8")
    with LocalCognito.from_toml(path, "staging", aws=False) as cognito:
        settings = tomllib.loads(cognito.to_toml())
        expected = {"domain": cognito.domain, "region": "eu-west-1", "logout_uri": cognito.logout_uri}
        file = tomllib.loads(FILE)
        file.pop("profile")
        assert settings == file | expected | {"client_id": "2example23456789"}
    for wrong in ({"profile": "stagin"}, {}):
        path.write_text(FILE if wrong else "client_id = 7", encoding="utf-8")
        with pytest.raises(ValueError, match=r"staging|must be a string"):
            LocalCognito.from_toml(path, **wrong)


def test_the_package_reads_the_file_that_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Domain, ids and redirect URIs; only the endpoints of AWS come from the environment."""
    config = tmp_path / "config"
    config.mkdir(mode=0o700)
    monkeypatch.setenv("COGNITO_JUPYTER_FOLDER", str(tmp_path))
    with LocalCognito(aws=False) as cognito:
        for name, value in cognito.environment.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        (config / "cognito.toml").write_text(cognito.to_toml(), encoding="utf-8")
        (config / "cognito.toml").chmod(0o600)
        command = [sys.executable, "-m", "cognito_jupyter.cli", "doctor"]
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert finished.returncode == 0, finished.stdout
        assert without_home(str(config)) in finished.stdout


def test_two_pools_at_once_do_not_know_each_other() -> None:
    """Also with the same ids, as in two stages of one project."""
    ids: dict[str, Any] = {
        "user_pool_id": USER_POOL,
        "identity_pool_id": IDENTITY_POOL,
        "client_id": "1example23456789",
    }
    with LocalCognito(aws=False, **ids) as first, LocalCognito(aws=False, **ids) as second:
        assert first.port != second.port
        token = first.issue_tokens()["id_token"]
        assert get_credentials(first, token=token)["AccessKeyId"]
        with pytest.raises(ClientError) as raised:
            identity_client(second).get_id(IdentityPoolId=IDENTITY_POOL, Logins=logins(second, token))
        assert error_of(raised)[1] == "Invalid login token. Couldn't verify signed token."


def test_reset_returns_to_the_knobs_of_the_start() -> None:
    knobs = Knobs(credentials_seconds=30, latency={"*": 0.1})
    knobs.rotation, knobs.credentials_seconds = True, 5
    knobs.latency["s3"] = 9
    knobs.fail("GetId", like="throttled")
    for _ in range(2):
        knobs.reset()
        assert (knobs.rotation, knobs.credentials_seconds, knobs.latency, knobs.faults) == (False, 30, {"*": 0.1}, {})
        knobs.latency["s3"] = 9


def test_without_the_extra_the_command_that_installs_it_is_named() -> None:
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"flask", "moto", "werkzeug"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from cognito_jupyter.local import Knobs
from cognito_jupyter.local import LocalCognito
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = finished.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: LocalCognito needs the package flask, which is not installed.")
    assert last.endswith('Run: pip install "cognito_jupyter[local]"')
    assert "During handling" not in finished.stderr


def test_another_address_comes_with_a_warning_and_with_ports_of_yours() -> None:
    """As in a container, whose ports are published to the host's loopback."""
    port, aws_port = free_ports(2)
    with pytest.warns(UserWarning, match=r"listens on 0\.0\.0\.0, which other computers may reach"):
        cognito = LocalCognito(bind_address="0.0.0.0", port=port, aws_port=aws_port).start()
    with cognito:
        assert (cognito.domain, cognito.aws_url) == (f"http://localhost:{port}", f"http://127.0.0.1:{aws_port}")
        assert s3_client(cognito, get_credentials(cognito)).head_bucket(Bucket=cognito.bucket)
        listening = {each.laddr for each in psutil.Process().net_connections() if each.status == psutil.CONN_LISTEN}
        assert {("0.0.0.0", port), ("0.0.0.0", aws_port)} <= listening
    with LocalCognito(port=port, aws_port=aws_port), pytest.raises(OSError, match="in use"):
        LocalCognito(aws_port=aws_port).start()


def test_a_folder_keeps_sign_ins_across_a_restart(tmp_path: Path) -> None:
    """Also the ports, so that nobody has to be told new ones; the file is its owner's alone."""
    folder = tmp_path / "state"
    with LocalCognito(aws=False, folder=folder, client_secret=True, knobs=Knobs(rotation=True)) as first:
        first.add_group("Guests")
        first.add_identity_provider("University", identifiers=["example.edu"])
        first.add_user("ben", "ben's", ["Guests"], provider="University", totp_secret="GEZDGNBV")
        tokens, revoked = first.issue_tokens(), first.issue_tokens()["refresh_token"]
        first.pool.revoke_family(revoked)
        client = first.pool.clients[first.client_id]
        identity = first.identity_pool.identities["x"] = "us-east-1:01234567-89ab-cdef-0123-456789abcdef"
    assert ON_WINDOWS or oct((folder / "local-cognito.json").stat().st_mode)[-3:] == "600"
    with LocalCognito(aws=False, folder=folder) as second:
        assert {**second.environment} == {**first.environment}
        assert (second.pool.users, second.pool.groups, second.pool.clients) == (
            first.pool.users,
            first.pool.groups,
            first.pool.clients,
        )
        assert second.pool.signer.verified_claims(tokens["id_token"], "id")
        assert second.identity_pool.identities["x"] == identity
        assert second.pool.redeem_refresh_token(client, tokens["refresh_token"])["id_token"]
        with pytest.raises(Exception, match="invalid_grant"):
            second.pool.redeem_refresh_token(client, revoked)
    with pytest.raises(ValueError, match=f"{first.user_pool_id}, not of {USER_POOL}"):
        LocalCognito(aws=False, folder=folder, user_pool_id=USER_POOL)
    (folder / "local-cognito.json").write_text("[]")
    with pytest.raises(ValueError, match="is not the state of a LocalCognito"):
        LocalCognito(aws=False, folder=folder)


_KILLED = """
import sys
from cognito_jupyter.local import LocalCognito

with LocalCognito(aws=False, folder=sys.argv[1]) as cognito:
    print(cognito.domain, cognito.client_id, cognito.demo_user.username, cognito.demo_user.password, flush=True)
    sys.stdin.read()
"""


def test_a_sign_in_outlasts_a_cognito_that_is_killed(tmp_path: Path) -> None:
    """Whatever a client has got is in the file by then, and the file is complete."""
    command = [sys.executable, "-c", _KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, client_id, username, password = process.stdout.readline().split()
        api = boto3.client(
            "cognito-idp", region_name="us-east-1", endpoint_url=url, config=Config(signature_version=UNSIGNED)
        )
        sign_in = {"USERNAME": username, "PASSWORD": password}
        response = api.initiate_auth(AuthFlow="USER_PASSWORD_AUTH", ClientId=client_id, AuthParameters=sign_in)
        process.kill()
    assert [each.name for each in tmp_path.iterdir()] == ["local-cognito.json"]
    with LocalCognito(aws=False, folder=tmp_path) as second:
        refresh_token = response["AuthenticationResult"]["RefreshToken"]
        app_client = second.pool.clients[client_id]
        assert second.pool.redeem_refresh_token(app_client, refresh_token)["id_token"]
        second.add_group("Guests")
        saved = read_state(tmp_path)
        assert saved is not None
        assert "Guests" in [each["name"] for each in saved["groups"]]
