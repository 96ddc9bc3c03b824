"""Host names of AWS services, in every partition, from botocore's own endpoint rules.

These are the rules that botocore's clients use for each request, so this package and boto3 never disagree about a host.
botocore's older `endpoints.json` (`botocore.regions.EndpointResolver`) is not used: it lacks dual stack in several
partitions. A region that is newer than the installed botocore is taken to be in the partition whose pattern it fits.

botocore is imported late: the imports of this package stay light.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..errors import SettingError

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session


def service_endpoint(service_name: str, region: str) -> str:
    """Returns the URL of a service's public endpoint, without a slash at its end.

    It honours FIPS and dual stack as botocore's clients do (`AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`,
    `use_fips_endpoint` and `use_dualstack_endpoint` in the AWS config file). It ignores `AWS_ENDPOINT_URL`.

    Args:
        service_name: botocore's name of the service, such as "cognito-idp".
        region: The region, such as "us-east-1".

    Raises:
        SettingError: There is no such endpoint, or the AWS config file is malformed.
    """
    from botocore.endpoint_provider import EndpointProvider
    from botocore.exceptions import BotoCoreError
    from botocore.utils import validate_region_name

    session = _session()
    loader: Loader = session.get_component("data_loader")
    try:
        validate_region_name(region)  # the rules would build a host name from any text
        rules = loader.load_service_model(service_name, "endpoint-rule-set-1")
        endpoint = EndpointProvider(rules, loader.load_data("partitions")).resolve_endpoint(
            Region=region,
            UseFIPS=bool(session.get_config_variable("use_fips_endpoint")),
            UseDualStack=bool(session.get_config_variable("use_dualstack_endpoint")),
        )
    except BotoCoreError as error:
        raise SettingError(
            f"AWS has no endpoint of {service_name} in {region}: {error}",
            "Check the region, AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT.",
        ) from error
    return str(endpoint.url).rstrip("/")


def dns_suffix(region: str) -> str:
    """Returns the DNS suffix of a region's partition: "amazonaws.com", "amazonaws.eu", "c2s.ic.gov" or another.

    FIPS and dual stack do not change it: it is the suffix of issuers and of the identity pool's provider names.

    Args:
        region: The region.

    Raises:
        SettingError: The AWS config file is malformed.
    """
    from botocore.endpoint_provider import RuleSetStandardLibrary

    loader: Loader = _session().get_component("data_loader")
    partition = RuleSetStandardLibrary(loader.load_data("partitions")).aws_partition(region)
    return cast("str", partition["dnsSuffix"])


def _session() -> Session:
    """Returns a botocore session, for its configuration and its data files."""
    from botocore.exceptions import BotoCoreError

    from .botocore_session import new_session

    try:
        return new_session(for_clients=False)
    except BotoCoreError as error:
        raise SettingError(
            f"The AWS config file cannot be read: {error}", "Repair the file that AWS_CONFIG_FILE or ~/.aws names."
        ) from error
