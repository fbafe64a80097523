"""Programs and images for containers, made of files of this machine alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import Image, build_image, push

_SOURCE = Path(__file__).with_name("runtime.c")


def compiled_runtime(directory: Path) -> Path:
    """Return a directory with the program of `runtime.c`, which needs no other file. Skips without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler (Debian: apt install gcc libc6-dev)")
    command = [compiler, "-static", "-O1", "-s", "-w", "-o", "runtime", str(_SOURCE)]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return directory


def runtime_image(tree: Path, **config: Any) -> Image:
    """Return an image whose entry point is that program."""
    return build_image(files=tree, config={"Entrypoint": ["/runtime"], "Cmd": ["app"], **config})


def push_image(ecr: Any, name: str, image: Image, tag: str = "1.0") -> str:
    """Create a repository if it is missing, push an image to it, and return the URI of the image by its tag."""
    try:
        repository = ecr.create_repository(repositoryName=name)["repository"]
    except ecr.exceptions.RepositoryAlreadyExistsException:
        repository = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    push(ecr, name, image, tag=tag)
    return f"{repository['repositoryUri']}:{tag}"
