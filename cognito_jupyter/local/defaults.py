"""What a `LocalCognito` makes up where its caller fixes nothing: ports, a password, roles, groups and a bucket."""

from __future__ import annotations

import errno
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from .aws.seed import BUCKET, ROLE_PREFIX, AwsContent, Role, demo_objects, role_policies, trust_policy
from .cognito.tokens.issuer import partition_of
from .model import ACCOUNT, REGION, Group, User

_PORT_RANGE = range(20_000, 32_768)
"""Below the ports that Linux, macOS and Windows assign to sockets that ask for any port."""
_PASSWORD_WORDS = (
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "hazel", "iris", "jade", "kelp", "lunar",
    "maple", "north", "ocean", "pearl", "quartz", "river", "slate", "tulip", "umber", "violet", "willow", "zephyr",
)  # fmt: skip
_POOL_IDS = {
    "user pool": (r"([a-z0-9-]+)_\w+", "REGION_NAME"),
    "identity pool": (r"([a-z0-9-]+):[\w-]+", "REGION:UUID"),
}


def region_of_pool(kind: str, pool_id: str | None, region: str | None) -> str:
    """Returns the Region of a pool.

    Args:
        kind: "user pool" or "identity pool".
        pool_id: The pool's id, which names its Region; None if it is to be made up.
        region: The Region that was asked for; None: that of the id, or us-east-1.

    Raises:
        ValueError: The id is malformed, or names another Region.
    """
    if pool_id is None:
        return region or REGION
    pattern, form = _POOL_IDS[kind]
    found = re.fullmatch(pattern, pool_id)
    if found is None:
        raise ValueError(f"{pool_id} is not the id of a {kind}. It has the form {form}.")
    if region not in {None, found[1]}:
        raise ValueError(f"The {kind} {pool_id} is in {found[1]}, not in {region}. Leave the Region out.")
    return found[1]


def made_up_user(groups: Sequence[Group]) -> User:
    """Returns the user "demo" with a new password: in the groups Analyst and Uploader, or else in all."""
    names = [group.name for group in groups]
    usual = [name for name in ("Analyst", "Uploader") if name in names]
    password = "-".join(secrets.choice(_PASSWORD_WORDS) for _ in range(4))
    return User("demo", password, "demo@example.org", tuple(usual or names))


def groups_of_roles(roles: Sequence[str] | None, region: str) -> list[Group]:
    """Returns a group for each role, the first with the lowest precedence.

    Args:
        roles: The names of the roles; None: those of `aws_content`.
        region: A Region of the roles' partition.
    """
    arn = f"arn:{partition_of(region)}:iam::{ACCOUNT}:role/"
    if roles is None:
        names = ("Admin", "Analyst", "Uploader")
        return [Group(name, f"{arn}{ROLE_PREFIX}{name}", rank) for rank, name in enumerate(names, 1)]
    return [Group(name, f"{arn}{name}", rank) for rank, name in enumerate(roles, 1)]


def aws_content(
    region: str,
    identity_pool_id: str,
    roles: Mapping[str, Mapping[str, Any]] | None,
    buckets: Mapping[str, Mapping[str, str | bytes]],
    trust_policies: Mapping[str, Mapping[str, Any]],
) -> AwsContent:
    """Returns what IAM and S3 hold at the start.

    Args:
        region: The Region of the buckets.
        identity_pool_id: The identity pool that the roles trust.
        roles: The permissions policy of each role by name; None: those of Analyst, Uploader and Admin.
        buckets: Objects by key, by the name of their bucket.
        trust_policies: Trust policies by role ARN; other roles trust signed-in identities of the pool.
    """
    trusts = {arn.rpartition("/")[2]: policy for arn, policy in trust_policies.items()}
    if roles is None:
        policies = role_policies(partition_of(region), buckets)
        roles = {f"{ROLE_PREFIX}{name}": policy for name, policy in policies.items()}
    trust = trust_policy(identity_pool_id)
    data = {
        name: {key: text.encode() if isinstance(text, str) else text for key, text in objects.items()}
        for name, objects in buckets.items()
    }
    return AwsContent(region, {name: Role(policy, trusts.get(name, trust)) for name, policy in roles.items()}, data)


def demo_buckets() -> dict[str, Mapping[str, str | bytes]]:
    """Returns the bucket of made-up data."""
    return {BUCKET: dict(demo_objects())}


def free_ports(count: int) -> list[int]:
    """Returns ports that are free on both loopback addresses now.

    They are from a range that no system assigns by itself, so that a kernel that starts later does not get one of them
    for a socket of its own.
    """

    def is_in_use(port: int, family: socket.AddressFamily, host: str) -> bool:
        try:
            with socket.socket(family) as probe:
                probe.bind((host, port))
        except OSError as error:
            # Any other error means that the machine has no IPv6.
            return error.errno in {errno.EADDRINUSE, errno.EACCES}
        return False

    loopbacks = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
    ports = secrets.SystemRandom().sample(_PORT_RANGE, len(_PORT_RANGE))
    return list(islice((port for port in ports if not any(is_in_use(port, *each) for each in loopbacks)), count))
