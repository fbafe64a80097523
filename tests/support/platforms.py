"""Tests that need functions that some platforms lack: each skips with the reason."""

from __future__ import annotations

import os

import pytest

from moto_ecr_ext.platforms.files import POSIX_FILES

needs_shared_directories = pytest.mark.skipif(
    not POSIX_FILES, reason="one process at a time can use a directory here"
)
needs_no_shared_directories = pytest.mark.skipif(
    POSIX_FILES, reason="several processes can use a directory here"
)
needs_named_pipes = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="Python makes no named pipes here"
)
needs_posix = pytest.mark.skipif(
    os.name != "posix", reason="files have no modes here, and scripts are no programs"
)
needs_proc = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="only Linux lists open files in /proc"
)
