"""What a CloudFormation template makes of Cognito, IAM and S3, for `LocalCognito.from_template`.

A resource of another type is refused by name where something refers to it, and otherwise left out.
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..aws.seed import demo_objects
from ..cognito.identity_pool import IdentityPool, RoleMapping
from ..cognito.tokens.issuer import dns_suffix, partition_of
from ..model import ACCOUNT, DEFAULT_AUTH_FLOWS, AppClient, Group, IdentityProvider, Knobs
from .intrinsics import Template, TemplateError, load_template

_BUCKET_ARN = re.compile(r"arn:[a-z-]+:s3:::([a-z0-9.-]{3,63})(?:/.*)?", re.DOTALL)
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_TOKENS = {
    "IdToken": "id_token_seconds",
    "AccessToken": "access_token_seconds",
    "RefreshToken": "refresh_token_seconds",
}
_DEFAULT_UNITS = {"IdToken": "hours", "AccessToken": "hours", "RefreshToken": "days"}


@dataclass(frozen=True)
class Stack:
    """The stack that a template describes, with ids as AWS would have made them up.

    Attributes:
        region: The Region of the stack.
        user_pool_id: The id of the user pool.
        client_id: The id of the app client.
        identity_pool_id: The id of the identity pool.
        resources: Types and resolved properties of the resources, by logical id.
        outputs: The outputs by name.
    """

    region: str
    user_pool_id: str
    client_id: str
    identity_pool_id: str
    resources: Mapping[str, tuple[str, dict[str, Any]]]
    outputs: Mapping[str, str]

    def one(self, resource_type: str) -> dict[str, Any]:
        """Returns the properties of the only resource of a type.

        Raises:
            TemplateError: There is none, or there are several.
        """
        found = self.all(resource_type)
        if len(found) != 1:
            raise TemplateError(f"The template has {len(found)} resources of the type {resource_type}; one is needed.")
        return found[0]

    def all(self, resource_type: str) -> list[dict[str, Any]]:
        """Returns the properties of each resource of a type."""
        return [properties for kind, properties in self.resources.values() if kind == resource_type]

    @property
    def client(self) -> dict[str, Any]:
        """The app client's properties."""
        return self.one("AWS::Cognito::UserPoolClient")

    @property
    def groups(self) -> list[Group]:
        """The user pool's groups."""
        return [
            Group(each["GroupName"], each.get("RoleArn"), _number(each.get("Precedence")))
            for each in self.all("AWS::Cognito::UserPoolGroup")
        ]

    @property
    def providers(self) -> list[IdentityProvider]:
        """The user pool's external identity providers."""
        return [
            IdentityProvider(each["ProviderName"], each["ProviderType"], tuple(each.get("IdpIdentifiers", ())))
            for each in self.all("AWS::Cognito::UserPoolIdentityProvider")
        ]

    @property
    def roles(self) -> dict[str, dict[str, Any]]:
        """The properties of the IAM roles by name, with "Trust", and with "Permissions": all their statements."""
        roles = {}
        for each in self.all("AWS::IAM::Role"):
            statements = [
                statement
                for policy in each.get("Policies", [])
                for statement in _as_list(_document(policy["PolicyDocument"])["Statement"])
            ]
            roles[each["RoleName"]] = each | {
                "Trust": _document(each["AssumeRolePolicyDocument"]),
                "Permissions": {"Version": "2012-10-17", "Statement": statements},
            }
        return roles

    @property
    def buckets(self) -> list[str]:
        """The buckets that the stack makes, and those that its roles name, which exist before it."""
        arns = [
            arn
            for role in self.roles.values()
            for statement in role["Permissions"]["Statement"]
            for arn in _as_list(statement.get("Resource", []))
        ]
        named = [match[1] for match in map(_BUCKET_ARN.fullmatch, arns) if match is not None]
        made = [each["BucketName"] for each in self.all("AWS::S3::Bucket") if "BucketName" in each]
        return list(dict.fromkeys([*made, *named]))

    @property
    def principal_tags(self) -> dict[str, str]:
        """The session tags of the identity pool's credentials: the id token's claim for each."""
        tags: dict[str, str] = {}
        for each in self.all("AWS::Cognito::IdentityPoolPrincipalTag"):
            tags |= {"username": "sub", "client": "aud"} if each.get("UseDefaults") else each.get("PrincipalTags", {})
        return tags

    @property
    def ambiguous(self) -> Literal["AuthenticatedRole", "Deny"] | None:
        """What the role mapping by token does without a role (AmbiguousRoleResolution); None: there is no mapping."""
        for each in self.all("AWS::Cognito::IdentityPoolRoleAttachment"):
            for mapping in each.get("RoleMappings", {}).values():
                if mapping["Type"] != "Token":
                    raise TemplateError("The local Cognito takes no rules from a template: set identity_pool.mapping.")
                return "AuthenticatedRole" if mapping["AmbiguousRoleResolution"] == "AuthenticatedRole" else "Deny"
        return None

    @property
    def authenticated_role(self) -> str | None:
        """The identity pool's default role."""
        attachments = self.all("AWS::Cognito::IdentityPoolRoleAttachment")
        return next((each["Roles"].get("authenticated") for each in attachments if "Roles" in each), None)

    @property
    def knobs(self) -> dict[str, Any]:
        """Values of the knobs that follow from the template."""
        client, units = self.client, _DEFAULT_UNITS | self.client.get("TokenValidityUnits", {})
        knobs: dict[str, Any] = {
            knob: float(client[f"{token}Validity"]) * _SECONDS[units[token]]
            for token, knob in _TOKENS.items()
            if f"{token}Validity" in client
        }
        rotation = client.get("RefreshTokenRotation", {})
        styles = self.all("AWS::Cognito::ManagedLoginBranding")
        managed = any(each.get("ManagedLoginVersion") == 2 for each in self.all("AWS::Cognito::UserPoolDomain"))
        return knobs | {
            "rotation": rotation.get("Feature") == "ENABLED",
            "grace": float(rotation.get("RetryGracePeriodSeconds", 0)),
            "has_domain": bool(self.all("AWS::Cognito::UserPoolDomain")),
            "login_style": bool(styles) or not managed,
            "guests": bool(self.one("AWS::Cognito::IdentityPool").get("AllowUnauthenticatedIdentities")),
        }

    def arguments(self) -> dict[str, Any]:
        """Returns the arguments of `LocalCognito`; the first bucket holds the demo's data."""
        client, buckets = self.client, self.buckets
        data: list[dict[str, str]] = [dict(demo_objects()), *({} for _ in buckets[1:])]
        return {
            "user_pool_id": self.user_pool_id,
            "client_id": self.client_id,
            "identity_pool_id": self.identity_pool_id,
            "client_secret": bool(client.get("GenerateSecret")),
            "redirect_uris": client.get("CallbackURLs", []),
            "logout_uris": client.get("LogoutURLs", []),
            "groups": self.groups,
            "roles": {name: role["Permissions"] for name, role in self.roles.items()},
            "buckets": dict(zip(buckets, data, strict=False)),
            "knobs": Knobs(**self.knobs),
        }

    def registered(self, client: AppClient) -> AppClient:
        """Returns an app client with what the template says of it besides its URLs."""
        return replace(
            client,
            scopes=tuple(self.client.get("AllowedOAuthScopes", ())),
            code_grant="code" in self.client.get("AllowedOAuthFlows", ()),
            revocation=bool(self.client.get("EnableTokenRevocation", True)),
            name=self.client.get("ClientName", client.name),
            auth_flows=tuple(self.client.get("ExplicitAuthFlows", DEFAULT_AUTH_FLOWS)),
            hides_unknown_users=self.client.get("PreventUserExistenceErrors") == "ENABLED",
        )

    def configure(self, identity_pool: IdentityPool) -> None:
        """Sets the role mapping, the session tags and the roles' trust policies of an identity pool."""
        ambiguous = self.ambiguous
        identity_pool.mapping = None if ambiguous is None else RoleMapping(ambiguous=ambiguous)
        identity_pool.authenticated_role = self.authenticated_role
        identity_pool.principal_tags = self.principal_tags
        arn = f"arn:{partition_of(self.region)}:iam::{ACCOUNT}:role/"
        identity_pool.trust_policies = {f"{arn}{name}": role["Trust"] for name, role in self.roles.items()}


