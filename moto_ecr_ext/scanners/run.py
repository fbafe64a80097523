"""Runs of a scanner on an image, which it reads as an OCI image layout."""

from __future__ import annotations

import json

# For bandit: a setting names the program, its arguments do not come from clients, and it runs without a shell.
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

# Seconds. trivy's own limit is five minutes.
TIMEOUT = 600
# The greatest number of characters in the error of a program that fails.
_LONGEST_MESSAGE = 300
# trivy locks its cache, so a second trivy would fail.
_turn = threading.Lock()
# No scanner runs in a forked child of this process.
at_fork(after_in_child=lambda: _turn._at_fork_reinit())  # type: ignore[attr-defined]


class ScannerError(Exception):
    """The error for an image that could not be scanned. Its message gives the reason."""


@dataclass(frozen=True)
class ImageContent:
    """The content of an image: its manifest, and the digests of its config and layers."""

    digest: str
    media_type: str
    manifest: bytes
    blobs: Sequence[str]


class Readable(Protocol):
    """The bytes of a blob."""

    def chunks(self) -> Iterator[bytes]: ...


OpenBlob = Callable[[str], AbstractContextManager[Readable]]
"""A function that opens the blob of a digest. It raises ScannerError if the blob is missing."""


class _Scanner(Protocol):
    """A module for one kind of scanner."""

    def arguments(self, options: list[str], layout: str) -> list[str]: ...

    def read_report(self, document: Any) -> Report: ...


# The modules by the beginning of the program's name, which the setting `scanner` requires.
_SCANNERS: dict[str, _Scanner] = {"trivy": trivy, "grype": grype}


def examine(command: Sequence[str], image: ImageContent, open_blob: OpenBlob) -> Report:
    """Scan an image and return the report. Scans run one at a time.

    `command` has the words of the setting `scanner`. Raises ScannerError.
    """
    program, *options = command
    name = next(name for name in _SCANNERS if Path(program).name.startswith(name))
    scanner = _SCANNERS[name]
    with tempfile.TemporaryDirectory(prefix="moto_ecr_scan_") as place, _turn:
        layout = Path(place, "image")
        try:
            write_layout(image, open_blob, layout)
        except OSError as error:
            raise ScannerError(f"The image cannot be written: {error.strerror or error}") from None
        report = Path(place, "report.json")
        _run([program, *scanner.arguments(options, str(layout))], report)
        try:
            return scanner.read_report(json.loads(report.read_bytes()))
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            raise ScannerError(f"{program} printed no JSON report of {name}") from None


def write_layout(image: ImageContent, open_blob: OpenBlob, layout: Path) -> None:
    """Write an OCI image layout of one image, in chunks."""
    for digest in dict.fromkeys(image.blobs):
        with open_blob(digest) as blob:
            write_blob(layout, digest, blob.chunks())
    write_blob(layout, image.digest, [image.manifest])
    size = len(image.manifest)
    write_index(layout, [{"mediaType": image.media_type, "digest": image.digest, "size": size}])


def _run(command: list[str], output: Path) -> None:
    """Run a program. Its output goes to the file `output`, its messages to a file beside it. Raises ScannerError."""
    # Files are used instead of pipes, since a child that outlives the program would keep a pipe open.
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
