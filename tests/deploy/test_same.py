"""The CloudFormation template and the Terraform module say the same, and docs/administrators.md describes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ADMINISTRATORS = Path(__file__).parents[2] / "docs" / "administrators.md"
RESOURCES = {
    "UserPool": "aws_cognito_user_pool.this",
    "Domain": "aws_cognito_user_pool_domain.this",
    "LoginStyle": "aws_cognito_managed_login_branding.this",
    "SamlProvider": "aws_cognito_identity_provider.saml",
    "OidcProvider": "aws_cognito_identity_provider.oidc",
    "Client": "aws_cognito_user_pool_client.this",
    "AnalystGroup": "aws_cognito_user_group.analyst",
    "UploaderGroup": "aws_cognito_user_group.uploader",
    "IdentityPool": "aws_cognito_identity_pool.this",
    "RoleAttachment": "aws_cognito_identity_pool_roles_attachment.this",
    "PrincipalTags": "aws_cognito_identity_pool_provider_principal_tag.this",
    "AnalystRole": "aws_iam_role.analyst",
    "UploaderRole": "aws_iam_role.uploader",
}
POLICIES = {
    "aws_iam_role_policy.analyst_read",
    "aws_iam_role_policy.uploader_read",
    "aws_iam_role_policy.uploader_write",
}
DEFAULT_ROLE = "aws_iam_role.default"
"""A role that permits nothing; CloudFormation needs none. The provider's `validRoles` refuses an attachment without
one when it is applied (hashicorp/terraform-provider-aws, internal/service/cognitoidentity/validate.go)."""
OTHER_NAMES = {
    "allowed_o_auth_flows": "allowed_oauth_flows",
    "allowed_o_auth_flows_user_pool_client": "allowed_oauth_flows_user_pool_client",
    "allowed_o_auth_scopes": "allowed_oauth_scopes",
    "user_pool_name": "name",
    "client_name": "name",
    "group_name": "name",
    "role_name": "name",
}
"""Properties whose name in Terraform is not that in CloudFormation with underscores."""
ELSEWHERE = {"enabled_mfas", "client_secret"}
"""Properties that Terraform writes in another way: the one is compared below, the other is read from a secret."""


def snake_case(name: str) -> str:
    """Returns a name of CloudFormation as Terraform writes it."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return OTHER_NAMES.get(words, words)


def as_terraform(text: str) -> str:
    """Returns a text of CloudFormation with its references to parameters as Terraform writes them."""
    return re.sub(r"\$\{(\w+)\}", lambda match: f"${{var.{snake_case(match[1])}}}", text)


def literals(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields each literal, and each reference to a parameter, with its property; what is computed is left out."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(text := value.get("Ref"), str):
            value = f"${{{text}}}"
        elif len(value) == 1 and isinstance(text := value.get("Fn::Sub"), str):
            value = text
        elif any(str(key).startswith("Fn::") for key in value):
            return
        else:
            for key, item in value.items():
                if key not in {"AssumeRolePolicyDocument", "Policies"} or isinstance(item, dict):
                    yield from literals(item, snake_case(str(key)))
            return
        value = as_terraform(value)
    if isinstance(value, list):
        for item in value:
            yield from literals(item, name)
    elif "${" not in re.sub(r"\$\{var\.(?!user_pool|client|identity_pool)\w+\}", "", str(value)):
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def test_each_parameter_is_a_variable_with_the_same_default_and_description(
    cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]]
) -> None:
    parameters = {snake_case(name): each for name, each in cloudformation["Parameters"].items()}
    assert parameters.keys() == terraform["variable"].keys()
    for name, parameter in parameters.items():
        variable = terraform["variable"][name]
        assert variable["description"] == parameter["Description"].strip(), name
        default = variable.get("default")
        joined = ",".join(default) if isinstance(default, list) else default
        assert str(joined) == str(parameter.get("Default")), name
        for value in parameter.get("AllowedValues", []):
            assert f'"{value}"' in variable["validation"][0]["condition"]


def test_each_resource_is_in_both(cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]]) -> None:
    assert cloudformation["Resources"].keys() == RESOURCES.keys()
    assert terraform["resource"].keys() == {*RESOURCES.values(), *POLICIES, DEFAULT_ROLE}


def test_terraform_apply_does_not_stop_at_an_attachment_without_a_role(terraform: dict[str, dict[str, Any]]) -> None:
    attachment = terraform["resource"][RESOURCES["RoleAttachment"]]
    assert attachment["roles"] == {"authenticated": f"${{{DEFAULT_ROLE}.arn}}"}
    assert attachment["role_mapping"][0]["ambiguous_role_resolution"] == "Deny"


def test_the_default_role_permits_nothing(terraform: dict[str, dict[str, Any]]) -> None:
    roles = [each.get("role", "") for name, each in terraform["resource"].items() if name.startswith("aws_iam_role_p")]
    assert len(roles) == len(POLICIES)
    assert not [each for each in roles if DEFAULT_ROLE in each]
    assert not terraform["resource"][DEFAULT_ROLE].keys() & {"inline_policy", "managed_policy_arns"}


