"""A local Cognito of a CloudFormation template: that of deploy/, and what a template may get wrong."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cognito_jupyter.doctor.examine import examine
from cognito_jupyter.doctor.report import Verdict
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.role_trust import trusts_identity_pool
from cognito_jupyter.local.defaults import free_ports
from cognito_jupyter.local.template.intrinsics import Template, load_template
from tests.local.api.conftest import api_client
from tests.local.identity import error_of, get_credentials, s3_client

TEMPLATE = Path(__file__).parents[2] / "deploy" / "cognito-jupyter.yaml"
BUCKET = "cognito-jupyter-demo"


def parameters(**changes: str) -> dict[str, str]:
    """Returns parameters with ports that are free here."""
    ports = ",".join(map(str, free_ports(3)))
    return {"DomainPrefix": "your-app", "DataBucket": BUCKET, "CallbackPorts": ports} | changes


def is_denied(client: Any, key: str, bucket: str = BUCKET) -> bool:
    """Returns whether S3 refuses to write an object."""
    try:
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
        return True
    return False


@pytest.fixture(scope="module")
def deployed() -> Iterator[LocalCognito]:
    """The template with its defaults."""
    with LocalCognito.from_template(TEMPLATE, parameters()) as cognito:
        yield cognito


# -- the template of deploy/


def test_its_output_is_a_file_of_settings_with_which_the_doctor_is_green(
    deployed: LocalCognito, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of Cognito is in the environment, only the addresses that stand for AWS's."""
    for name, value in deployed.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    folder = own_environment / "config"
    folder.mkdir(parents=True)
    (folder / "cognito.toml").write_text(deployed.outputs["CognitoToml"])
    report, settings = examine({})
    assert not [check for check in report.checks if check.verdict is Verdict.FAIL], report.to_text()
    assert settings is not None
    assert settings.configuration.identity_pool_id == deployed.identity_pool_id
    assert settings.configuration.redirect_uri == deployed.redirect_uri
    assert (settings.logout_uri, settings.refresh_token_days) == (deployed.logout_uri, 30)


def test_an_uploader_writes_only_to_the_folder_of_that_user(deployed: LocalCognito) -> None:
    deployed.add_user("maria", "password", ["Uploader"])
    tokens = {name: deployed.issue_tokens(name)["id_token"] for name in ("demo", "maria")}
    demo, maria = (
        s3_client(deployed, get_credentials(deployed, deployed.roles["Uploader"], token)) for token in tokens.values()
    )
    assert not is_denied(demo, "uploads/demo/notes.txt")
    assert not is_denied(maria, "uploads/maria/notes.txt")
    assert is_denied(maria, "uploads/demo/notes.txt")
    assert is_denied(maria, "uploads/maria")
    assert is_denied(maria, "notes.txt")
    assert maria.get_object(Bucket=BUCKET, Key="uploads/demo/notes.txt")["Body"].read() == b""


@pytest.mark.parametrize("username", ["*", "ma?ia", 'm"aria'])
def test_a_user_name_with_special_characters_opens_no_other_folder(deployed: LocalCognito, username: str) -> None:
    deployed.add_user(username, "password", ["Uploader"])
    keys = get_credentials(deployed, deployed.roles["Uploader"], deployed.issue_tokens(username)["id_token"])
    assert is_denied(s3_client(deployed, keys), "uploads/maria/notes.txt")


def test_an_analyst_reads_and_does_not_write(deployed: LocalCognito) -> None:
    analyst = s3_client(deployed, get_credentials(deployed))
    assert analyst.get_object(Bucket=BUCKET, Key=deployed.data_key)["Body"].read().startswith(b"star,day")
    assert is_denied(analyst, "uploads/demo/notes.txt")


def test_a_user_without_a_group_gets_no_credentials(deployed: LocalCognito) -> None:
    deployed.add_user("new", "password")
    with pytest.raises(ClientError) as raised:
        get_credentials(deployed, token=deployed.issue_tokens("new")["id_token"])
    assert "ambiguous role mapping rules" in error_of(raised)[1]


