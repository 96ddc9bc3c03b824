"""Starts programs on a simulated system."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cognito_jupyter._util.folders.private import FOLDER_VARIABLE

ROOT = Path(__file__).parents[2]
STARTUP = Path(__file__).with_name("startup")
SYSTEMS = ("windows", "macos")
_UNIX_NAMES = ("LOGNAME", "USER", "LNAME")


@dataclass(frozen=True)
class Simulation:
    """A simulated computer with a user.

    Attributes:
        system: windows or macos.
        folder: Holds everything that the user has.
        without: The effects to leave out; see `tests.systems.shim`.
    """

    system: str
    folder: Path
    without: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """The user's home, with a name as many have: with a space, and a letter that is not ASCII."""
        return self.folder / ("Users" if self.system == "windows" else "home") / "Zoë Smith"

    @property
    def log(self) -> Path:
        """Lists what would go wrong on the system, but cannot be shown here."""
        return self.folder / "log"

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Returns the environment of a program there.

        Args:
            base: Variables that count as well, except for those that say where folders are.
        """
        removed = (*_UNIX_NAMES, "HOME", FOLDER_VARIABLE)
        remaining = {name: value for name, value in base.items() if not name.startswith("XDG_") and name not in removed}
        home = self.home
        environment = {
            **remaining,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(STARTUP), base.get("PYTHONPATH", "")))),
            "SIMULATED_SYSTEM": self.system,
            "SIMULATED_WITHOUT": ",".join(self.without),
            "SIMULATED_LOG": str(self.log),
            "HOME": str(home),
        }
        if self.system == "windows":
            local = home / "AppData" / "Local"
            environment |= {
                "USERPROFILE": str(home),
                "LOCALAPPDATA": str(local),
                "APPDATA": str(home / "AppData" / "Roaming"),
                "ALLUSERSPROFILE": str(self.folder / "ProgramData"),
                "PROGRAMDATA": str(self.folder / "ProgramData"),
                "USERNAME": "Zoë Smith",
                "USERDOMAIN": "OBSERVATORY",
                "SYSTEMROOT": r"C:\Windows",
                "PYTHONIOENCODING": "cp1252",
            }
            temporary = local / "Temp"
        else:
            environment["USER"] = environment["LOGNAME"] = "zoe"
            # As long as there, where the path of a Unix socket in it is nearly too long.
            temporary = self.folder / "var" / "folders" / "zz" / "zyxvpxvq6csfxvn_n0000000000000" / "T"
        for name in ("TMPDIR", "TEMP", "TMP"):
            environment[name] = str(temporary)
        temporary.mkdir(parents=True, exist_ok=True)
        home.mkdir(parents=True, exist_ok=True)
        return environment

    def run(
        self, command: Sequence[str], base: Mapping[str, str] = os.environ, *, code: int | None = 0, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end, with the lines that it prints in the encoding of the system.

        Args:
            command: The program and its arguments.
            base: As in `environment`.
            code: The exit code that it must have; None: any.
            timeout: Seconds that it may last.
        """
        encoding = "cp1252" if self.system == "windows" else "utf-8"
        done = subprocess.run(
            command, env=self.environment(base), capture_output=True, encoding=encoding, check=False, timeout=timeout
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    def logged(self) -> list[str]:
        """Returns the log's lines, each once."""
        return sorted(set(self.log.read_text(encoding="utf-8").splitlines())) if self.log.exists() else []


def all_files(folders: Iterable[Path]) -> list[Path]:
    """Returns the files in folders and below them."""
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
