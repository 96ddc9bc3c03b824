"""moto's server: IAM, STS and S3 with IAM enforced; `LocalAWS` runs this module in a child process.

It needs a process of its own because importing moto adds handlers to every botocore client in the process. It reads the
identity pool's id from standard input, creates the roles and the bucket, and writes its port to standard output. After
that it replies to each line, a role ARN and a session name as JSON, with credentials for the role, until standard input
ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, cast

from ..model import ACCOUNT, REGION
from .seed import BUCKET, ROLE_PREFIX, demo_objects, role_policies, trust_policy


def main() -> None:
    """Serves until standard input ends."""
    # Replies get a descriptor of their own, so that moto's prints do not mix with them.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    _fill(sys.stdin.readline().strip())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, file=replies)
    for line in sys.stdin:
        print(json.dumps(_assume_role(*json.loads(line))), file=replies)
    os._exit(0)


def _backend(service: str) -> Any:
    from moto.backends import get_backend

    # As Any, since the overloads of get_backend require each service's name as a literal.
    return cast("Any", get_backend)(service)[ACCOUNT]["aws"]


def _fill(identity_pool_id: str) -> None:
    import moto.settings

    iam, s3 = _backend("iam"), _backend("s3")
    for name, policy in role_policies().items():
        role_name = f"{ROLE_PREFIX}{name}"
        iam.create_role(role_name, json.dumps(trust_policy(identity_pool_id)), "/", None, "", {}, "3600")
        iam.put_role_policy(role_name, "data", json.dumps(policy))
    s3.create_bucket(BUCKET, REGION)
    for key, text in demo_objects().items():
        s3.put_object(BUCKET, key, text.encode())
    # Enforces IAM from the first request on.
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0


def _assume_role(role_arn: str, session_name: str) -> dict[str, str]:
    role = _backend("sts").assume_role(
        region_name=REGION,
        role_session_name=session_name,
        role_arn=role_arn,
        policy=None,
        duration=3600,
        external_id=None,
    )
    return {"AccessKeyId": role.access_key_id, "SecretKey": role.secret_access_key, "SessionToken": role.session_token}


if __name__ == "__main__":
    main()
