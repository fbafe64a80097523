"""Runs a Python script in a process whose clock is set: `clock.py TIME SCRIPT ARGUMENT...`.

The clock goes on from the time that it is set to, and needs no program but Python's freezegun.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from freezegun import freeze_time

if __name__ == "__main__":
    time, script, *arguments = sys.argv[1:]
    # As Python starts a script: with its folder on the path, and not this one's.
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    # psycopg's C code measures time with the real clock; its Python code has to use the same.
    with freeze_time(time, tick=True, ignore=["psycopg", "psycopg_binary"]):
        runpy.run_path(script, run_name="__main__")
