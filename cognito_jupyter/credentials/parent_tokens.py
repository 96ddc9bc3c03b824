"""What a forked child asks the process of the sign-in: the newest tokens, without the refresh token.

`UserPoolTokens` uses it on both sides of a `ForkChannel`. A child never spends the refresh token: with rotation it
would sign its parent out, which still has the token that was replaced.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import cast

from .._util.redaction import redacted
from ..errors import CognitoError, RefusedError, SignedOutError, UnavailableError, VerificationError
from ..oauth.tokens import CognitoTokens, Subject, subject_of_token

_ERRORS = {error.__name__: error for error in (SignedOutError, VerificationError, RefusedError, UnavailableError)}


@dataclass(frozen=True)
class TokensRequest:
    """A child's request for newer tokens.

    Attributes:
        subject: The user whose tokens the child has.
        id_token_hash: Which id token it has.
        refresh: Whether they are to be refreshed if there are no newer ones yet.
    """

    subject: Subject
    id_token_hash: str
    refresh: bool

    @classmethod
    def for_newer_than(cls, tokens: CognitoTokens, *, refresh: bool) -> TokensRequest:
        """Makes the request of a child that has these tokens.

        Args:
            tokens: The child's tokens.
            refresh: As the attribute.
        """
        return cls(subject_of_token(tokens["id_token"]), _hash_of(tokens), refresh)

    def is_for_newer_than(self, tokens: CognitoTokens) -> bool:
        """Whether the child has these tokens already."""
        return self.id_token_hash == _hash_of(tokens)

    def encode(self) -> bytes:
        """Returns it as one line."""
        return json.dumps([self.subject.user_pool_id, self.subject.sub, self.id_token_hash, self.refresh]).encode()

    @classmethod
    def decode(cls, line: bytes) -> TokensRequest:
        """Reads a request.

        Raises:
            ValueError: It is none.
        """
        user_pool_id, sub, id_token_hash, refresh = json.loads(line)
        return cls(Subject(user_pool_id, sub), id_token_hash, refresh)


def encode_response(response: CognitoTokens | CognitoError | None) -> bytes:
    """Returns a response to a child as one line.

    Args:
        response: Newer tokens, or the error of the refresh; None: there are none.
    """
    if isinstance(response, CognitoError):
        kind = next((name for name, error in _ERRORS.items() if isinstance(response, error)), "UnavailableError")
        return json.dumps({"error": [kind, response.what, response.remedy, response.retry_after]}).encode()
    tokens = {name: value for name, value in (response or {}).items() if name != "refresh_token"}
    return json.dumps({"tokens": tokens}).encode()


def decode_response(line: bytes, current: CognitoTokens) -> CognitoTokens | None:
    """Reads the response of the process of the sign-in.

    Args:
        line: The response.
        current: The child's tokens.

    Returns:
        Newer tokens; None if there are none.

    Raises:
        CognitoError: That process could not refresh them.
    """
    response = json.loads(line)
    if "error" in response:
        kind, what, remedy, retry_after = response["error"]
        raise _ERRORS[kind](what, remedy, retry_after)
    return redacted(cast("CognitoTokens", {**current, **response["tokens"]})) if response["tokens"] else None


def _hash_of(tokens: CognitoTokens) -> str:
    return hashlib.sha256(tokens["id_token"].encode()).hexdigest()
