"""A whole Amazon ECR for moto: stored layers, computed digests, and the registry for docker.

Importing the package changes nothing; `install()` installs it in moto.
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
