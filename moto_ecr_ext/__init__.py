"""A whole Amazon ECR for moto: real layers, true digests, and the registry that docker pushes to.

Importing this changes nothing; `install()` does.
"""

from __future__ import annotations

from ._version import __version__
from .activation import Installation, install, uninstall
from .checks import check, repair
from .moto_api import run_lifecycle

__all__ = [
    "Installation",
    "__version__",
    "check",
    "install",
    "repair",
    "run_lifecycle",
    "uninstall",
]
