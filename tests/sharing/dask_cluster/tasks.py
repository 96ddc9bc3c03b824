"""What runs on Dask's workers, none of which can import this package."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BUCKET = "cognito-jupyter-demo"
KEY = "stars/measurements.csv"

NO_PACKAGE = '''
"""A worker's preload: this package cannot be imported here, as on a machine that has not got it."""
import sys


class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cognito_jupyter":
            raise ModuleNotFoundError(f"No module named {name!r}")


sys.meta_path.insert(0, Refusal())
'''


def read_by_boto3(number: int) -> int:
    """The size of an object, by a client made for this task."""
    import boto3

    return len(boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())


def read_by_s3fs(number: int) -> int:
    """Likewise; the filesystem is fsspec's cached one, which lives as long as the worker."""
    import s3fs

    filesystem = s3fs.S3FileSystem()
    filesystem.invalidate_cache()
    return len(filesystem.cat_file(f"{BUCKET}/{KEY}"))


def read(number: int) -> tuple[int, int]:
    """The size of the object, by boto3 and s3fs in turn, and the process that read it."""
    return (read_by_s3fs if number % 2 else read_by_boto3)(number), os.getpid()


def access_key_id() -> str:
    """The access key id that a boto3 session of this process would sign with."""
    import boto3

    keys = boto3.Session().get_credentials()
    return str(keys.get_frozen_credentials().access_key) if keys is not None else "nobody"


def environment() -> dict[str, str]:
    """This process's."""
    return dict(os.environ)


def process_id() -> int:
    """This process's."""
    return os.getpid()


def package_loaded() -> bool:
    """Whether this package itself has come here."""
    return "cognito_jupyter" in sys.modules


def scheduler_state(dask_scheduler: Any) -> str:
    """What a scheduler keeps: itself, its extensions, and the events that clients may read."""
    slots = {name for each in type(dask_scheduler).__mro__ for name in getattr(each, "__slots__", ())}
    in_slots = {name: getattr(dask_scheduler, name, None) for name in slots}
    extensions = [vars(extension) for extension in dask_scheduler.extensions.values()]
    return repr((vars(dask_scheduler), in_slots, extensions, dask_scheduler.get_events()))


def leak_token(token: str, file: str) -> None:
    """Puts a token wherever something secret could come to lie in a worker."""
    os.environ["GIVEN_AWAY"] = token
    Path(file).write_text(token)
    # Its standard input ends with this process, and it with that.
    subprocess.Popen([sys.executable, "-c", "input()", token], stdin=subprocess.PIPE)


def pause(seconds: float) -> None:
    """Keeps a worker busy."""
    time.sleep(seconds)
