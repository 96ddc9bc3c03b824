"""A kernel of its own that shares with a cluster: `python -m tests.sharing.ray_cluster.other_kernel`.

It reads facts as JSON from standard input, because they contain tokens, and writes one line of JSON for each attempt to
share: an error's text, or what a task sees. After the last one it waits for the end of standard input.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.sharing import ray as share_with_ray


def own_hook() -> None:
    """The job's own setup hook, which may take its time in each process that starts."""
    import time

    time.sleep(float(os.environ["START_SECONDS"]))
    os.environ["OWN_HOOK"] = "has run"


def seen_by_task() -> dict[str, Any]:
    """Returns what a task finds in its environment, and the access key with which it signs."""
    import boto3

    keys = boto3.Session().get_credentials()
    names = ("OWN_HOOK", "COLOUR", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    return {name: os.environ.get(name) for name in names} | {"key": keys and keys.get_frozen_credentials().access_key}


def main() -> None:
    """Connects to the cluster, and shares with each sign-in and role in turn."""
    import ray

    facts = json.loads(sys.stdin.readline())
    variables = {"COLOUR": "blue", "START_SECONDS": str(facts["start_seconds"])}
    runtime_env = {"worker_process_setup_hook": own_hook, "env_vars": variables}
    ray.init(address=facts["address"], runtime_env=runtime_env, log_to_driver=False)
    for tokens, role in facts["attempts"]:
        identity_pool_id, user_pool_id, region = facts["pools"]
        manager = CognitoCredentialsManager(identity_pool_id, user_pool_id, region, tokens)
        try:
            share_with_ray(manager, role)
            print(json.dumps(ray.get(ray.remote(seen_by_task).remote(), timeout=60)), flush=True)
        except CognitoError as error:
            print(json.dumps({"error": str(error)}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
