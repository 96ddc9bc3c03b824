"""Has the tasks and actors of this kernel run in worker processes that are set up for a share.

A job's setup hook is fixed at `ray.init()`, so that a share that comes later has to add its hook to each task and actor
that the kernel starts, those of Ray's own libraries included; what these start inherits it. `RayPusher` installs the
hook with the first credentials, and removes it at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.runtime_env.setup_hook import upload_worker_process_setup_hook_if_needed
from ray._private.utils import get_runtime_env_info
from ray.actor import ActorClass
from ray.remote_function import RemoteFunction
from ray.runtime_env import RuntimeEnv

from .worker_setup import NAMESPACE

_HOOK_VARIABLE = ray_constants.WORKER_PROCESS_SETUP_HOOK_ENV_VAR


def job_setup_hook() -> str | None:
    """Returns the setup hook that `ray.init()` was called with, as Ray names it; None: it has none."""
    variables = ray.get_runtime_context().runtime_env.get("env_vars") or {}
    return variables.get(_HOOK_VARIABLE)


class TaskDefaults:
    """A setup hook in the runtime environment of each task and actor that this process starts.

    Args:
        setup_hook: The hook, which Ray pickles.
    """

    def __init__(self, setup_hook: Callable[[], None]) -> None:
        hook = {"worker_process_setup_hook": setup_hook}
        self.runtime_env: dict[str, Any] = upload_worker_process_setup_hook_if_needed(
            hook, ray._private.worker.global_worker
        )
        self._originals: tuple[Any, Any] | None = None

    def install(self) -> None:
        """Adds the hook to what is started from now on; a second call does nothing."""
        if self._originals is not None:
            return
        start_task, create_actor = self._originals = RemoteFunction._remote, ActorClass._remote

        def _remote_task(function: Any, *arguments: Any, **options: Any) -> Any:
            options["runtime_env"] = merged = self._merged(options.get("runtime_env"))
            # Ray has serialized the environment before; what it serialized is not the merged one.
            options["serialized_runtime_env_info"] = get_runtime_env_info(
                merged, is_job_runtime_env=False, serialize=True
            )
            return start_task(function, *arguments, **options)

        def _remote_actor(actor_class: Any, *arguments: Any, **options: Any) -> Any:
            if options.get("namespace") != NAMESPACE:
                options["runtime_env"] = self._merged(options.get("runtime_env"))
            return create_actor(actor_class, *arguments, **options)

        RemoteFunction._remote, ActorClass._remote = _remote_task, _remote_actor

    def remove(self) -> None:
        """Starts tasks and actors as before; worker processes that are set up stay so."""
        if self._originals is not None:
            RemoteFunction._remote, ActorClass._remote = self._originals
            self._originals = None

    def _merged(self, runtime_env: Mapping[str, Any] | None) -> Any:
        """Returns a task's runtime environment with the hook, unless it has one of its own."""
        given = dict(runtime_env or {})
        variables = given.get("env_vars") or {}
        if _HOOK_VARIABLE in variables:
            return runtime_env
        return RuntimeEnv(**{**given, **self.runtime_env, "env_vars": {**variables, **self.runtime_env["env_vars"]}})
