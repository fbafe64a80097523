"""A whole Amazon ECR for moto: real layers, true digests, and the registry that docker pushes to.

Importing this changes nothing; `install()` does.
"""

from __future__ import annotations

from moto_ecr_ext.activation.moto_api import run_lifecycle
from moto_ecr_ext.commands.check import check, repair

from ._version import __version__
from .activation import Installation, install, uninstall

__all__ = [
    "Installation",
    "__version__",
    "check",
    "install",
    "repair",
    "run_lifecycle",
    "uninstall",
]
