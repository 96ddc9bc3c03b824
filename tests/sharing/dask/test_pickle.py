"""What a scheduler keeps of the plugin, and what is logged of it where it cannot be read."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from cognito_jupyter.sharing.dask_cluster.shipped_modules import ShippedModules

from ..test_carried import ShippedObject

pytestmark = pytest.mark.long


class Secret(ShippedObject):
    """Arrives as the plugin."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._shipped_modules.reduce_value("sharing.worker", "CredentialsPlugin", {"delivery": "the secret"})


def test_secrets_come_after_the_first_ten_thousand_bytes() -> None:
    """Dask logs so much of what it could not unpickle."""
    from cognito_jupyter.sharing.dask_cluster.push import SHIPPED_MODULES

    assert pickle.dumps(Secret(ShippedModules(SHIPPED_MODULES))).index(b"the secret") > 10_000
