"""podman and buildah, which keep their images and settings in the same way."""

from __future__ import annotations

from support.programs import Home, Program

# runc, and no raised limits: what is allowed in a container too. podman would log to journald.
_CONTAINERS = """\
[containers]
default_ulimits = []
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


def containers_program(name: str, home: Home) -> Program:
    """podman or buildah, whose settings and storage are in `home`."""
    settings = home.path / "settings"
    settings.mkdir()
    files = {
        "containers.conf": _CONTAINERS,
        # A list of an organisation's own does not matter here.
        "registries.conf": "unqualified-search-registries = []\n",
    }
    for each, text in files.items():
        (settings / each).write_text(text)
    storage = home.path / "storage"
    return home.program(
        name,
        *("--storage-driver", "vfs"),
        *("--root", str(storage / "root"), "--runroot", str(storage / "run")),
        CONTAINERS_CONF=str(settings / "containers.conf"),
        CONTAINERS_REGISTRIES_CONF=str(settings / "registries.conf"),
        REGISTRY_AUTH_FILE=str(home.path / "auth.json"),
    )
