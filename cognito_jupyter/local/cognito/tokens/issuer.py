"""The issuers of a user pool: both forms of the URL, in each Region and partition.

Sources: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_IssuerConfigurationType.html;
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-multi-region.html
"""

from __future__ import annotations

import re

from ...model import IssuerType

_HOSTS: dict[IssuerType, str] = {"ORIGINAL": "cognito-idp", "UPDATED": "issuer-cognito-idp"}


def issuer_url(issuer_type: IssuerType, region: str, pool_id: str) -> str:
    """Returns an issuer, as it stands in the `iss` claim.

    Args:
        issuer_type: The form of the URL, one of AWS's.
        region: The Region that it names.
        pool_id: The user pool.
    """
    return f"https://{issuer_host(issuer_type, region)}/{pool_id}"


def issuer_host(issuer_type: IssuerType, region: str) -> str:
    """Returns the host name of an issuer.

    Args:
        issuer_type: The form of the URL, one of AWS's.
        region: The Region that it names.
    """
    return f"{_HOSTS[issuer_type]}.{region}.{dns_suffix(region)}"


def dns_suffix(region: str) -> str:
    """Returns the domain of a Region's services, such as "amazonaws.com" or "amazonaws.eu", by botocore's own data.

    Raises:
        ValueError: No partition has such a Region.
    """
    return _partition(region)[1]


def partition_of(region: str) -> str:
    """Returns the name of a Region's partition, such as "aws" or "aws-eusc", by botocore's own data.

    Raises:
        ValueError: No partition has such a Region.
    """
    return _partition(region)[0]


def _partition(region: str) -> tuple[str, str, str]:
    """Returns the name of a Region's partition, the domain of its services, and that of its dual-stack endpoints."""
    if region == "us-east-1":
        return "aws", "amazonaws.com", "api.aws"
    from botocore.loaders import Loader  # late: a pool in the usual Region needs no list of partitions

    for partition in Loader().load_data("partitions")["partitions"]:
        if region in partition["regions"] or re.search(partition["regionRegex"], region):
            outputs = partition["outputs"]
            return str(partition["id"]), str(outputs["dnsSuffix"]), str(outputs["dualStackDnsSuffix"])
    raise ValueError(f"{region} is not a Region of AWS.")


def host_names(region: str) -> set[str]:
    """Returns the names of AWS's hosts for a Region's user pools and identity pools, FIPS and dual stack included."""
    services = (*_HOSTS.values(), "cognito-idp-fips", "cognito-identity", "cognito-identity-fips")
    return {f"{service}.{region}.{suffix}" for service in services for suffix in _partition(region)[1:]}
