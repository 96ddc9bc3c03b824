"""moto's server: IAM, STS and S3 with IAM enforced; `LocalAWS` runs this module in a child process.

It needs a process of its own because importing moto adds handlers to every botocore client in the process. It reads the
content of `AwsContent`, as JSON, from standard input, creates the roles and the buckets, and writes its port to
standard output. After that it replies to each line, a role ARN, a session name and session tags as JSON, with
credentials for the role, until standard input ends.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import threading
from collections.abc import Mapping
from typing import Any, cast

from ..model import ACCOUNT

_PRINCIPAL_TAG = re.compile(r"\$\{aws:PrincipalTag/([^}]+)\}")


def main() -> None:
    """Serves until standard input ends."""
    # Replies get a descriptor of their own, so that moto's prints do not mix with them.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    content = json.loads(sys.stdin.readline())
    region = content["region"]
    _fill(region, content["roles"], content["buckets"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, file=replies)
    session_tags: dict[str, dict[str, str]] = {}
    _apply_session_tags(session_tags)
    for line in sys.stdin:
        role_arn, session_name, tags = json.loads(line)
        session_tags[session_name] = tags
        print(json.dumps(_assume_role(region, role_arn, session_name)), file=replies)
    os._exit(0)


def _backend(service: str, region: str) -> Any:
    from moto.backends import get_backend
    from moto.utilities.utils import get_partition

    # As Any, since the overloads of get_backend require each service's name as a literal.
    return cast("Any", get_backend)(service)[ACCOUNT][get_partition(region)]


def _fill(region: str, roles: dict[str, Any], buckets: dict[str, dict[str, str]]) -> None:
    import moto.settings
    from moto.iam.access_control import IAMRequestBase
    from moto.s3.responses import ACTION_MAP

    iam, s3 = _backend("iam", region), _backend("s3", region)
    for name, role in roles.items():
        iam.create_role(name, json.dumps(role["trust"]), "/", None, "", {}, "3600")
        iam.put_role_policy(name, "data", json.dumps(role["permissions"]))
    for name, objects in buckets.items():
        s3.create_bucket(name, region)
        for key, data in objects.items():
            s3.put_object(name, key, base64.b64decode(data))
    # The proxy has verified every signature, those too that moto does not know.
    IAMRequestBase.check_signature = lambda self: None  # type: ignore[method-assign]  # noqa: ARG005 - moto's interface
    # HeadBucket is permitted by ListBucket: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    ACTION_MAP["BUCKET"]["HEAD"] = {"DEFAULT": "ListBucket"}
    # Enforces IAM from the first request on.
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0


def _apply_session_tags(session_tags: Mapping[str, Mapping[str, str]]) -> None:
    """Makes moto put session tags in place of `${aws:PrincipalTag/NAME}` in the policies of a role session.

    A tag that is absent or has a wildcard leaves the variable, which matches nothing.

    Args:
        session_tags: The tags by the name of the role session.
    """
    from moto.iam.access_control import AssumedRoleAccessKey

    collect_policies = AssumedRoleAccessKey.collect_policies

    def collect_tagged(key: Any) -> list[str]:
        tags = session_tags.get(key._session_name, {})  # noqa: SLF001 - moto has no other way to the name

        def value_of(match: re.Match[str]) -> str:
            value = tags.get(match[1], "*")
            return match[0] if {"*", "?"} & set(value) else json.dumps(value)[1:-1]

        return [_PRINCIPAL_TAG.sub(value_of, policy) for policy in collect_policies(key)]

    AssumedRoleAccessKey.collect_policies = collect_tagged  # type: ignore[method-assign,assignment]


def _assume_role(region: str, role_arn: str, session_name: str) -> dict[str, str]:
    role = _backend("sts", region).assume_role(
        region_name=region,
        role_session_name=session_name,
        role_arn=role_arn,
        policy=None,
        duration=3600,
        external_id=None,
    )
    return {"AccessKeyId": role.access_key_id, "SecretKey": role.secret_access_key, "SessionToken": role.session_token}


if __name__ == "__main__":
    main()
