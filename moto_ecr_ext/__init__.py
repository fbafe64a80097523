"""A whole Amazon ECR for moto: stored layers, computed digests, and the registry for docker.

Importing the package changes nothing; `install()` installs it in moto.
"""

from __future__ import annotations

from ._version import NewerBotocoreWarning, __version__
from .seams.installation import Installation, install, uninstall
from .seams.moto_api import run_lifecycle
from .settings.typed import MockConfig, Settings
from .storage.checks import check, repair

__all__ = [
    "Installation",
    "MockConfig",
    "NewerBotocoreWarning",
    "Settings",
    "__version__",
    "check",
    "install",
    "repair",
    "run_lifecycle",
    "uninstall",
]
