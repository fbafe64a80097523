"""moto's source distribution, which carries its tests; its wheel does not."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def unpack_moto(version: str, directory: Path) -> Path:
    """The folder in `directory` that has moto `version` and its tests.

    It is downloaded if it is not there yet.
    """
    root = directory / f"moto-{version}"
    if not root.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as unfinished:
            with tarfile.open(_download(version, unfinished)) as archive:
                archive.extractall(unfinished, filter="data")
            # Moved only now, so that a folder of this name is complete.
            (Path(unfinished) / root.name).rename(root)
    return root


def _download(version: str, directory: str) -> Path:
    pip = [sys.executable, "-m", "pip", "download", f"--dest={directory}"]
    # pip runs the distribution's own build to learn its metadata: without isolation that takes two
    # seconds and the setuptools that is installed here.
    source_only = ["--no-binary=moto", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *source_only, f"moto=={version}"], check=True)
    return Path(directory) / f"moto-{version}.tar.gz"
