"""The attributes of users: as the API has them (a list of names and values), and as this server keeps them.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...model import User
from ..tokens.user_claims import identity_claims, is_verified
from .errors import invalid_parameter

STANDARD_ATTRIBUTES = (
    "sub", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
    "website", "email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number",
    "phone_number_verified", "address", "updated_at",
)  # fmt: skip
_FIELDS = ("email", "email_verified", "phone_number", "phone_number_verified")
"""Attributes that `User` has fields for; the other ones are in its `attributes`."""
_FILTER = re.compile(r'\s*"?([\w:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')


def user_fields(attributes: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Returns the fields of `User` for attributes from a request.

    Args:
        attributes: Names and values.

    Raises:
        ApiError: There is no such attribute, or its value is malformed.
    """
    values = {each["Name"]: each.get("Value", "") for each in attributes}
    for name in values:
        if name == "sub":
            raise invalid_parameter("Cannot modify an already provided attribute: sub")
        if name not in STANDARD_ATTRIBUTES and not name.startswith("custom:"):
            text = f"Attributes did not conform to the schema: {name}: Attribute does not exist in the schema.\n"
            raise invalid_parameter(text)
    if values.get("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+", values["email"]):
        raise invalid_parameter("Invalid email address format.")
    if values.get("phone_number") and not re.fullmatch(r"\+[0-9]{1,15}", values["phone_number"]):
        raise invalid_parameter("Invalid phone number format.")
    fields: dict[str, Any] = {name: values[name] for name in ("email", "phone_number") if name in values}
    # What an administrator has not called verified is not verified.
    fields |= {f"{name}_verified": False for name in tuple(fields)}
    flags = (name for name in ("email_verified", "phone_number_verified") if name in values)
    fields |= {name: values[name].lower() == "true" for name in flags}
    return fields | {"attributes": {name: value for name, value in values.items() if name not in _FIELDS}}


def list_attributes(user: User, names: Sequence[str] | None = None) -> list[dict[str, str]]:
    """Returns a user's attributes as a response has them.

    Args:
        user: The user.
        names: The attributes that were asked for; None is all.
    """
    values = {"sub": user.sub, **user.attributes}
    if user.email:
        flag = is_verified(user, user.email_verified)
        values |= {"email": user.email, "email_verified": str(flag).lower()}
    if user.phone_number:
        flag = is_verified(user, user.phone_number_verified)
        values |= {"phone_number": user.phone_number, "phone_number_verified": str(flag).lower()}
    values |= {name: json.dumps(value) for name, value in identity_claims(user).items()}
    return [{"Name": name, "Value": value} for name, value in values.items() if names is None or name in names]


def describe_mfa(user: User) -> dict[str, Any]:
    """Returns the factors besides the password that a user signs in with; nothing if there are none."""
    factor = "SOFTWARE_TOKEN_MFA"
    return {"PreferredMfaSetting": factor, "UserMFASettingList": [factor]} if user.totp_secret else {}


def matches_filter(user: User, username: str, text: str) -> bool:
    """Returns whether ListUsers finds a user by a filter, such as `email ^= "ann"`.

    Args:
        user: The user.
        username: The user's name in the API.
        text: The filter; empty finds everyone.

    Raises:
        ApiError: The filter is malformed, or names an attribute that cannot be searched for.
    """
    if not text:
        return True
    found = _FILTER.fullmatch(text)
    if found is None:
        raise invalid_parameter("Error while parsing filter.")
    name, operator, wanted = found[1], found[2], re.sub(r"\\(.)", r"\1", found[3])
    values = {
        "username": username,
        "sub": user.sub,
        "email": user.email,
        "phone_number": user.phone_number or "",
        "cognito:user_status": user.status,
        "status": "Enabled" if user.enabled else "Disabled",
        **{name: user.attributes.get(name, "") for name in ("name", "given_name", "family_name", "preferred_username")},
    }
    if name not in values:
        raise invalid_parameter(f"Invalid search attribute: {name}")
    return values[name].startswith(wanted) if operator == "^=" else values[name] == wanted
