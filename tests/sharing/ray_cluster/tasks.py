"""The tasks and actors that run in Ray's worker processes, which cannot import this package."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

BUCKET = "cognito-jupyter-demo"
KEY = "stars/measurements.csv"

NO_PACKAGE = '''
"""A worker's sitecustomize: this package cannot be imported, as on a machine where it is not installed."""
import sys


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cognito_jupyter":
            raise ModuleNotFoundError(f"No module named {name!r}")


sys.meta_path.insert(0, Blocker())
'''


def read_by_boto3() -> int:
    """Returns the size of an object, read by a client made for this task."""
    import boto3

    return len(boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())


def read_by_s3fs() -> int:
    """Returns the size of an object, read by fsspec's cached filesystem, which lives as long as the process."""
    import s3fs

    filesystem = s3fs.S3FileSystem()
    filesystem.invalidate_cache()
    return len(filesystem.cat_file(f"{BUCKET}/{KEY}"))


def read_by_pyarrow() -> int:
    """Returns the size of an object, read by pyarrow's own S3 client."""
    from pyarrow.fs import S3FileSystem

    with S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL_S3"]).open_input_stream(f"{BUCKET}/{KEY}") as file:
        return len(file.read())


def read_by_polars() -> int:
    """Returns the number of rows of an object, read by polars."""
    import polars as pl

    return int(pl.scan_csv(f"s3://{BUCKET}/{KEY}").collect().height)


READERS = (read_by_boto3, read_by_s3fs, read_by_pyarrow, read_by_polars)


def read(number: int) -> tuple[int, int]:
    """Returns the size of the object, read by boto3 and s3fs in turn, and the process that read it."""
    return (read_by_s3fs if number % 2 else read_by_boto3)(), os.getpid()


def access_key_id() -> str:
    """Returns the access key id with which a boto3 session of this process signs."""
    import boto3

    keys = boto3.Session().get_credentials()
    return str(keys.get_frozen_credentials().access_key) if keys is not None else "none"


def environment() -> dict[str, str]:
    """Returns the environment of this process."""
    return dict(os.environ)


def package_loaded() -> bool:
    """Whether this package itself has been loaded here."""
    return "cognito_jupyter" in sys.modules


class Reader:
    """An actor that reads with one client for as long as it lives."""

    def __init__(self) -> None:
        self._client: Any = None

    def read(self) -> int:
        """Returns the size of the object."""
        import boto3

        self._client = self._client or boto3.client("s3")
        return len(self._client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())

    def environment(self) -> dict[str, str]:
        """Returns the environment of its process."""
        return dict(os.environ)

    def pid(self) -> int:
        """Returns its process."""
        return os.getpid()

    def end(self) -> None:
        """Ends its process as a crash would."""
        os.kill(os.getpid(), signal.SIGKILL)


def runtime_env() -> dict[str, Any]:
    """Returns the runtime environment that a task sees."""
    import ray

    return dict(ray.get_runtime_context().runtime_env)


class Leak:
    """An actor that puts a token into every place where a secret could be."""

    def __init__(self, token: str) -> None:
        print(token, flush=True)
        self._token = token

    def child(self, token: str) -> None:
        """Starts a process with the token as an argument, which ends when this one does; and stores the token."""
        import subprocess

        import ray

        self._child = subprocess.Popen([sys.executable, "-c", "input()", token], stdin=subprocess.PIPE)
        ray._private.worker.global_worker.gcs_client.internal_kv_put(b"given away", token.encode(), True, None)

    def runtime_env(self) -> dict[str, Any]:
        """Returns the runtime environment that the actor sees."""
        return runtime_env()


class ManyWorkers:
    """An actor in whose process the receivers of many workers run, beside its own."""

    def start(self, count: int) -> None:
        """Starts more receivers, each of which is a worker of its own for the kernel's actor."""
        import threading

        own: Any = next(each for each in threading.enumerate() if type(each).__name__ == "Receiver")
        self._receivers = [type(own)(own._holder, f"stand-in {number}") for number in range(count)]
        for receiver in self._receivers:
            receiver.start()

    def access_key_id(self) -> str:
        """Returns the access key id with which a boto3 session of the process signs."""
        return access_key_id()
