"""What a scheduler keeps of the plugin, and what is logged of it where it cannot be read."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from cognito_jupyter.sharing.carried import Carried

from ..test_carried import Parcel

pytestmark = pytest.mark.long


class Secret(Parcel):
    """Arrives as the plugin."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._carried.pickled("sharing.worker", "CredentialsPlugin", {"delivery": "the secret"})


def test_what_is_secret_comes_after_the_first_ten_thousand_bytes() -> None:
    """Dask logs so much of what it could not unpickle."""
    from cognito_jupyter.sharing.courier import _MODULES

    assert pickle.dumps(Secret(Carried(_MODULES))).index(b"the secret") > 10_000
