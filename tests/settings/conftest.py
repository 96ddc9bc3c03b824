"""A folder with a notebook and its cognito.toml, and the user in front of the notebook."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cognito_jupyter.settings import Settings
from cognito_jupyter.settings.resolve import resolve

POOL = "us-east-1:01234567-89ab-cdef-0123-456789abcdef"
COMPLETE = {
    "client_id": "1good",
    "user_pool_id": "us-east-1_Good",
    "identity_pool_id": POOL,
    "domain": "good.example.org",
}
OTHER_UID = 12345


@dataclass
class ProjectFolder:
    """The folder, the settings from elsewhere, and what the user says about the file.

    Attributes:
        folder: Where the notebook is.
        overrides: The arguments; complete at first.
        trusts: What the user says to a prompt; None: no user can be asked.
        discovered_domain: The domain that the user pool's openid-configuration names.
        prompts: The prompts that the user saw.
    """

    folder: Path
    overrides: dict[str, object] = field(default_factory=lambda: dict(COMPLETE))
    trusts: bool | None = None
    discovered_domain: str = "found.example.org"
    prompts: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "cognito.toml"

    def write(self, text: str) -> Path:
        return write_file(self.file, text)

    def resolve(self, profile: str | None = None, **traits: object) -> Settings:
        with contextlib.chdir(self.folder):
            return resolve(
                {"profile": profile, **self.overrides},
                traits=traits,
                environment={},
                discover_domain=lambda *_: self.discovered_domain,
                confirm_trust=None if self.trusts is None else self.confirm,
            )

    def confirm(self, text: str) -> bool:
        self.prompts.append(text)
        return self.trusts is True


def write_file(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o644)
    return path


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    (tmp_path / "work").mkdir()
    return ProjectFolder(tmp_path / "work")