def test_the_app_client_is_as_the_template_registers_it(deployed: LocalCognito) -> None:
    client = deployed.pool.clients[deployed.client_id]
    assert (client.secret, client.code_grant, client.revocation) == (None, True, True)
    assert (client.scopes, deployed.logout_uri) == (("openid", "email"), client.redirect_uris[0])
    assert (deployed.knobs.rotation, deployed.knobs.grace) == (True, 60)
    assert deployed.knobs.refresh_token_seconds == 30 * 86_400


def test_boto3_describes_the_app_client_as_the_template_registers_it(deployed: LocalCognito) -> None:
    """With rotation, and so without the flow that excludes it and without passwords in programs."""
    api = api_client(deployed)
    client = api.describe_user_pool_client(UserPoolId=deployed.user_pool_id, ClientId=deployed.client_id)
    described = client["UserPoolClient"]
    assert described["ClientName"] == "cognito-jupyter-notebooks"
    assert described["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH"]
    assert described["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 60}
    assert described["PreventUserExistenceErrors"] == "ENABLED"
    assert (described["RefreshTokenValidity"], described["TokenValidityUnits"]["RefreshToken"]) == (30, "days")


def test_a_second_bucket_is_read_by_both_and_takes_the_uploads() -> None:
    with LocalCognito.from_template(TEMPLATE, parameters(UploadBucket="spectra", UploadScope="bucket")) as cognito:
        analyst, uploader = (
            s3_client(cognito, get_credentials(cognito, cognito.roles[name])) for name in cognito.roles
        )
        assert not is_denied(uploader, "a.txt", "spectra")
        assert is_denied(uploader, "a.txt")
        assert analyst.get_object(Bucket="spectra", Key="a.txt")["Body"].read() == b""


def test_a_hub_is_the_first_redirect_uri_of_the_settings() -> None:
    hub = "https://hub.example.org/hub/user-redirect/cognito-jupyter/callback"
    cognito = LocalCognito.from_template(TEMPLATE, parameters(HubCallbackUrl=hub), aws=False)
    settings = tomllib.loads(cognito.outputs["CognitoToml"])
    assert settings["redirect_uri"].split()[0] == hub
    assert sorted(settings["redirect_uri"].split()) == sorted(cognito.redirect_uri.split())


@pytest.mark.parametrize("region", ["us-gov-west-1", "us-gov-east-1", "eu-central-1", "eusc-de-east-1"])
def test_the_roles_trust_the_identity_pool_in_each_partition(region: str) -> None:
    with LocalCognito.from_template(TEMPLATE, parameters(), region=region, aws=False) as cognito:
        assert get_credentials(cognito, cognito.roles["Uploader"])["AccessKeyId"]


def test_in_govcloud_the_policies_name_its_buckets() -> None:
    with LocalCognito.from_template(TEMPLATE, parameters(), region="us-gov-west-1") as cognito:
        reader = s3_client(cognito, get_credentials(cognito, cognito.roles["Analyst"]))
        assert reader.get_object(Bucket=BUCKET, Key=cognito.data_key)["Body"].read().startswith(b"star,day")


@pytest.mark.parametrize("change", ["sts:TagSession", "authenticated", "${IdentityPool}", "Federated"])
def test_a_trust_policy_with_a_fault_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE.read_text().replace(f'"{change}"', '"something"'))
    with LocalCognito.from_template(path, parameters(), aws=False) as cognito:
        with pytest.raises(ClientError) as raised:
            get_credentials(cognito)
    assert error_of(raised)[0] == "InvalidIdentityPoolConfigurationException"


@pytest.mark.parametrize(("federation", "provider_type"), [("SAML", "SAML"), ("OIDC", "OIDC")])
def test_federation_registers_the_provider(federation: str, provider_type: str) -> None:
    cognito = LocalCognito.from_template(TEMPLATE, parameters(Federation=federation, ProviderName="Campus"), aws=False)
    assert cognito.pool.providers["Campus"].provider_type == provider_type


