"""Archives of image layouts."""

from __future__ import annotations

import tarfile
from pathlib import Path


def packed(directory: Path, path: Path, mode: str = "w", prefix: str = "") -> Path:
    """A tar archive of what `directory` holds."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for child in sorted(directory.iterdir()):
            archive.add(child, prefix + child.name)
    return path
