"""What the operations look up and change in the user pool: the pool itself, its app clients, groups and users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...model import AppClient, Group, Knobs, User
from ..user_pool import UserPool
from .attributes import list_attributes
from .errors import ApiError, not_found


class Directory:
    """The user pool as the operations see it.

    Args:
        pool: The user pool.

    Attributes:
        pool: The user pool.
    """

    def __init__(self, pool: UserPool) -> None:
        self.pool = pool

    @property
    def knobs(self) -> Knobs:
        """The knobs, which are the settings of each app client too."""
        return self.pool.knobs

    def require_pool(self, body: Mapping[str, Any]) -> None:
        """Checks that a request is for this pool.

        Raises:
            ApiError: It is for another one.
        """
        if body["UserPoolId"] != self.pool.pool_id:
            raise not_found(f"User pool {body['UserPoolId']} does not exist.")

    def client(self, client_id: str) -> AppClient:
        """Returns an app client.

        Raises:
            ApiError: There is none with this id.
        """
        client = self.pool.clients.get(client_id)
        if client is None:
            raise not_found(f"User pool client {client_id} does not exist.")
        return client

    def group(self, name: str) -> Group:
        """Returns a group.

        Raises:
            ApiError: There is none with this name.
        """
        group = self.pool.groups.get(name)
        if group is None:
            raise not_found("Group not found.")
        return group

    def find_user(self, name: str) -> User | None:
        """Returns a user by name or `sub`, or by an address that users sign in with; None if there is none."""
        users = tuple(self.pool.users.values())
        found = self.pool.users.get(name) or next((user for user in users if user.sub == name), None)
        if found is None and self.knobs.username_is_sub and name:
            found = next((user for user in users if name in {user.email, user.phone_number}), None)
        return found

    def user(self, name: str) -> User:
        """Returns a user by name or `sub`.

        Raises:
            ApiError: There is none.
        """
        user = self.find_user(name)
        if user is None:
            raise ApiError("UserNotFoundException", "User does not exist.")
        return user

    def change_user(self, user: User, **changes: Any) -> None:
        """Changes fields of a user.

        Args:
            user: The user.
            **changes: Fields and their new values.
        """
        self.pool.users[user.username] = replace(user, **changes, modified=self.knobs.now())

    def username(self, user: User) -> str:
        """Returns the name that the API shows, which is that of the tokens."""
        return user.sub if self.knobs.username_is_sub else user.username

    def describe_user(self, user: User, attributes_name: str, names: list[str] | None = None) -> dict[str, Any]:
        """Returns a user as a response has it.

        Args:
            user: The user.
            attributes_name: The name of the member with the attributes.
            names: The attributes that were asked for; None is all.
        """
        return {
            "Username": self.username(user),
            attributes_name: list_attributes(user, names),
            "UserCreateDate": user.created,
            "UserLastModifiedDate": user.modified,
            "Enabled": user.enabled,
            "UserStatus": user.status,
        }
