"""The version of this package, and the oldest supported versions of Python and moto."""

from __future__ import annotations

import re
import sys

__version__ = "0.1.0"

# setup.cfg has both too. They are checked here in case pip did not check them.
_OLDEST_PYTHON = (3, 10)
_OLDEST_MOTO = (5, 1, 20)


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


class NewerBotocoreWarning(UserWarning):
    """botocore has a member of a request that this version of the package ignores. Each is warned of once."""


if sys.version_info < _OLDEST_PYTHON:
    raise ImportError(
        f"moto_ecr_ext needs Python {_text(_OLDEST_PYTHON)} or later; this is {_text(sys.version_info[:3])}."
    )


def check_moto(version: str) -> None:
    """Raise ImportError for an unsupported, older version of moto."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers and tuple(map(int, numbers.groups())) < _OLDEST_MOTO:
        oldest = _text(_OLDEST_MOTO)
        raise ImportError(
            f"moto_ecr_ext needs moto {oldest} or later; this is {version}. "
            f"Upgrade it with: pip install --upgrade 'moto>={oldest}'"
        )
