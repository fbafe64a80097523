"""Identities that sign, in suites that freeze time."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

FIRST_IN_A_FROZEN_TEST = """
    from moto_ecr_ext.oci.notation import SigningIdentity
    with freeze_time("2020-01-01"):
        SigningIdentity.generate("frozen")
    SigningIdentity.generate("real")
    """
IMPORTED_IN_A_FROZEN_TEST = """
    with freeze_time("2020-01-01"):
        from moto_ecr_ext.oci.notation import SigningIdentity
        SigningIdentity.generate("frozen")
    SigningIdentity.generate("real")
    """


@pytest.mark.parametrize("script", [FIRST_IN_A_FROZEN_TEST, IMPORTED_IN_A_FROZEN_TEST])
def test_an_identity_is_generated_under_a_frozen_clock_and_the_real_one(script: str) -> None:
    """cryptography remembers `datetime.datetime` of its first use in a process, which freezegun replaces."""
    script = "from freezegun import freeze_time\n" + dedent(script)
    subprocess.run([sys.executable, "-c", script], check=True)
