"""The configuration of the hub under test; RunningHub writes its settings into the file that HUB_SETTINGS names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterHub defines it
settings: dict[str, Any] = json.loads(Path(os.environ["HUB_SETTINGS"]).read_text())

c.JupyterHub.bind_url = settings["url"]
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings['hub_port']}"
c.JupyterHub.ssl_cert = settings["certificate"]
c.JupyterHub.ssl_key = settings["key"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings['proxy_api_port']}"
c.ConfigurableHTTPProxy.command = settings["proxy_command"]
c.ConfigurableHTTPProxy.auth_token = settings["token"]

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = set(settings["users"])
c.JupyterHub.services = [{"name": "tests", "api_token": settings["token"]}, *settings.get("services", [])]
c.JupyterHub.load_roles = [
    {"name": "tests", "services": ["tests"], "scopes": ["admin:servers", "access:servers", "read:users"]}
]
c.JupyterHub.allow_named_servers = True

c.JupyterHub.spawner_class = "localprocess" if settings["linux_users"] else "simple"
# Otherwise /tmp/ada, which would stay there, and belong to whichever user of the machine has run the tests first.
c.SimpleLocalProcessSpawner.home_dir_template = str(Path(os.environ["HUB_SETTINGS"]).parent / "homes" / "{username}")
c.Spawner.cmd = [settings["python"], "-m", "jupyterhub.singleuser"]
c.Spawner.args = [
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = c.Spawner.start_timeout = 60
c.Spawner.environment = settings["environment"]


def set_environment_of_server(spawner: Any) -> None:
    """Gives single servers an environment of their own."""
    spawner.environment = {**spawner.environment, **settings["environment_of_server"].get(spawner.name, {})}


c.Spawner.pre_spawn_hook = set_environment_of_server

if settings["hook"]:
    from cognito_jupyter.server_extension import hub

    hub.configure(c)
