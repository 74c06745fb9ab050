"""Where the program keeps its files."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from platformdirs import PlatformDirs


@dataclass(frozen=True, slots=True)
class AppFolders:
    """The folders of one user's CatDog Studio; each is made when something is written to it."""

    models: Path
    """The model library."""
    runs: Path
    settings: Path
    caches: Path
    """Decoded photos and features, which can be made again."""
    logs: Path
    catalog: Path
    """What is known of photos: answers, and the user's corrections."""
    journals: Path
    """What sorting did, so that it can be undone."""

    @classmethod
    def of_this_user(cls) -> Self:
        """Follow the platform, or the environment variable CATDOG_HOME where it is set."""
        home = os.environ.get("CATDOG_HOME")
        if home:
            root = Path(home).absolute()
            names = ("models", "runs", "settings", "caches", "logs", "catalog", "journals")
            return cls(*(root / name for name in names))
        folders = PlatformDirs("CatDog Studio", appauthor=False)
        return cls(
            folders.user_data_path / "models",
            folders.user_data_path / "runs",
            folders.user_config_path,
            folders.user_cache_path,
            folders.user_log_path,
            folders.user_data_path / "catalog",
            folders.user_data_path / "journals",
        )
