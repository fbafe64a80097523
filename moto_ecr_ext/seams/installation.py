"""Installation of the extension in moto, and its removal."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from moto_ecr_ext import settings
from moto_ecr_ext._version import check_moto

from . import backends, botocore, errors, faults, mock_config, moto_api, requests_clients
from .imports import LateSeams
from .replacing import Unplug
from .rooms import seams_of_rooms

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from moto_ecr_ext.settings.typed import Settings


def _plug_late_seams() -> Unplug:
    """Plug in what waits for a module of moto: the factory of backends, moto's own API, and all rooms."""
    return LateSeams(
        ("moto.ecr.models", backends.plug_factory),
        ("moto.moto_api._internal.urls", moto_api.plug),
        ("moto.moto_api._internal.urls", faults.plug_paths),
        *seams_of_rooms(),
    ).plug()


_SEAMS = (
    backends.plug_urls,
    requests_clients.plug,
    botocore.plug,
    errors.plug,
    mock_config.plug,
    faults.plug,
    _plug_late_seams,
)

# The plugged seams; None while the extension is not installed.
_plugged: ExitStack | None = None


class Installation:
    """The result of `install()`, a context manager: leaving it restores the previous state.

    Leaving the outermost `with` block uninstalls the extension. Leaving a nested one restores the outer settings.
    """

    def __init__(self, before: settings.Installed | None):
        self._before = before

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is None:
            uninstall()
            return
        if settings.store_location() != self._before.location:
            _close_store()
        settings.restore(self._before)
        backends.forget_backends()


def install(
    *,
    data_dir: str | Path | None = None,
    database: str | None = None,
    blobs: str | None = None,
    server_address: str | None = None,
    **behaviour: Unpack[Settings],
) -> Installation:
    """Give moto a whole ECR, until `uninstall()` or the end of a `with` block.

    Without `data_dir`, all state is in memory. With it, all state is kept in that directory, and a reset of moto (the
    start of `mock_aws`, POST /moto-api/reset) empties it: it is meant for a server. `database` is the URL of a database
    for metadata (`postgresql+psycopg://user@host/name`), `blobs` the place of the blobs: `memory:`, a directory or
    `s3://bucket/prefix`. `server_address` is the `host:port` of that server. `behaviour` are settings by name, such as
    `verify_layers=True`; `mock_aws(config={"ecr": {...}})` takes precedence over them.

    Call it before `mock_aws` starts. A second call changes the settings of the first. Raises SettingError for an
    unknown setting or an invalid value, even in the environment, and ImportError if moto is too old.
    """
    global _plugged
    # Importing this package does not import moto.
    import moto

    check_moto(moto.__version__)
    before = settings.installed() if is_installed() else None
    settings.check_environment()
    location = settings.StoreLocation.of(data_dir, database, blobs)
    settings.install(location, server_address, behaviour)
    if _plugged is None:
        with ExitStack() as seams:
            for plug in _SEAMS:
                seams.callback(plug())
            _plugged = seams.pop_all()
    backends.forget_backends()
    return Installation(before)


def uninstall() -> None:
    """Remove the extension: moto's own ECR answers again. State in memory is lost."""
    global _plugged
    if _plugged is not None:
        _plugged.close()
        _plugged = None
    settings.install(settings.StoreLocation(), None, {})
    backends.forget_backends()
    _close_store()


def _close_store() -> None:
    store = sys.modules.get("moto_ecr_ext.storage.store")
    if store is not None:
        store.close_current_store()


def is_installed() -> bool:
    """Return True if the extension is installed."""
    return _plugged is not None
