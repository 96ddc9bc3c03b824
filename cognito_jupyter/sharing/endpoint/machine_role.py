"""Whether a share takes the place of a role that the machine itself has: of a pod, a task, an app or an instance.

`Share` calls it with the environment that it puts aside. It makes no request. Sources:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .environment import FULL_URI

_MACHINES: Mapping[str | None, str] = {
    "169.254.170.23": "this EKS pod",
    "fd00:ec2::23": "this EKS pod",
    "169.254.170.2": "this ECS task",
}
"""By the host at which a container finds the credentials of its role."""
_STUDIO_PREFIX = "SAGEMAKER_"
_EC2_ASSET_TAG = Path("/sys/devices/virtual/dmi/id/board_asset_tag")
"""On an EC2 instance of the Nitro system it holds the instance's id."""


def machine_role(environ: Mapping[str, str], asset_tag: Path = _EC2_ASSET_TAG) -> str | None:
    """Returns whose role AWS SDKs use with an environment, in words that follow "the role of"; None: no machine's.

    Args:
        environ: The environment as it is without a share. SDKs prefer its keys to a role.
        asset_tag: The file that tells an EC2 instance from other machines.
    """
    if environ.get("AWS_ACCESS_KEY_ID"):
        return None
    role_arn = environ.get("AWS_ROLE_ARN")
    if role_arn and environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return f"this EKS pod ({role_arn.rpartition('/')[2]})"
    if environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        in_studio = any(name.startswith(_STUDIO_PREFIX) for name in environ)
        return "this SageMaker app" if in_studio else "this ECS task"
    if uri := environ.get(FULL_URI):
        # Other hosts are a server of another program's, or another notebook's share.
        return _MACHINES.get(_host(uri))
    is_disabled = environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    return "this EC2 instance, if it has one" if not is_disabled and _is_ec2(asset_tag) else None


def _host(uri: str) -> str | None:
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None


def _is_ec2(asset_tag: Path) -> bool:
    try:
        return asset_tag.read_text(encoding="ascii").startswith("i-")
    except (OSError, ValueError):
        return False
