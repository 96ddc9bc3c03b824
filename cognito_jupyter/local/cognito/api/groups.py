"""Operations of administrators on groups.

Source: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html and those of
the other operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...model import Group
from .directory import Directory
from .errors import ApiError
from .paging import take_page


class GroupOperations:
    """Operations of administrators on groups.

    Args:
        directory: The user pool.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def create_group(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """CreateGroup."""
        groups, name = self._directory.pool.groups, body["GroupName"]
        if name in groups:
            raise ApiError("GroupExistsException", "A group with the name already exists.")
        details = body.get("RoleArn"), body.get("Precedence"), body.get("Description")
        groups[name] = Group(name, *details, created=self._directory.knobs.now())
        return {"Group": self._describe(groups[name])}

    def list_groups(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """ListGroups."""
        return self._page(tuple(self._directory.pool.groups.values()), body)

    def admin_list_groups_for_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminListGroupsForUser."""
        user = self._directory.user(body["Username"])
        return self._page([self._directory.group(name) for name in user.groups], body)

    def admin_add_user_to_group(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminAddUserToGroup; the next tokens of the user name the group."""
        user, group = self._directory.user(body["Username"]), self._directory.group(body["GroupName"])
        if group.name not in user.groups:
            self._directory.change_user(user, groups=(*user.groups, group.name))
        return {}

    def admin_remove_user_from_group(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminRemoveUserFromGroup."""
        user, group = self._directory.user(body["Username"]), self._directory.group(body["GroupName"])
        self._directory.change_user(user, groups=tuple(name for name in user.groups if name != group.name))
        return {}

    def _page(self, groups: Sequence[Group], body: Mapping[str, Any]) -> dict[str, Any]:
        page, following = take_page(groups, body.get("Limit"), body.get("NextToken"))
        return {"Groups": [self._describe(each) for each in page]} | ({"NextToken": following} if following else {})

    def _describe(self, group: Group) -> dict[str, Any]:
        optional = {"Description": group.description, "RoleArn": group.role_arn, "Precedence": group.precedence}
        return {
            "GroupName": group.name,
            "UserPoolId": self._directory.pool.pool_id,
            **{name: value for name, value in optional.items() if value is not None},
            "LastModifiedDate": group.created,
            "CreationDate": group.created,
        }
