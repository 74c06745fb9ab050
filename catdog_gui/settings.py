"""What the window remembers from one time to the next."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from training.files import write_bytes


@dataclass(slots=True)
class Settings:
    """Remembered choices; all are text, and empty where nothing was chosen."""

    photo_folder: str = ""
    """The folder of photos that was opened last."""
    dataset: str = ""
    """The dataset that was opened last."""
    model: str = ""
    """The name of the model that was selected last."""
    geometry: str = ""
    """The window's place and size, as Qt writes them, in Base64."""
    appearance: str = ""
    """`light` or `dark`; the platform's own if empty."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the settings; what is missing or damaged is as if it had never been set."""
        try:
            values = json.loads((folder / "settings.json").read_text("utf-8"))
        except (OSError, ValueError):
            return cls()
        if not isinstance(values, dict):
            return cls()
        known = {field.name for field in fields(cls)}
        kept = {k: v for k, v in values.items() if k in known and isinstance(v, str)}
        return cls(**kept)

    def save(self, folder: Path) -> None:
        """Write the settings.

        Raises:
            OSError: The folder cannot be written to.
        """
        write_bytes(folder / "settings.json", json.dumps(asdict(self), indent=1).encode())
