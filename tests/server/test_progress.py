"""Long work shows its progress: a bar on a terminal, lines with counts elsewhere."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import tarfile
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import create_engine, text

from moto_ecr_ext import testing
from moto_ecr_ext.server.commands import progress as commands_progress
from moto_ecr_ext.storage.progress import ticking, work
from moto_ecr_ext.storage.rows import tables
from support.commands import PATIENCE, environment, running_server, script

# Windows has no such modules.
fcntl = pytest.importorskip("fcntl")
pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

KEPT = Path(__file__).with_name("data_directories")
NEXT_VERSION = str(Path(__file__).parents[1] / "support" / "next_version")
IMAGE = testing.build_image(layers=2, layer_size=5000)
SIZE = sum(blob.size for blob in IMAGE.blobs)
COUNTS = [
    "Database: 1 of 1 databases",
    "Manifests: 1 of 1 manifests",
    f"Layers: {SIZE:,} of {SIZE:,} bytes",
]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data directory of a server that received an image."""
    with running_server("--data-dir", str(tmp_path / "registry")) as server:
        server.client().create_repository(repositoryName="app")
        testing.push(server.client(), "app", IMAGE, tag="1.0")
    return tmp_path / "registry"


def run(
    data_dir: Path,
    *flags: str,
    stderr: int = subprocess.PIPE,
    ends_with: int = 0,
    **variables: str,
) -> str:
    """The standard error of a command that ends with this status, without a terminal."""
    ended = subprocess.run(
        [script("moto_ecr_server"), "--data-dir", str(data_dir), *flags],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == ends_with, ended.stderr
    return ended.stderr or ""


def on_a_terminal(
    data_dir: Path, *flags: str, size: tuple[int, int] = (25, 100), **variables: str
) -> str:
    """The standard error of a successful command, on a terminal of these lines and columns."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    written: list[bytes] = []

    def read() -> None:
        while True:
            try:
                piece = os.read(here, 10_000)
            except OSError:  # Linux's way to say that nobody has the other end any more.
                return
            if not piece:
                return
            written.append(piece)

    reader = Thread(target=read)
    reader.start()
    try:
        run(data_dir, *flags, stderr=there, **variables)
    finally:
        os.close(there)
        reader.join(timeout=PATIENCE)
        os.close(here)
    return b"".join(written).decode()


def test_counts(data_dir: Path) -> None:
    """Each part of a check prints a line on standard error."""
    assert run(data_dir, "--check").splitlines() == COUNTS


def test_repairs(data_dir: Path) -> None:
    """A repair is counted too. The image lacks a layer afterwards, as the exit status shows."""
    next(path for path in (data_dir / "blobs").rglob("*") if path.is_file()).unlink()
    said = run(data_dir, "--repair", ends_with=1)
    assert said.splitlines() == [*COUNTS, "Repairs: 1 of 1 repairs"]


def test_a_bar(data_dir: Path) -> None:
    """A terminal shows a bar for each part, and nothing of it at the end."""
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    drawn = on_a_terminal(data_dir, "--check", TERM="xterm")
    for name, total in (
        ("Database", "0/1"),
        ("Manifests", "0/1"),
        ("Layers", f"{SIZE / 1000:.1f}k"),
    ):
        assert re.search(rf"(?:^|\r){name}: +0%\|.*{re.escape(total)}", drawn), drawn
    assert "Layers: " not in drawn.rpartition("\r")[2]


@pytest.mark.parametrize("size", [(0, 0), (0, 80)])
def test_a_terminal_that_does_not_know_its_size(data_dir: Path, size: tuple[int, int]) -> None:
    """A terminal of unknown size gets lines, since nothing can be drawn on it: a serial console, for example."""
    assert on_a_terminal(data_dir, "--check", size=size).splitlines() == COUNTS


def test_without_tqdm(data_dir: Path, tmp_path: Path) -> None:
    """Without tqdm a terminal gets the lines."""
    (tmp_path / "hidden/tqdm").mkdir(parents=True)
    (tmp_path / "hidden/tqdm/__init__.py").write_text("raise ImportError('hidden')\n")
    written = on_a_terminal(data_dir, "--check", PYTHONPATH=str(tmp_path / "hidden"))
    assert written.splitlines() == COUNTS


@pytest.mark.parametrize("flags", [["--check"], []])
def test_a_migration(tmp_path: Path, flags: list[str]) -> None:
    """A migration is a separate part of the progress, also when a server starts."""
    data_dir = tmp_path / "registry"
    with tarfile.open(KEPT / f"{tables.SCHEMA_VERSION}.tar.gz") as archive:
        archive.extractall(data_dir, filter="data")
    line = f"Migration to version {tables.SCHEMA_VERSION + 1}: 1 of 1 steps"
    if flags:
        assert run(data_dir, *flags, PYTHONPATH=NEXT_VERSION).splitlines()[0] == line
    else:
        with running_server("--data-dir", str(data_dir), PYTHONPATH=NEXT_VERSION) as server:
            pass
        assert server.command.output.splitlines()[0] == line


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds, for the lines."""
    times = [0.0]
    monkeypatch.setattr(commands_progress, "monotonic", lambda: times[0])
    return times


def test_lines_are_written_now_and_then(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one line in ten seconds is written, and one at the end."""
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    with commands_progress.shown(), work("Things", 1000, "things") as running:
        for second in range(25):
            clock[0] = second
            running.advance(40)
    assert written.getvalue().splitlines() == [
        "Things: 440 of 1,000 things",
        "Things: 840 of 1,000 things",
        "Things: 1,000 of 1,000 things",
    ]


def test_work_that_fails_says_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that fails prints its error as the last line."""
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)

    def fail() -> None:
        with commands_progress.shown(), work("Things", 10, "things") as running:
            running.advance()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert written.getvalue() == ""


def test_nobody_looks_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    """A test process prints no progress by default."""
    with work("Things", 10, "things") as running:
        running.advance()
        running.tick()
    assert capfd.readouterr() == ("", "")


def test_one_statement_ticks(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A long statement of SQLite reports progress."""
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    engine = create_engine("sqlite://")
    count = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000) "
        "SELECT count(*) FROM n"
    )
    with (
        commands_progress.shown(),
        engine.connect() as connection,
        work("Statement", 1, "statements") as running,
    ):
        clock[0] = 60
        with ticking(connection, running):
            assert connection.execute(count).scalar() == 500_000
        before = written.getvalue()
        clock[0] = 120
        connection.execute(count)
        assert written.getvalue() == before == "Statement: 0 of 1 statements\n"
    engine.dispose()
