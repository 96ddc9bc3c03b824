"""The keys of local Cognitos, which later ones use again once nothing holds the earlier ones."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from cognito_jupyter.local.cognito.tokens.signing import Signer


@contextmanager
def signing_keys_used_again() -> Iterator[None]:
    """Saves the generation of two RSA keys, 0.1 seconds, for most Cognitos; no two that exist have the same keys.

    The ids of the keys are new each time, so that no client finds one Cognito's keys where it looks for another's.
    """
    generate, begin = rsa.generate_private_key, Signer.__init__
    unused: list[rsa.RSAPrivateKey] = []

    def next_key(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        try:
            return unused.pop()
        except IndexError:
            return generate(public_exponent, key_size)

    def begin_and_return_keys(self: Signer) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rsa, "generate_private_key", next_key)
            begin(self)
        weakref.finalize(self, unused.extend, [*self._keys.values()])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Signer, "__init__", begin_and_return_keys)
        yield
