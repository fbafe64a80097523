"""A whole Amazon ECR for moto: real layers, true digests, and the registry that docker pushes to.

Importing this changes nothing; `install()` does.
"""

from __future__ import annotations

from ._version import __version__
from .activation.installation import Installation, install, uninstall
from .activation.moto_api import run_lifecycle
from .commands.check import check, repair
from .settings.typed import MockConfig, Settings

__all__ = [
    "Installation",
    "MockConfig",
    "Settings",
    "__version__",
    "check",
    "install",
    "repair",
    "run_lifecycle",
    "uninstall",
]
