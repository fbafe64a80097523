"""What processes have in use: memory, descriptors and threads, as /proc says."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path


def fields(path: Path) -> dict[str, str]:
    """The `name: value` lines of a file in /proc."""
    lines = path.read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


class MemoryWatch:
    """How much more memory a process has in use at most than when the watch began, in MiB."""

    def __init__(self, pid: int) -> None:
        self._process = Path("/proc", str(pid))
        self.forget_peak()
        self.idle = self._mib("VmRSS")

    def forget_peak(self) -> None:
        """Look for the peak from now on. What is idle remains what it was."""
        # proc(5): 5 makes the peak what is resident now.
        (self._process / "clear_refs").write_text("5")

    @property
    def growth(self) -> float:
        return self._mib("VmHWM") - self.idle

    def _mib(self, field: str) -> float:
        return int(fields(self._process / "status")[field].split()[0]) / 1024


@dataclass(frozen=True)
class Sample:
    """What a process has in use: resident memory in MiB, open descriptors and threads."""

    memory: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Sample:
        """Look at a process."""
        process = Path("/proc", str(pid))
        about = fields(process / "status")
        memory = int(about["VmRSS"].split()[0]) / 1024
        return cls(memory, len(os.listdir(process / "fd")), int(about["Threads"]))


class Watch(threading.Thread):
    """Looks at the server again and again until it is stopped."""

    def __init__(self, pid: int, every: float) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._every = every
        self._is_over = threading.Event()
        self._began = time.monotonic()
        self.samples: list[tuple[float, Sample]] = []
        self.look()

    def look(self) -> Sample:
        sample = Sample.of(self._pid)
        self.samples.append((time.monotonic() - self._began, sample))
        return sample

    def run(self) -> None:
        while not self._is_over.wait(self._every):
            self.look()

    def stop(self) -> None:
        self._is_over.set()
        self.join()
