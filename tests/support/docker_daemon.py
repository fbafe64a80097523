"""A separate dockerd for the test, for both kinds of image store."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.programs import find, need_root, running_daemon

# By the name that tests have: the driver, and the features that say what kind of driver it is.
STORES: dict[str, tuple[str, dict[str, bool]]] = {
    "graph-driver": ("vfs", {}),
    # Pushes and pulls by containerd's client of registries, and is what Docker 29 starts with.
    "containerd": ("native", {"containerd-snapshotter": True}),
}


@contextmanager
def running_docker(data: Path, store: str = "graph-driver") -> Iterator[str]:
    """The address of a daemon that keeps all it has in `data`, and leaves the network alone.

    A registry on loopback needs no TLS with it.
    """
    find("docker")
    need_root("dockerd")
    driver, features = STORES[store]
    (data / "daemon.json").write_text(json.dumps({"features": features}))
    # The path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dockerd-") as run:
        address = f"unix://{run}/docker.sock"
        daemon = running_daemon(
            *("dockerd", "--config-file", data / "daemon.json", "--storage-driver", driver),
            *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
            *("--data-root", data / "root", "--exec-root", f"{run}/exec"),
            *("--pidfile", f"{run}/pid", "--host", address),
            says="API listen on",
        )
        try:
            with daemon:
                yield address
        finally:
            _unmount(run)


def _unmount(directory: str) -> None:
    """Unmount the network of containers, which the daemon leaves mounted below its `--exec-root`."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for path in (each for each in mounted if each.startswith(f"{directory}/")):
        subprocess.run(["umount", "--lazy", path], check=True)
