"""Runs an operation of the API of the user pool: whom it is open to, its parameters, and what it does."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..user_pool import UserPool
from .directory import Directory
from .errors import ApiError, not_here
from .groups import GroupOperations
from .pool_settings import PoolOperations
from .sign_in import SignInOperations
from .users import UserOperations
from .validation import check_parameters

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]
OPERATIONS = (
    "AdminAddUserToGroup", "AdminCreateUser", "AdminDeleteUser", "AdminDisableUser", "AdminEnableUser", "AdminGetUser",
    "AdminInitiateAuth", "AdminListGroupsForUser", "AdminRemoveUserFromGroup", "AdminRespondToAuthChallenge",
    "AdminSetUserPassword", "AdminUpdateUserAttributes", "AdminUserGlobalSignOut", "CreateGroup", "DescribeUserPool",
    "DescribeUserPoolClient", "GetTokensFromRefreshToken", "GetUser", "GlobalSignOut", "InitiateAuth", "ListGroups",
    "ListUserPoolClients", "ListUsers", "RespondToAuthChallenge", "RevokeToken", "UpdateUserPoolClient",
)  # fmt: skip
"""The operations that there are here."""
UNSIGNED_OPERATIONS = frozenset(
    {"GetTokensFromRefreshToken", "GetUser", "GlobalSignOut", "InitiateAuth", "RespondToAuthChallenge", "RevokeToken"}
)
"""Those that a user's program calls without keys. botocore 1.38 takes the first one for another kind by mistake."""
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 .*Credential=[^/\s]+/\d{8}/([^/\s]+)/([^/\s]+)/aws4_request")
_SERVICE = "cognito-idp"


class UserPoolApi:
    """The API of a user pool.

    moto's cognito-idp was looked at: its users, its app clients and its signing key are its own, so a user who is
    disabled there could still sign in at the login page here.

    Args:
        pool: The user pool.
    """

    def __init__(self, pool: UserPool) -> None:
        self._directory = Directory(pool)
        groups = (UserOperations, GroupOperations, PoolOperations, SignInOperations)
        self._groups = [make(self._directory) for make in groups]
        # Each operation reads and changes the pool at once.
        self._lock = threading.Lock()

    def handle_action(
        self, action: str, body: Mapping[str, Any], authorization: str = "", *, from_foreign_page: bool = False
    ) -> tuple[int, dict[str, Any]]:
        """Runs an operation.

        Args:
            action: The operation's name.
            body: Its parameters.
            authorization: The header with the signature.
            from_foreign_page: Whether a page of another site sends it. Such a page may not administer this user pool:
                it would need keys at AWS, and needs none here.

        Returns:
            The HTTP status and the response.
        """
        try:
            operation, run = self._find(action)
            if action not in UNSIGNED_OPERATIONS:
                self._require_administrator(authorization, from_foreign_page=from_foreign_page)
            assert operation.input_shape is not None
            check_parameters(operation.input_shape, body)
            if "UserPoolId" in body:
                self._directory.require_pool(body)
            with self._lock:
                return 200, run(body)
        except ApiError as error:
            return error.status, {"__type": error.error_type, "message": error.message}

    def _find(self, action: str) -> tuple[OperationModel, Operation]:
        if action not in self._model.operation_names:
            raise ApiError("UnknownOperationException", "")
        if action not in OPERATIONS:
            raise not_here(f"operation {action}", ", ".join(OPERATIONS))
        # For administrators and for users alike.
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", action.replace("AdminRespond", "Respond")).lower()
        run: Operation = next(getattr(group, name) for group in self._groups if hasattr(group, name))
        return self._model.operation_model(action), run

    def _require_administrator(self, authorization: str, *, from_foreign_page: bool) -> None:
        """Checks that a request is signed for this service and Region, by whatever keys.

        The signature is not checked: then every test would need keys of an administrator of this server.
        """
        if from_foreign_page:
            message = "A web page of another site may not administer the local Cognito."
            raise ApiError("AccessDeniedException", message)
        found = _CREDENTIAL.match(authorization)
        if found is None:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
        region, service = found.groups()
        if service != _SERVICE:
            raise ApiError(
                "InvalidSignatureException", f"Credential should be scoped to correct service: '{_SERVICE}'."
            )
        if region not in self._directory.pool.regions:
            raise ApiError("InvalidSignatureException", "Credential should be scoped to a valid region.")

    @cached_property
    def _model(self) -> ServiceModel:
        """The model of the API in botocore, which is read at the first request: it is large."""
        # Late too: a Cognito that no boto3 administers needs no botocore.
        from botocore.loaders import Loader
        from botocore.model import ServiceModel

        return ServiceModel(Loader().load_service_model(_SERVICE, "service-2"), _SERVICE)
