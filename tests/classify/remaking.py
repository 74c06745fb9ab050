"""Model files changed after they were written, with every checksum made right again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.model_file import read_model_file, write_model_file


def remake(
    path: Path,
    description: Mapping[str, Any] | None = None,
    members: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a model file anew with parts of its description or members changed; return its path."""
    file = read_model_file(path)
    changed = replace(file.description, **(description or {}))
    write_model_file(path, changed, {**file.members, **(members or {})})
    return path