def make_stack(path: str | Path, parameters: Mapping[str, str], region: str) -> Stack:
    """Reads a template.

    Args:
        path: The template, in YAML or JSON.
        parameters: The values of its parameters.
        region: The Region of the stack.

    Raises:
        TemplateError: The template or a parameter cannot be used.
    """
    document = load_template(path)
    user_pool_id, client_id = f"{region}_{secrets.token_hex(5)[:9]}", secrets.token_hex(13)
    identity_pool_id = f"{region}:{uuid.uuid4()}"
    partition = partition_of(region)
    provider = f"cognito-idp.{region}.{dns_suffix(region)}/{user_pool_id}"

    def get_attribute(logical_id: str, attribute: str | None) -> str:
        resource = document["Resources"].get(logical_id, {})
        kind, properties = resource.get("Type"), resource.get("Properties", {})

        def name(of: str) -> str:
            return str(template.resolve(properties.get(of, logical_id)))

        values: dict[tuple[Any, str | None], Callable[[], str]] = {
            ("AWS::Cognito::UserPool", None): lambda: user_pool_id,
            ("AWS::Cognito::UserPool", "UserPoolId"): lambda: user_pool_id,
            ("AWS::Cognito::UserPool", "ProviderName"): lambda: provider,
            ("AWS::Cognito::UserPool", "ProviderURL"): lambda: f"https://{provider}",
            ("AWS::Cognito::UserPool", "Arn"): lambda: (
                f"arn:{partition}:cognito-idp:{region}:{ACCOUNT}:userpool/{user_pool_id}"
            ),
            ("AWS::Cognito::UserPoolClient", None): lambda: client_id,
            ("AWS::Cognito::UserPoolClient", "ClientId"): lambda: client_id,
            ("AWS::Cognito::IdentityPool", None): lambda: identity_pool_id,
            ("AWS::Cognito::IdentityPool", "Id"): lambda: identity_pool_id,
            ("AWS::Cognito::UserPoolDomain", None): lambda: name("Domain"),
            ("AWS::Cognito::UserPoolGroup", None): lambda: name("GroupName"),
            ("AWS::Cognito::UserPoolIdentityProvider", None): lambda: name("ProviderName"),
            ("AWS::IAM::Role", None): lambda: name("RoleName"),
            ("AWS::IAM::Role", "Arn"): lambda: f"arn:{partition}:iam::{ACCOUNT}:role/{name('RoleName')}",
            ("AWS::S3::Bucket", None): lambda: name("BucketName"),
            ("AWS::S3::Bucket", "Arn"): lambda: f"arn:{partition}:s3:::{name('BucketName')}",
        }
        if (kind, attribute) not in values:
            what = f"{logical_id}.{attribute}" if attribute else logical_id
            raise TemplateError(f"The template uses {what}, a {kind}, which the local Cognito does not have.")
        return values[kind, attribute]()

    pseudo_parameters = {
        "AWS::Region": region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": dns_suffix(region),
        "AWS::AccountId": ACCOUNT,
        "AWS::StackName": "local",
        "AWS::StackId": f"arn:{partition}:cloudformation:{region}:{ACCOUNT}:stack/local/{uuid.uuid4()}",
    }
    template = Template(document, parameters, pseudo_parameters, get_attribute)
    return Stack(region, user_pool_id, client_id, identity_pool_id, template.resources(), template.outputs())


def _document(policy: Any) -> dict[str, Any]:
    """Returns a policy document, which a template may have as text."""
    return dict(json.loads(policy) if isinstance(policy, str) else policy)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
