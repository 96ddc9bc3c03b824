"""Runs a period in another process, and combines the libraries' results with the requests that the proxy has seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from cognito_jupyter._util.folders.private import FOLDER_VARIABLE
from cognito_jupyter.local import LocalCognito

from .period import READY, Task

LIFETIME = 12.0
"""Seconds that credentials live: new ones come four seconds before, which a busy machine may need."""
_ROOT = Path(__file__).parents[3]
_DEVELOPER_PREFIXES = ("AWS_", "COGNITO_", "DUCKDB_")


@dataclass(frozen=True)
class Result:
    """The result of a case.

    Attributes:
        reads: The number of successful reads.
        errors: The errors of the other reads, with the second in which they occurred.
        roles: The roles whose keys signed its requests to S3.
        expiries: How many of its keys had expired before its last successful read began.
        refused: How many of its requests the proxy refused.
    """

    reads: int
    errors: tuple[tuple[float, str], ...]
    roles: frozenset[str | None]
    expiries: int
    refused: int


class Stage:
    """A local Cognito, and each case's copy of the data set.

    Args:
        cognito: The local Cognito.
        places: For each case's name the arguments of its Place.
        home: An empty folder, as the home of programs.
    """

    def __init__(self, cognito: LocalCognito, places: dict[str, dict[str, str]], home: Path) -> None:
        self.cognito = cognito
        self._places = places
        self._home = home

    def run_cases(  # noqa: PLR0913 - all but two are keywords with a default
        self,
        cases: Iterable[str],
        seconds: float,
        *,
        share: Literal["shared", "pasted"] = "shared",
        lifetime: float = LIFETIME,
        hide_profiles: bool = False,
        environment: Mapping[str, str] | None = None,
        when_ready: Callable[[], None] = lambda: None,
    ) -> dict[str, Result]:
        """Has the cases read for some seconds.

        Args:
            cases: Their names.
            seconds: How long to read after all of them have read once.
            share: How the environment gets its credentials.
            lifetime: Seconds that credentials live.
            hide_profiles: Whether the share hides the shared credentials file.
            environment: More variables for the process.
            when_ready: Called when all of them have read once.
        """
        self.cognito.knobs.credentials_seconds = lifetime
        self.cognito.aws.proxy.requests.clear()
        task = Task(list(cases), seconds, share, hide_profiles, self._settings(), self._places)
        last = self._run(json.dumps(asdict(task)), self._environment() | dict(environment or {}), when_ready)
        return {name: self._result(name, outcome) for name, outcome in json.loads(last).items()}

    def _run(self, task: str, environment: Mapping[str, str], when_ready: Callable[[], None]) -> str:
        """Runs a process with a task; returns its last line, because libraries print too."""
        command = [sys.executable, "-W", "ignore", "-m", "tests.sharing.libraries.period"]
        with (
            (self._home / "errors.txt").open("w+") as errors,
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                cwd=_ROOT,
                text=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(task)
            process.stdin.close()
            last = ""
            for line in process.stdout:
                last = line.strip() or last
                if last == READY:
                    when_ready()
            errors.seek(0)
            assert process.wait() == 0, errors.read()[-3000:]
        return last

    def _settings(self) -> dict[str, object]:
        tokens = self.cognito.issue_tokens()
        names = ("domain", "client_id", "redirect_uri", "region", "user_pool_id", "identity_pool_id")
        settings: dict[str, object] = {name: getattr(self.cognito, name) for name in names}
        return settings | {"tokens": {name: tokens[name] for name in ("id_token", "access_token", "refresh_token")}}

    def _environment(self) -> dict[str, str]:
        """The environment without the developer's variables, with the endpoints and object_store's setting for http."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_DEVELOPER_PREFIXES) and not name.upper().endswith("_PROXY")
        }
        files = {name: str(self._home / name.lower()) for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
        own = {
            "HOME": str(self._home),
            FOLDER_VARIABLE: str(self._home),
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return inherited | self.cognito.environment | files | own

    def _result(self, name: str, outcome: dict[str, object]) -> Result:
        folder = f"/{self._places[name]['bucket']}/{self._places[name]['folder']}/"
        # A listing names the folder in its query, which the proxy does not record, so only objects are counted.
        requests = [each for each in self.cognito.aws.proxy.requests if each.path.startswith(folder)]
        keys = {each.access_key_id for each in requests}
        known = [key for key in map(self.cognito.aws.issued_keys.get, keys) if key is not None]
        last = float(str(outcome["last"]))
        errors = outcome["errors"]
        assert isinstance(errors, list)
        return Result(
            reads=int(str(outcome["reads"])),
            errors=tuple((second, text) for second, text in errors),
            roles=frozenset(each.role_arn for each in requests),
            expiries=sum(key.expires <= last for key in known),
            refused=sum(each.status >= 400 for each in requests),
        )
