"""Resources of processes, from /proc: memory, descriptors and threads."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path


def fields(path: Path) -> dict[str, str]:
    """Return the `name: value` lines of a file in /proc."""
    lines = path.read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


class MemoryWatch:
    """The peak growth of a process's memory since the watch began, in MiB."""

    def __init__(self, pid: int) -> None:
        self._process = Path("/proc", str(pid))
        self.forget_peak()
        self.idle = self._mib("VmRSS")

    def forget_peak(self) -> None:
        """Measure the peak from now on. The baseline stays."""
        # proc(5): 5 resets the peak to the present resident size.
        (self._process / "clear_refs").write_text("5")

    @property
    def growth(self) -> float:
        return self._mib("VmHWM") - self.idle

    def _mib(self, field: str) -> float:
        return int(fields(self._process / "status")[field].split()[0]) / 1024


@dataclass(frozen=True)
class Sample:
    """The resources of a process: resident memory in MiB, open descriptors and threads."""

    memory: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Sample:
        """Take a sample of a process."""
        process = Path("/proc", str(pid))
        about = fields(process / "status")
        memory = int(about["VmRSS"].split()[0]) / 1024
        return cls(memory, len(os.listdir(process / "fd")), int(about["Threads"]))


class Watch(threading.Thread):
    """Samples of the server, taken in intervals until the watch is stopped."""

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
