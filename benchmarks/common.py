"""Code that the benchmarks share: figures of rounds, tables, targets, the machine, and servers in separate processes.

For Linux: it reads /proc.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from processes import MemoryWatch as MemoryWatch
from processes import fields

MIB = 1 << 20
GIB = 1 << 30

REGION = "us-east-1"

# Seconds in which a server must listen, and in which it must end.
_START_LIMIT = 60
_END_LIMIT = 20

# The machine is idle while at most this share of its processors is busy, measured over this many seconds.
_BUSY_SHARE = 0.1
_BUSY_WINDOW = 0.5


class Figures:
    """Figures by measurement and variant, one for each round."""

    def __init__(self) -> None:
        self._rounds: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, what: str, whose: str, figure: float) -> None:
        self._rounds[what, whose].append(figure)

    def median(self, what: str, whose: str) -> float | None:
        """Return the median of the rounds, or None without a measurement."""
        rounds = self._rounds.get((what, whose))
        return statistics.median(rounds) if rounds else None

    def rounds(self, what: str, whose: str) -> list[float]:
        """Return the figures of all rounds, in their order."""
        return list(self._rounds.get((what, whose), []))

    def ratios(self, what: str, whose: str, other: str) -> list[float]:
        """Return the quotients of the figures of `whose` and `other`, for each round that has both."""
        pairs = zip(self.rounds(what, whose), self.rounds(what, other), strict=False)
        return [figure / against for figure, against in pairs if against]

    def ratio(self, what: str, whose: str, other: str) -> float | None:
        """Return the median of the quotients of the figures of `whose` and `other` within each round."""
        return self.ratio_between((what, whose), (what, other))

    def ratio_between(self, of: tuple[str, str], to: tuple[str, str]) -> float | None:
        """Return the ratio of two figures of any kind, as `ratio` does.

        Figures of one round were measured in direct succession. A slower machine in another round does not affect their
        ratio.
        """
        pairs = zip(self._rounds.get(of, []), self._rounds.get(to, []), strict=False)
        ratios = [figure / other for figure, other in pairs if other]
        return statistics.median(ratios) if ratios else None


@dataclass(frozen=True)
class Target:
    """The target of a figure. The figure is None if it was not measured."""

    what: str
    figure: float | None
    relation: Literal["at least", "at most"]
    bound: float

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return "-"
        met = (
            self.figure >= self.bound if self.relation == "at least" else self.figure <= self.bound
        )
        return "pass" if met else "MISS"


def print_targets(targets: Iterable[Target]) -> None:
    """Print for each target if it was met."""
    print_table(
        "Targets",
        ("", "measured", "target", "verdict"),
        [
            (
                target.what,
                number(target.figure),
                f"{target.relation} {number(target.bound)}",
                target.verdict,
            )
            for target in targets
        ],
    )


def number(figure: float | None) -> str:
    """Return a figure with about three significant digits."""
    if figure is None:
        return "-"
    digits = 0 if abs(figure) >= 100 else 1 if abs(figure) >= 10 else 2
    return f"{figure:,.{digits}f}"


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose first column is text and whose other columns are figures.

    Rows without figures are left out, and so is a table without rows.
    """
    measured = [tuple(row) for row in rows if set(row[1:]) - {"-"}]
    if not measured:
        return
    lines = [tuple(head), *measured]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def aligned(line: Sequence[str]) -> str:
        figures = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        return "  ".join([line[0].ljust(widths[0]), *figures]).rstrip()

    rule = "  ".join("-" * width for width in widths)
    print("\n".join(["", title, "", aligned(lines[0]), rule, *map(aligned, lines[1:])]), flush=True)


def argument_parser(description: str | None, rounds: int = 5) -> argparse.ArgumentParser:
    """Return a parser of the benchmarks' common flags. `rounds` is the default number of rounds."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(default_rounds=rounds)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small sizes and one round, as a check of the benchmark; the figures mean nothing",
    )
    parser.add_argument("--rounds", type=int, help=f"number of rounds (default: {rounds})")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="directory for all files during the run (default: %(default)s)",
    )
    parser.add_argument(
        "--patience",
        type=float,
        help="seconds to wait for an idle machine before each start (default: 60)",
    )
    parser.add_argument(
        "--only",
        metavar="TEXT",
        default="",
        help="run only workloads whose names, as printed during a run, contain this text",
    )
    return parser


def parse_arguments(description: str | None) -> argparse.Namespace:
    """Parse the flags of a benchmark that has only the common ones."""
    return completed(argument_parser(description).parse_args())


def completed(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the flags with the defaults that depend on other flags."""
    arguments.rounds = arguments.rounds or (1 if arguments.quick else arguments.default_rounds)
    if arguments.patience is None:
        arguments.patience = 0 if arguments.quick else 60
    return arguments


