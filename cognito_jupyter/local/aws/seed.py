"""What the local AWS holds at its start: three roles, a bucket, and a small made-up data set."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BUCKET = "cognito-jupyter-demo"
DATA_KEY = "stars/measurements.csv"
ROLE_PREFIX = "cognito-jupyter-"
_READ_ACTIONS = ["s3:ListBucket", "s3:GetObject", "s3:GetBucketLocation"]
_WRITE_ACTIONS = [
    *_READ_ACTIONS, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
]  # fmt: skip


@dataclass(frozen=True)
class Role:
    """An IAM role.

    Attributes:
        permissions: Its permissions policy.
        trust: Its trust policy.
    """

    permissions: Mapping[str, Any]
    trust: Mapping[str, Any]


@dataclass(frozen=True)
class AwsContent:
    """What IAM and S3 hold at the start.

    Attributes:
        region: A Region of their partition, in which the buckets are.
        roles: Roles by name.
        buckets: Objects by key, by the name of their bucket.
    """

    region: str
    roles: Mapping[str, Role]
    buckets: Mapping[str, Mapping[str, bytes]]

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON, with objects in base64."""
        roles = {name: {"permissions": role.permissions, "trust": role.trust} for name, role in self.roles.items()}
        buckets = {
            name: {key: base64.b64encode(data).decode() for key, data in objects.items()}
            for name, objects in self.buckets.items()
        }
        return {"region": self.region, "roles": roles, "buckets": buckets}


def role_policies(partition: str, buckets: Iterable[str] = (BUCKET,)) -> dict[str, dict[str, Any]]:
    """Returns the policy of each role: Analyst reads, Uploader writes too, Admin may do everything.

    Args:
        partition: The partition.
        buckets: The buckets that they may read or write.
    """
    bucket = [f"arn:{partition}:s3:::{name}{objects}" for name in buckets for objects in ("", "/*")]
    allowed = {"Analyst": (_READ_ACTIONS, bucket), "Uploader": (_WRITE_ACTIONS, bucket), "Admin": (["*"], ["*"])}
    return {
        name: {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]}
        for name, (actions, resources) in allowed.items()
    }


def trust_policy(identity_pool_id: str) -> dict[str, Any]:
    """Returns the trust policy of the roles: only signed-in identities of the pool may assume them."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": "cognito-identity.amazonaws.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {"cognito-identity.amazonaws.com:aud": identity_pool_id},
                    "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
                },
            }
        ],
    }


def demo_objects() -> dict[str, str]:
    """Returns the objects by key: brightness measurements of a few variable stars, the same at every start."""
    rng = random.Random(2026)  # noqa: S311 - made-up data
    rows = ["star,day,magnitude,error"]
    for star in range(1, 13):
        mean, swing, period = rng.uniform(8, 14), rng.uniform(0.2, 1.5), rng.uniform(3, 40)
        for day in range(0, 120, 4):
            phase = (day / period) % 1
            magnitude = mean + swing * (4 * abs(phase - 0.5) - 1) + rng.gauss(0, 0.03)
            rows.append(f"CJ-{star:02},{day},{magnitude:.3f},{abs(rng.gauss(0.03, 0.005)):.3f}")
    readme = "Made-up brightness measurements of twelve variable stars: star, day, magnitude, error.\n"
    return {DATA_KEY: "\n".join(rows) + "\n", "stars/README.txt": readme}
