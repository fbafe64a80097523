"""Running a scanner on an image, which it is given as an OCI image layout."""

from __future__ import annotations

import json

# For bandit: the program is the one that a setting names, no argument is a client's, and no shell sees them.
import subprocess  # nosec B404
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from moto_ecr_ext.oci.layout import write_blob, write_index
from moto_ecr_ext.platforms.processes import at_fork, kill_with_children

from . import grype, trivy
from .report import Report

# Seconds. trivy gives up by itself after five minutes.
TIMEOUT = 600
# Characters of the error for a program that fails.
_LONGEST_MESSAGE = 300
# trivy locks its cache, and a second one beside it fails.
_turn = threading.Lock()
# A child of this process has no scanner that runs.
at_fork(after_in_child=lambda: _turn._at_fork_reinit())  # type: ignore[attr-defined]


class ScannerError(Exception):
    """An image could not be scanned; the message says why."""


@dataclass(frozen=True)
class ImageContent:
    """The content of an image: its manifest, and the digests of its configuration and layers."""

    digest: str
    media_type: str
    manifest: bytes
    blobs: Sequence[str]


class Readable(Protocol):
    """The bytes of a blob."""

    def chunks(self) -> Iterator[bytes]: ...


OpenBlob = Callable[[str], AbstractContextManager[Readable]]
"""Opens the blob of a digest. Raises ScannerError when it is missing."""


class _Scanner(Protocol):
    """A module for one kind of scanner."""

    def arguments(self, options: list[str], layout: str) -> list[str]: ...

    def read_report(self, document: Any) -> Report: ...


# By the beginning of the program's name, as the setting `scanner` requires.
_SCANNERS: dict[str, _Scanner] = {"trivy": trivy, "grype": grype}


def examine(command: Sequence[str], image: ImageContent, open_blob: OpenBlob) -> Report:
    """Scan an image, after any scan that is running, and return the report.

    `command` are the words of the setting `scanner`. Raises ScannerError.
    """
    program, *options = command
    name = next(name for name in _SCANNERS if Path(program).name.startswith(name))
    scanner = _SCANNERS[name]
    with tempfile.TemporaryDirectory(prefix="moto_ecr_scan_") as place, _turn:
        layout = Path(place, "image")
        try:
            write_layout(image, open_blob, layout)
        except OSError as error:
            raise ScannerError(f"The image cannot be written: {error.strerror}") from None
        report = Path(place, "report.json")
        _run([program, *scanner.arguments(options, str(layout))], report)
        try:
            return scanner.read_report(json.loads(report.read_bytes()))
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            raise ScannerError(f"{program} printed no JSON report of {name}") from None


def write_layout(image: ImageContent, open_blob: OpenBlob, layout: Path) -> None:
    """Write an OCI image layout of one image, a chunk at a time."""
    for digest in dict.fromkeys(image.blobs):
        with open_blob(digest) as blob:
            write_blob(layout, digest, blob.chunks())
    write_blob(layout, image.digest, [image.manifest])
    size = len(image.manifest)
    write_index(layout, [{"mediaType": image.media_type, "digest": image.digest, "size": size}])


def _run(command: list[str], output: Path) -> None:
    """Run a program, with its output in the file `output` and its messages beside it. Raises ScannerError."""
    # Files and not pipes: a child that outlives the program would keep a pipe open.
    messages = output.with_suffix(".log")
    with output.open("wb") as stdout, messages.open("wb") as stderr:
        try:
            program = subprocess.Popen(  # nosec B603
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise ScannerError(f"{command[0]} cannot be run: {error.strerror}") from None
        try:
            status = program.wait(TIMEOUT)
        except BaseException as error:
            # What the program has started goes with it.
            kill_with_children(program)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            text = f"{command[0]} did not end within {TIMEOUT} seconds"
            raise ScannerError(text) from None
    if status != 0:
        said = messages.read_text("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        text = f"{command[0]} ended with status {status}"
        raise ScannerError(f"{text}: {last}"[:_LONGEST_MESSAGE] if last else text)