@pytest.mark.parametrize("name", RESOURCES)
def test_each_property_has_the_same_value_in_both(
    cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]], name: str
) -> None:
    ours = {pair for pair in literals(cloudformation["Resources"][name]["Properties"]) if pair[0] not in ELSEWHERE}
    theirs = set(literals(terraform["resource"][RESOURCES[name]]))
    names = {each for each, _ in ours}
    assert ours
    assert ours == {pair for pair in theirs if pair[0] in names}


def test_terraform_adds_nothing_of_its_own(
    cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]]
) -> None:
    for name, address in RESOURCES.items():
        properties = {each for each, _ in literals(cloudformation["Resources"][name]["Properties"])}
        own = {each for each, _ in literals(terraform["resource"][address])} - properties
        assert own <= {"prevent_destroy", "enabled"}, name


def test_both_offer_an_authenticator_app(cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]]) -> None:
    assert cloudformation["Resources"]["UserPool"]["Properties"]["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    pool = terraform["resource"][RESOURCES["UserPool"]]
    assert pool["software_token_mfa_configuration"] == [{"enabled": True}]


def test_both_permit_the_same(cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]]) -> None:
    """Statements by Sid; and the trust policies, which both write as JSON, without their white space."""
    theirs: dict[str, list[str]] = {}
    for text in (terraform["locals"]["read"], terraform["resource"]["aws_iam_role_policy.uploader_write"]["policy"]):
        for sid, actions in re.findall(r'Sid = "(\w+)".*?Action = \[(.*?)\]', text):
            theirs[sid] = re.findall(r'"(.*?)"', actions)
    for name in ("AnalystRole", "UploaderRole"):
        properties = cloudformation["Resources"][name]["Properties"]
        statements = [each for policy in properties["Policies"] for each in policy["PolicyDocument"]["Statement"]]
        assert {each["Sid"]: each["Action"] for each in statements}.items() <= theirs.items()
        trust = properties["AssumeRolePolicyDocument"]["Fn::Sub"][0]
        keys = r'"(?:Version|Statement|Effect|Principal|Federated|Action|Condition|StringEquals)":'
        ours, others = (
            re.findall(r'"(.+?)"', re.sub(keys, "", trust)),
            re.findall(r'"(.+?)"', terraform["locals"]["trust"]),
        )
        assert {word for word in ours if "$" not in word} == {word for word in others if "$" not in word}
        assert "uploads/${aws:PrincipalTag/username}/*" in str(properties) or name == "AnalystRole"
    assert theirs.keys() == {"List", "Read", "Write"}
    assert "uploads/$${aws:PrincipalTag/username}/*" in terraform["locals"]["upload_keys"]


def test_both_write_the_same_settings(cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]]) -> None:
    assert {snake_case(name) for name in cloudformation["Outputs"]} == terraform["output"].keys()
    ours = cloudformation["Outputs"]["CognitoToml"]["Value"]["Fn::Sub"][0]
    theirs = terraform["output"]["cognito_toml"]["value"]
    names = re.compile(r"^\s*(\w+) = ", re.MULTILINE)
    assert names.findall(ours) == names.findall(theirs)


def test_the_documentation_describes_each_parameter(
    cloudformation: dict[str, Any], terraform: dict[str, dict[str, Any]]
) -> None:
    """A table row has the parameter, the variable and the default."""
    rows = {
        line.split("|")[1].strip(): line
        for line in ADMINISTRATORS.read_text(encoding="utf-8").splitlines()
        if "|" in line
    }
    for name, parameter in cloudformation["Parameters"].items():
        row = rows.get(f"`{name}`, `{snake_case(name)}`")
        assert row is not None, name
        default = str(parameter.get("Default", ""))
        assert not default or f"`{default}`" in row, name


def test_the_documentation_says_what_the_template_sets(cloudformation: dict[str, Any]) -> None:
    """The rules of docs/administrators.md for a set-up by hand hold in the template."""
    resources = {name: each["Properties"] for name, each in cloudformation["Resources"].items()}
    client = resources["Client"]
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
    assert {"openid", "email"} <= set(client["AllowedOAuthScopes"])
    assert client["RefreshTokenRotation"]["RetryGracePeriodSeconds"] >= 10
    assert "ALLOW_REFRESH_TOKEN_AUTH" not in client["ExplicitAuthFlows"]
    assert resources["IdentityPool"]["AllowClassicFlow"] is False
    assert resources["IdentityPool"]["AllowUnauthenticatedIdentities"] is False
    assert resources["RoleAttachment"]["RoleMappings"]["UserPool"]["Type"] == "Token"
    ports = [int(each) for each in cloudformation["Parameters"]["CallbackPorts"]["Default"].split(",")]
    assert min(abs(one - other) for one in ports for other in ports if one != other) >= 1000
