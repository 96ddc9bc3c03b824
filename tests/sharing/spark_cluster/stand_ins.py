"""Executors that only receive credentials: an application of two hundred on a machine that cannot run so many JVMs.

Each is registered with the real driver, which sends it what it sends to every executor. It has no cores, so it gets no
tasks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.polling import wait_until

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FIRST_ID = 1000


@contextmanager
def stand_in_executors(session: SparkSession, number: int) -> Iterator[None]:
    """Registers executors, and removes them.

    Args:
        session: A session of the application.
        number: How many.
    """
    context: Any = session.sparkContext
    spark, java_context = context._jvm.org.apache.spark, context._jsc.sc()
    driver = java_context.schedulerBackend().driverEndpoint()
    messages = spark.scheduler.cluster
    # An endpoint of the driver's own, which ignores messages that it does not know.
    rpc = spark.SparkEnv.get().rpcEnv()
    endpoint = rpc.setupEndpointRef(rpc.address(), "OutputCommitCoordinator")
    nothing = spark.api.python.PythonUtils.toScalaMap({})
    before = executor_count(session)
    for each in range(number):
        register = getattr(messages, "CoarseGrainedClusterMessages$RegisterExecutor")
        executor = register(str(_FIRST_ID + each), endpoint, "127.0.0.1", 0, nothing, nothing, nothing, 0)
        boolean = context._jvm.scala.reflect.ClassTag.Boolean()
        getattr(driver, "ask")(executor, boolean)  # noqa: B009 - a name of Spark's that this project does not use
    wait_until(lambda: executor_count(session) == before + number, "The stand-ins were not registered.")
    try:
        yield
    finally:
        reason = getattr(getattr(spark.scheduler, "ExecutorKilled$"), "MODULE$")
        for each in range(number):
            remove = getattr(messages, "CoarseGrainedClusterMessages$RemoveExecutor")
            driver.send(remove(str(_FIRST_ID + each), reason))
        wait_until(lambda: executor_count(session) == before, "The stand-ins were not removed.")


def executor_count(session: SparkSession) -> int:
    """Returns the number of executors that are registered with the driver."""
    context: Any = session.sparkContext
    return int(context._jsc.sc().schedulerBackend().getExecutorIds().size())
