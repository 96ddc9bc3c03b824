"""When LocalCognito refreshed a sign-in, from what it recorded of the rotation of its refresh tokens."""

from __future__ import annotations

from cognito_jupyter.credentials.role_credentials import REFRESH_JITTER, advisory_margin
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.tokens import CognitoTokens, claims_of


def refresh_times_of(cognito: LocalCognito, first: CognitoTokens) -> list[float]:
    """Returns the times at which the refresh tokens of a sign-in were spent; rotation replaces each when it is spent.

    Args:
        cognito: Rotates refresh tokens, without a grace period.
        first: The tokens of the sign-in, before any refresh.
    """
    issued = cognito.pool.refresh_tokens
    family = issued[first["refresh_token"]].grant.origin_jti
    rotated = [stored.rotated_at for stored in issued.values() if stored.grant.origin_jti == family]
    return sorted(time for time in rotated if time is not None)


def assert_one_refresh_for_each_id_token(cognito: LocalCognito, first: CognitoTokens, requests: int) -> None:
    """Asserts that only one process refreshed a sign-in, once for each id token, and when that was due.

    A second process would present a refresh token that is spent, or refresh an id token that had just been issued.

    Args:
        cognito: Rotates refresh tokens, without a grace period; all id tokens had the lifetime of its knobs.
        first: The tokens of the sign-in, before any refresh.
        requests: How many refreshes were requested.
    """
    times, lifetime = refresh_times_of(cognito, first), cognito.knobs.id_token_seconds
    assert requests == len(times), "A refresh token was presented again."
    # An id token expires in a whole second, so that it may be valid for nearly a second less than its lifetime.
    expiries = [claims_of(first["id_token"])["exp"], *(int(time) + int(lifetime) for time in times)]
    margin = advisory_margin(lifetime) + REFRESH_JITTER * lifetime
    left = [expiry - time for expiry, time in zip(expiries, times, strict=False)]
    assert max(left) <= margin, f"An id token was refreshed too early: {left} seconds were left, {margin} are due."
