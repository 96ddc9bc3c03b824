"""The tasks that run on Dask's workers, which cannot import this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BUCKET = "cognito-jupyter-demo"
KEY = "stars/measurements.csv"

NO_PACKAGE = '''
"""A worker's preload: this package cannot be imported, as on a machine where it is not installed."""
import sys


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cognito_jupyter":
            raise ModuleNotFoundError(f"No module named {name!r}")


sys.meta_path.insert(0, Blocker())
'''


def read_by_boto3(number: int) -> int:
    """Returns the size of an object, read by a client made for this task."""
    import boto3

    return len(boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())


def read_by_s3fs(number: int) -> int:
    """Returns the size of an object, read by fsspec's cached filesystem, which lives as long as the worker."""
    import s3fs

    filesystem = s3fs.S3FileSystem()
    filesystem.invalidate_cache()
    return len(filesystem.cat_file(f"{BUCKET}/{KEY}"))


def read(number: int) -> tuple[int, int]:
    """Returns the size of the object, read by boto3 and s3fs in turn, and the process that read it."""
    return (read_by_s3fs if number % 2 else read_by_boto3)(number), os.getpid()


def access_key_id() -> str:
    """Returns the access key id with which a boto3 session of this process signs."""
    import boto3

    keys = boto3.Session().get_credentials()
    return str(keys.get_frozen_credentials().access_key) if keys is not None else "none"


def served_key() -> tuple[int, str, str]:
    """Returns this process, the endpoint that its environment names, and the access key id that it serves."""
    import json
    import urllib.request

    url, token = (os.environ[f"AWS_CONTAINER_{name}"] for name in ("CREDENTIALS_FULL_URI", "AUTHORIZATION_TOKEN"))
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": token}), timeout=60) as response:
        return os.getpid(), url, json.load(response)["AccessKeyId"]


def environment() -> dict[str, str]:
    """Returns the environment of this process."""
    return dict(os.environ)


def log_everything(file: str) -> None:
    """Writes the records of all loggers of this process into a file."""
    import logging

    logging.getLogger().addHandler(logging.FileHandler(file))
    logging.getLogger().setLevel(logging.DEBUG)


def remove_log_filters() -> None:
    """Removes the filters of all loggers."""
    import logging

    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).filters.clear()


def package_loaded() -> bool:
    """Whether this package itself has been loaded here."""
    return "cognito_jupyter" in sys.modules


def scheduler_state(dask_scheduler: Any) -> str:
    """Returns the state of a scheduler: itself, its extensions, and the events that clients can read."""
    slots = {name for each in type(dask_scheduler).__mro__ for name in getattr(each, "__slots__", ())}
    in_slots = {name: getattr(dask_scheduler, name, None) for name in slots}
    extensions = [vars(extension) for extension in dask_scheduler.extensions.values()]
    return repr((vars(dask_scheduler), in_slots, extensions, dask_scheduler.get_events()))


def leak_token(token: str, file: str) -> None:
    """Puts a token into every place in a worker where a secret could be."""
    os.environ["GIVEN_AWAY"] = token
    Path(file).write_text(token)
    # It ends when this process does, because then its standard input ends.
    subprocess.Popen([sys.executable, "-c", "input()", token], stdin=subprocess.PIPE)
