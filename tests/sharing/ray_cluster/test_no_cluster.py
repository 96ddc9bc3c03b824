"""What a kernel without a Ray cluster is told."""

from __future__ import annotations

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SettingError

pytestmark = pytest.mark.long


def test_a_kernel_without_a_cluster_learns_to_connect_first(manager: CognitoCredentialsManager) -> None:
    with pytest.raises(SettingError, match=r"not connected to a Ray cluster. Call ray.init\(\) first."):
        sharing.ray(manager, "Analyst")
