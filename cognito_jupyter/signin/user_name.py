"""How a signed-in user is named: by what people know, never by an id.

The status, the panel and `cognito-jupyter status` call it. It reads the claims of an id token and makes no request.

Sources: the attributes of a user, the user names of federated users and the `identities` claim in
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html and
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-identity-federation.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._printable import one_line

NO_NAME = "a user whose tokens hold no name"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PHONE_NUMBER = re.compile(r"\+\d{5,15}")  # E.164, as Cognito requires
_SOCIAL_USERNAME = re.compile(r"(Facebook|Google|LoginWithAmazon|SignInWithApple)_.+", re.IGNORECASE)
_LONGEST_NAME = 24
"""Characters of an identity provider's name of a user; a longer one is an id, unless it is an e-mail address."""
_VISIBLE_DIGITS = 4


def describe_user(claims: Mapping[str, object]) -> str:
    """Returns a user's name and e-mail address, or the end of a phone number, as far as an id token holds them.

    Where Cognito's user name is only an id, as in pools that users sign in to by e-mail address or phone number and for
    users of another identity provider, another claim takes its place; the identity provider is named.

    Args:
        claims: The claims of the id token.
    """
    provider, user_id = _identity_provider(claims)
    names = [_text(claims, "preferred_username"), _username(claims, provider), _text(claims, "name"), user_id]
    name = next((name for name in names if name and not _UUID.fullmatch(name)), None)
    contact = _text(claims, "email") or _masked(_text(claims, "phone_number"))
    if name is not None:
        name = _masked(name)
    parts = list(dict.fromkeys(part for part in (name, contact) if part))
    who = f"{parts[0]} ({parts[1]})" if len(parts) > 1 else parts[0] if parts else None
    if provider is None:
        return who or NO_NAME
    return f"{who}, by {provider}" if who else f"a user of {provider}"


def _identity_provider(claims: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Returns the identity provider that the user signs in by, and the user's name there; None for Cognito's own.

    A local user may have linked identities: only the one that the user name is made of counts.
    """
    username, identities = _text(claims, "cognito:username") or "", claims.get("identities")
    for identity in identities if isinstance(identities, list) else []:
        if isinstance(identity, Mapping):
            provider, user_id = _text(identity, "providerName"), _text(identity, "userId")
            if provider and username.casefold().startswith(f"{provider}_".casefold()):
                return provider, None if user_id is None or _is_id(user_id) else user_id
    # The app client may not read `identities`.
    social = _SOCIAL_USERNAME.fullmatch(username)
    return (social[1], None) if social else (None, None)


def _username(claims: Mapping[str, object], provider: str | None) -> str | None:
    """Returns Cognito's user name; None if it is the `sub`, or was made of an identity provider's id."""
    username = _text(claims, "cognito:username")
    return None if provider is not None or username == _text(claims, "sub") else username


def _text(claims: Mapping[str, object], name: str) -> str | None:
    value = claims.get(name)
    return one_line(value, 100) or None if isinstance(value, str) else None


def _is_id(user_id: str) -> bool:
    """Returns whether an identity provider's name of a user says nothing to people."""
    return user_id.isdigit() or ("@" not in user_id and len(user_id) > _LONGEST_NAME)


def _masked(text: str | None) -> str | None:
    """Returns text with all but the last digits of a phone number masked, as Cognito's own messages do."""
    if text is None or not _PHONE_NUMBER.fullmatch(text):
        return text
    return f"+{'*' * (len(text) - 1 - _VISIBLE_DIGITS)}{text[-_VISIBLE_DIGITS:]}"
