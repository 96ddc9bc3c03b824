"""Operations of administrators on users.

Source: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUser.html and those
of the other operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import User
from .attributes import describe_mfa, matches_filter, user_fields
from .directory import Directory
from .errors import ApiError, invalid_parameter
from .paging import take_page
from .passwords import check_password, make_password


class UserOperations:
    """Operations of administrators on users.

    Args:
        directory: The user pool.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def admin_create_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminCreateUser; the user must change the password at the first sign-in, and no message is sent."""
        username, password = body["Username"], body.get("TemporaryPassword")
        found = self._directory.find_user(username)
        if body.get("MessageAction") == "RESEND":
            user = self._directory.user(username)
            if not user.must_change_password:
                # Cognito's text is not known.
                raise ApiError("UnsupportedUserStateException", "The user has set a password already.")
        elif found is not None:
            # The text is that of localstack/localstack#4465.
            raise ApiError("UsernameExistsException", "User account already exists")
        else:
            if password is not None:
                check_password(password)
            now = self._directory.knobs.now()
            # Where users sign in by e-mail address, their name is the address.
            email = username if self._directory.knobs.username_is_sub and "@" in username else ""
            fields: dict[str, Any] = {"email": email, "email_verified": False}
            fields |= user_fields(body.get("UserAttributes", ()))
            user = User(username, password or make_password(), **fields, must_change_password=True)
            self._directory.pool.users[username] = user
            self._directory.change_user(user, created=now)
        return {"User": self._directory.describe_user(self._directory.user(username), "Attributes")}

    def admin_set_user_password(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminSetUserPassword; without `Permanent` the user must change it at the next sign-in."""
        user = self._directory.user(body["Username"])
        if user.provider is not None:
            # Cognito's text is not known.
            raise invalid_parameter("The user signs in at an external provider, and has no password here.")
        check_password(body["Password"])
        permanent = body.get("Permanent", False)
        self._directory.change_user(user, password=body["Password"], must_change_password=not permanent)
        return {}

    def admin_get_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminGetUser."""
        user = self._directory.user(body["Username"])
        return self._directory.describe_user(user, "UserAttributes") | describe_mfa(user)

    def admin_update_user_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminUpdateUserAttributes; an address that changes is not verified, unless the request says so."""
        user = self._directory.user(body["Username"])
        fields = user_fields(body["UserAttributes"])
        fields["attributes"] = dict(user.attributes) | fields["attributes"]
        self._directory.change_user(user, **fields)
        return {}

    def admin_disable_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminDisableUser; it revokes the user's tokens too."""
        user = self._directory.user(body["Username"])
        self._directory.change_user(user, enabled=False)
        self._directory.pool.sign_out_everywhere(user.username)
        return {}

    def admin_enable_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminEnableUser."""
        self._directory.change_user(self._directory.user(body["Username"]), enabled=True)
        return {}

    def admin_delete_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminDeleteUser."""
        user = self._directory.user(body["Username"])
        self._directory.pool.sign_out_everywhere(user.username)
        del self._directory.pool.users[user.username]
        return {}

    def admin_user_global_sign_out(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminUserGlobalSignOut."""
        self._directory.pool.sign_out_everywhere(self._directory.user(body["Username"]).username)
        return {}

    def list_users(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """ListUsers."""
        text, names = body.get("Filter", ""), body.get("AttributesToGet") or None
        users = tuple(self._directory.pool.users.values())
        found = [user for user in users if matches_filter(user, self._directory.username(user), text)]
        page, following = take_page(found, body.get("Limit"), body.get("PaginationToken"))
        shown = [self._directory.describe_user(user, "Attributes", names) for user in page]
        return {"Users": shown} | ({"PaginationToken": following} if following else {})
