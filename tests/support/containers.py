"""Programs and images for containers, made of files of this machine alone."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
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


def python_tree(directory: Path, *packages: str) -> list[str]:
    """Make a directory that has this machine's Python, at its place, with some packages. Return how it is called.

    Skips the test if a package is not installed here.
    """
    found = [importlib.util.find_spec(name) for name in packages]
    for name, spec in zip(packages, found, strict=True):
        if spec is None or spec.origin is None:
            pytest.skip(f"{name} is not installed (PyPI: pip install awslambdaric)")
    program = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    library = Path(sysconfig.get_path("stdlib"))
    site = directory / "site"
    for spec in found:
        assert spec is not None
        origin = Path(str(spec.origin))
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, site / origin.parent.name, ignore=_IGNORED)
        else:
            shutil.copy(origin, site)
    _copy(program, directory)
    shutil.copytree(library, directory / library.relative_to("/"), ignore=_IGNORED)
    extensions = [*directory.rglob("*.so")]
    for file in {each for path in [program, *extensions] for each in _libraries_of(path)}:
        _copy(file, directory)
    return [str(program), "-c", f"import sys; sys.path[:0] = ['/site', '.']; {_START}"]


_START = "from awslambdaric.__main__ import main; main(['awslambdaric', sys.argv[1]])"
_IGNORED = shutil.ignore_patterns(
    "__pycache__", "test", "tests", "idlelib", "tkinter", "ensurepip", "site-packages", "*.a"
)
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")


def _libraries_of(program: Path) -> list[Path]:
    """Return the shared libraries that a program is linked with, and its loader."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [Path(path) for path in _LIBRARY.findall(said)]


def _copy(file: Path, root: Path) -> None:
    target = root / file.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)
