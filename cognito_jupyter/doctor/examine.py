"""Makes all checks in order and returns the report.

`cognito-jupyter doctor` and `%cognito_doctor` call it. The requests to one host come one after the other, and a host
that cannot be reached is contacted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .._util.aws_endpoints import service_endpoint
from ..errors import CognitoError, SettingError, UnavailableError
from ..oauth import discovery
from ..oauth.issuer import Issuer, parse_issuer
from ..settings import Settings, parsers
from ..settings.resolve import resolve
from .computer_checks import check_computer
from .identity_pool_checks import IDENTITY_POOL, check_identity_pool
from .network_checks import check_network
from .probe import Probe
from .report import Check, Report, fail
from .settings_checks import check_settings, failed_settings
from .user_pool_checks import USER_POOL, UserPoolChecks

if TYPE_CHECKING:
    from ..settings.trust import ConfirmTrust


def examine(
    overrides: Mapping[str, object],
    *,
    traits: Mapping[str, object] = MappingProxyType({}),
    confirm_trust: ConfirmTrust | None = None,
    further_checks: Callable[[Settings | None], Iterable[Check]] = lambda _: (),
) -> tuple[Report, Settings | None]:
    """Checks a set-up.

    Args:
        overrides: The arguments that are settings, and the profile.
        traits: The values of `c.CognitoMagics`.
        confirm_trust: As for `settings.resolve`.
        further_checks: Makes checks of the front end, from the settings.

    Returns:
        The report; and the settings, or None where they cannot be used.
    """
    return _Examination(overrides, traits, confirm_trust).run(further_checks)


class _Examination:
    """One run of all checks."""

    def __init__(
        self, overrides: Mapping[str, object], traits: Mapping[str, object], confirm_trust: ConfirmTrust | None
    ) -> None:
        self._overrides = overrides
        self._traits = traits
        self._confirm_trust = confirm_trust
        self._probe = Probe()
        self._document: Mapping[str, object] | None = None
        self._document_error: CognitoError | None = None

    def run(self, further_checks: Callable[[Settings | None], Iterable[Check]]) -> tuple[Report, Settings | None]:
        checks: list[Check] = []
        settings: Settings | None = None
        try:
            settings = resolve(
                self._overrides,
                traits=self._traits,
                discover_domain=self._discover_domain,
                confirm_trust=self._confirm_trust,
            )
        except SettingError as error:
            if error is not self._document_error:
                checks += failed_settings(error)
        except UnavailableError as error:
            if error is not self._document_error:
                raise
        if settings is not None:
            checks += check_settings(settings)
            checks += self._check_pools(settings)
        elif self._document_error is not None:
            checks.append(fail(USER_POOL, self._document_error.what, self._document_error.remedy))
        checks += check_network(self._probe)
        checks += check_computer(settings)
        checks += further_checks(settings)
        return Report(tuple(checks), self._probe.sent), settings

    def _check_pools(self, settings: Settings) -> Iterator[Check]:
        pools = settings.configuration
        region = parsers.pool_region(pools.user_pool_id, pools.region)
        if self._document is None:
            try:
                self._fetch_document(pools.user_pool_id, region)
            except CognitoError as error:
                yield fail(USER_POOL, error.what, error.remedy)
        if self._document is not None:
            yield from UserPoolChecks(settings, self._probe).run(self._document)
        issuer = parse_issuer((self._document or {}).get("issuer")) or Issuer(pools.user_pool_id, region)
        try:
            yield from check_identity_pool(settings, issuer, self._probe)
        except CognitoError as error:
            yield fail(IDENTITY_POOL, error.what, error.remedy)

    def _discover_domain(self, user_pool_id: str, region: str) -> str:
        """Finds the domain for the settings, with the request whose document the checks need, too."""
        try:
            return discovery.domain_in(self._fetch_document(user_pool_id, region), user_pool_id)
        except CognitoError as error:
            self._document_error = error
            raise

    def _fetch_document(self, user_pool_id: str, region: str) -> Mapping[str, object]:
        url = discovery.endpoint_override() or service_endpoint("cognito-idp", region)
        with self._probe.contact(url):
            self._document = discovery.fetch_openid_configuration(Issuer(user_pool_id, region), self._probe.transport)
        return self._document
