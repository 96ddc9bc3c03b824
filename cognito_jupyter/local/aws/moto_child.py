"""moto's server: IAM, STS and S3 with IAM enforced; `LocalAWS` runs this module in a child process.

It needs a process of its own because importing moto adds handlers to every botocore client in the process. It reads one
JSON command a line from standard input, writes one reply a line to standard output, and ends at the end of standard
input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

ACCOUNT = "123456789012"


def main() -> None:
    """Serve until standard input ends."""
    # Replies get a descriptor of their own, so that moto's prints do not mix with them.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.port}), file=replies)
    _run_commands(sys.stdin, replies)


def _run_commands(commands: TextIO, replies: TextIO) -> None:
    for line in commands:
        command = json.loads(line)
        print(json.dumps(_COMMANDS[command.pop("do")](**command)), file=replies)
    os._exit(0)


def _backend(service: str, region: str = "aws") -> Any:
    from moto import backends

    # As Any, since the overloads of get_backend require each service's name as a literal.
    get_backend: Any = backends.get_backend
    return get_backend(service)[ACCOUNT][region]


def _create_role(name: str, policy: dict[str, Any], trust: dict[str, Any]) -> dict[str, str]:
    iam = _backend("iam")
    role = iam.create_role(name, json.dumps(trust), "/", None, "", {}, "3600")
    iam.put_role_policy(name, "data", json.dumps(policy))
    return {"arn": role.arn}


def _create_bucket(name: str, region: str, objects: dict[str, str]) -> dict[str, str]:
    s3 = _backend("s3")
    s3.create_bucket(name, region)
    for key, text in objects.items():
        s3.put_object(name, key, text.encode())
    return {}


def _enforce_iam() -> dict[str, str]:
    import moto.settings

    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
    return {}


def _assume_role(role_arn: str, session_name: str, region: str) -> dict[str, str]:
    role = _backend("sts").assume_role(
        region_name=region,
        role_session_name=session_name,
        role_arn=role_arn,
        policy=None,
        duration=3600,
        external_id=None,
    )
    return {"AccessKeyId": role.access_key_id, "SecretKey": role.secret_access_key, "SessionToken": role.session_token}


_COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "role": _create_role,
    "bucket": _create_bucket,
    "enforce": _enforce_iam,
    "assume": _assume_role,
}


if __name__ == "__main__":
    main()