def machine(directory: Path, packages: Sequence[str], programs: Sequence[str]) -> list[str]:
    """Return lines that name the machine and the measured software."""
    memory = int(fields(Path("/proc/meminfo"))["MemTotal"].split()[0]) * 1024 / GIB
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    processors = len(os.sched_getaffinity(0))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return [
        f"{_processor()}, {processors} processors, {memory:.0f} GiB of memory",
        f"{system}, Linux {platform.release()}; files on {_file_system(directory)}",
        ", ".join([f"Python {platform.python_version()}", *versions]),
        *map(_version_of, programs),
    ]


def print_machine(directory: Path, packages: Sequence[str], programs: Sequence[str]) -> None:
    """Print the machine and the measured software."""
    print("\n".join(machine(directory, packages, programs)))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _file_system(directory: Path) -> str:
    """Return the type of the file system that holds `directory`."""
    path = os.path.realpath(directory)
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    # The last mount comes last, and hides earlier ones at the same place.
    holding = [each for each in mounts if os.path.commonpath([path, each[0]]) == each[0]]
    return max(enumerate(holding), key=lambda each: (len(each[1][0]), each[0]))[1][1]


def _version_of(program: str) -> str:
    if shutil.which(program) is None:
        return f"{program}: not installed"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.strip()


class Rest:
    """A wait for an idle machine before each measurement, of at most `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.starts = 0
        self.disturbed = 0

    def wait(self) -> None:
        """Wait until no data waits to be written to disk, and the processors are idle."""
        if not self._patience:
            return
        os.sync()
        self.starts += 1
        until = time.monotonic() + self._patience
        while _busy_share() > _BUSY_SHARE:
            if time.monotonic() > until:
                self.disturbed += 1
                return

    def print_summary(self) -> None:
        """Print how often the wait failed."""
        if not self._patience:
            print(
                "\nNo measurement waited for an idle machine: do not compare the figures.",
                flush=True,
            )
            return
        print(f"\nThe machine was busy at {self.disturbed} of {self.starts} starts.", flush=True)


def _busy_share() -> float:
    """Return the share of all processors that is busy now, including waits for disks and other machines."""
    before = _processor_times()
    time.sleep(_BUSY_WINDOW)
    passed = [now - then for now, then in zip(_processor_times(), before, strict=True)]
    idle = passed[3]
    return 1 - idle / max(sum(passed), 1)


def _processor_times() -> list[int]:
    # proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are within user.
    with open("/proc/stat") as file:
        return [int(each) for each in file.readline().split()[1:9]]


def environment() -> dict[str, str]:
    """Return the environment without variables that would affect moto, this package and AWS's clients."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MOTO_", "AWS_", "TEST_SERVER_MODE"))
    }


class ServerProcess:
    """A server that runs in a separate process and listens on a port of 127.0.0.1."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.pid = process.pid
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"

    def processor_seconds(self) -> float:
        """Return the seconds of processor time that it has used so far, in user and system mode."""
        # proc(5): the name of the program, in parentheses, is the only field that may have spaces.
        fields = Path("/proc", str(self.pid), "stat").read_text().rpartition(")")[2].split()
        ticks: int = os.sysconf("SC_CLK_TCK")
        return (int(fields[11]) + int(fields[12])) / ticks


@contextmanager
def serving(command: Sequence[str], port: int, log: Path) -> Iterator[ServerProcess]:
    """Run a server until the end of the block. Raises RuntimeError with its log if it does not start."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
    try:
        if not _listens(process, port):
            raise RuntimeError(f"{command[0]} does not listen:\n{log.read_text()}")
        yield ServerProcess(process, port)
    finally:
        process.terminate()
        try:
            process.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Return True once the process listens, and False if it has ended or takes too long."""
    until = time.monotonic() + _START_LIMIT
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            pass
        try:
            process.wait(0.02)
            return False
        except subprocess.TimeoutExpired:
            continue
    return False


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def moto_server_command(port: int) -> list[str]:
    """Return the command of stock moto's server."""
    return [_script("moto_server"), "-H", "127.0.0.1", "-p", str(port)]


def moto_ecr_server_command(port: int, data_dir: Path | None) -> list[str]:
    """Return the command of the extension's server."""
    command = [_script("moto_ecr_server"), "-H", "127.0.0.1", "-p", str(port)]
    return command if data_dir is None else [*command, "--data-dir", str(data_dir)]


def _script(name: str) -> str:
    """Return the path of a command that is installed beside this Python."""
    return os.path.join(sysconfig.get_path("scripts"), name)


def ecr_client(endpoint_url: str | None = None) -> Any:
    """Return a boto3 client of ECR, for a server or for moto's mock."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "ecr",
        region_name=REGION,
        endpoint_url=endpoint_url,
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=600),
    )


@contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """Create a directory in `parent`, which is removed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="moto-ecr-benchmark-", dir=parent) as path:
        yield Path(path)
