"""Images to scan, and programs that scan them."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

from moto_ecr_ext.testing import (
    OCI,
    Image,
    MediaTypes,
    build_image,
)

# What DescribeImageScanFindings says of a scan that has ended well.
COMPLETE = {"status": "COMPLETE", "description": "The scan was completed successfully."}

_PROGRAM = Path(__file__).with_name("scanner_program.py")
_RELEASE = b"ID=debian\nVERSION_ID=12.1\n"
_INSTALLED = {
    "libxml2": "2.9.14+dfsg-1.3~deb12u1",
    "zlib1g": "1:1.2.13.dfsg-1",
    "e2fsprogs": "1.44.1",
    "bash": "5.2.15-2+b2",
}


def scanner(directory: Path, name: str = "trivy", text: str | None = None) -> Path:
    """An executable file of this name: Python of this text, or the scanner of the tests."""
    directory.mkdir(exist_ok=True)
    program = directory / name
    source = _PROGRAM.read_text() if text is None else dedent(text)
    program.write_text(f"#!{sys.executable}\n{source}")
    program.chmod(0o755)
    return program


def debian_image(seed: str = "debian", media_types: MediaTypes = OCI) -> Image:
    """An image with some packages of Debian, four of them with three vulnerabilities, and one of Python with one."""
    status = "\n".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n"
        for name, version in _INSTALLED.items()
    )
    return build_image(
        files=[
            {"etc/os-release": _RELEASE, "var/lib/dpkg/status": status.encode()},
            {
                "app/requests-2.31.0.dist-info/METADATA": b"Name: requests\nVersion: 2.31.0\n",
                "app/seed": seed.encode(),
            },
        ],
        media_types=media_types,
    )