# -- parameters and templates that cannot be used


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Colour": "red"}, r"no parameter Colour; it has Name, DomainPrefix"),
        ({"UploadScope": "everywhere"}, r"UploadScope is 'everywhere'; it may be own-folder, bucket"),
        ({"DataBucket": "No Bucket"}, r"DataBucket is 'No Bucket', which does not match"),
        ({"HubCallbackUrl": "http://hub.example.org"}, r"HubCallbackUrl is"),
        ({"CallbackPorts": "3000,4000"}, r"Select"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LocalCognito.from_template(TEMPLATE, parameters(**changes))


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(ValueError, match="needs a value for the parameter DomainPrefix"):
        LocalCognito.from_template(TEMPLATE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not YAML"),
        ("Parameters: {}", "has no Resources"),
        ("Resources: {Pool: {Type: 'AWS::Cognito::UserPool'}}", "0 resources of the type AWS::Cognito::UserPoolClient"),
        ("Resources: {A: {Type: B, Properties: {C: !Base64 x}}}", "The function Base64 is not one"),
        ("Resources: {A: {Type: B, Properties: {C: !Ref D}}}", "refers to D"),
        ("Resources: {A: {Type: B, Properties: {C: !GetAtt A.Arn}}}", "uses A.Arn, a B"),
        ("Resources: {A: {Type: B, Properties: {C: !If [D, 1, 2]}}}", "no condition D"),
    ],
)
def test_a_template_that_cannot_be_used_says_why(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(words)):
        LocalCognito.from_template(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Sub 'a ${B} ${!C} ${AWS::Region}'", "a b ${C} eu-west-1"),
        ("!Join ['-', [!Ref B, c]]", "b-c"),
        ("!Select [1, !Split [',', 'x,y']]", "y"),
        ("!FindInMap [M, !Ref 'AWS::Region', Key]", "mapped"),
        ("[!If [Never, a, !Ref 'AWS::NoValue'], 2012-10-17]", ["2012-10-17"]),
        ("{A: !If [Never, a, !Ref 'AWS::NoValue'], C: !GetAtt Pool.Arn}", {"C": "Pool/Arn"}),
        ("!If [Both, !Ref List, no]", ["1", "2"]),
    ],
)
def test_functions_are_evaluated_as_cloudformation_does(tmp_path: Path, text: str, value: object) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Parameters: {B: {Type: String, Default: b}, List: {Type: CommaDelimitedList, Default: '1, 2'}}\n"
        "Mappings: {M: {eu-west-1: {Key: mapped}}}\n"
        "Conditions:\n"
        "  Never: !Equals [a, b]\n"
        "  Both: !And [!Not [!Condition Never], !Or [!Equals [a, a], !Equals [a, b]]]\n"
        f"Resources: {{Pool: {{Type: T, Properties: {{P: {text}}}}}}}"
    )
    document = load_template(path)
    template = Template(document, {}, {"AWS::Region": "eu-west-1"}, lambda name, attribute: f"{name}/{attribute}")
    assert template.resources() == {"Pool": ("T", {"P": value})}


def test_a_template_in_json_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(load_template(TEMPLATE)))
    assert LocalCognito.from_template(path, parameters(), aws=False).roles.keys() == {"Analyst", "Uploader"}


def test_an_unknown_condition_of_a_trust_policy_counts_as_not_fulfilled() -> None:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": "cognito-identity.amazonaws.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }

    def trusts(**condition: object) -> bool:
        trust = {"Statement": statement | {"Condition": condition}}
        return trusts_identity_pool(trust, "us-east-1:1", ["sts:AssumeRoleWithWebIdentity"])

    assert trusts()
    assert trusts(StringLike={"cognito-identity.amazonaws.com:aud": "us-east-1:*"})
    assert not trusts(StringEquals={"cognito-identity.amazonaws.com:aud": "us-east-1:*"})
    assert not trusts(StringEquals={"aws:SourceIp": "10.0.0.1"})
    assert not trusts(Bool={"aws:SecureTransport": "true"})
