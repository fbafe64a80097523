"""`moto_ecr_server`: moto's own server with a whole ECR."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from moto_ecr_ext import settings
from moto_ecr_ext.faults import begin as begin_faults
from moto_ecr_ext.platforms.sockets import send_descriptors
from moto_ecr_ext.process import Process, become
from moto_ecr_ext.seams.installation import uninstall
from moto_ecr_ext.server.accounts import accounts_from_keys
from moto_ecr_ext.server.connections import raise_limit
from moto_ecr_ext.server.moto_server import guard, record_requests, set_limits, when_listening
from moto_ecr_ext.server.workers.pool import Pool, WorkersFailed

from . import backup, check, faults
from .configuration import read_configuration
from .ending import end_by_signals, interruptible, logging_its_end
from .endpoint import Endpoint
from .flags import Command, Limits, places
from .network import log_notices, notices
from .progress import shown
from .start import address_of, introduction, logins
from .tls import Certificates, how_to_trust, open_certificates

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from moto_ecr_ext.models import ECRBackend

_PORT = "MOTO_PORT"
_DESCRIPTION = """\
A local Amazon ECR: moto's server, whose ECR keeps real images and serves the registry that docker
pushes to."""

# Settings with other defaults than in a test process, so that clients can push to the addresses in answers.
DEFAULTS = {"repository_uri": "endpoint"}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the server until it is stopped."""
    with interruptible():
        _run(sys.argv[1:] if argv is None else argv)


def _run(arguments: Sequence[str]) -> None:
    command = Command("moto_ecr_server", _DESCRIPTION, DEFAULTS, settings.OF_WORKERS)
    check.add_flags(command)
    backup.add_flags(command)
    faults.add_flags(command)
    flags, flags_of_moto = command.parse(arguments)
    moto, all_flags = command.moto_module("server", arguments, _PORT)
    command.check_environment()
    if flags.backup:
        sys.exit(backup.run(command, flags))
    if flags.check or flags.repair:
        sys.exit(check.run(command, flags))
    with command.logging(flags), logging_its_end():
        limits, endpoint = read_configuration(command, flags, all_flags)
        of_file = faults.read(command, flags)
        workers = _workers(command, flags, endpoint)
        has_begun: list[bool] = []
        try:
            with shown(not flags.quiet):
                registry = command.open_registry(flags)
            begin_faults(*of_file)
            certificates = open_certificates(command, flags, endpoint, limits.hosts)

            def begin(running: BaseWSGIServer) -> None:
                has_begun.append(True)
                _begin(running, limits, certificates)
                if workers is not None:
                    _begin_workers(command, workers, running, registry)
                if flags.quiet:
                    log_notices(limits)
                else:
                    _announce(running, registry, certificates, notices(limits))

            with (
                accounts_from_keys() if limits.account_from_key else nullcontext(),
                when_listening(begin),
            ):
                of_tls = certificates.arguments if certificates else []
                # moto parses the process's own arguments if it receives none.
                moto.main([*flags_of_moto, *of_tls] or ["--host", "127.0.0.1"])
        except OSError:
            # The certificate and its key were checked, but not the pass phrase, for which OpenSSL asks.
            if has_begun or endpoint.ssl_key is None:
                raise
            command.fail(f"--ssl-key {endpoint.ssl_key} cannot be opened with this pass phrase.")
        finally:
            uninstall()
            become(Process())


def _begin(running: BaseWSGIServer, limits: Limits, certificates: Certificates | None) -> None:
    raise_limit(limits.connections)
    set_limits(running, limits.idle_timeout, limits.connections)
    guard(running, limits.origins, limits.hosts)
    record_requests(running)
    end_by_signals()
    if certificates is not None and running.ssl_context is not None:
        certificates.renew_in(running.ssl_context)
    settings.listen_at(address_of(running))


def _workers(command: Command, flags: Namespace, endpoint: Endpoint) -> Pool | None:
    """Return the workers for the registry, which this process is to have from now on, or None for none beside moto.

    Ends the process if it is not possible.
    """
    count, timeout = command.read_workers(flags)
    if count == 1:
        return None
    if send_descriptors is None:
        command.fail("--workers is not supported on this system.")
    if not any(places(flags).values()):
        command.fail("--workers needs --data-dir, or --database and --blobs.")
    if endpoint.ssl or endpoint.ssl_cert:
        command.fail("--workers cannot be used with TLS.")
    if endpoint.reload:
        command.fail("--workers cannot be used with --reload.")
    pool = Pool(count, timeout, command.read_log(flags))
    become(pool)
    return pool


def _begin_workers(
    command: Command, workers: Pool, running: BaseWSGIServer, registry: ECRBackend
) -> None:
    """Let workers accept the connections of a server."""
    try:
        workers.start(running, registry.store)
    except WorkersFailed as error:
        command.fail(error)


def _announce(
    running: BaseWSGIServer,
    registry: ECRBackend,
    certificates: Certificates | None,
    noticed: Sequence[str],
) -> None:
    address = address_of(running)
    scheme = "http" if running.ssl_context is None else "https"
    url = f"{scheme}://{address}" if address else running.host
    text = introduction("moto_ecr_server", registry, url)
    text += "".join(f"{each}\n" for each in noticed)
    # Clients of registries cannot connect to a path.
    if address is not None:
        if certificates is not None:
            text += how_to_trust(certificates.authority, address)
        text += logins(registry, address, url)
        text += f"\nIn a browser: {url}/moto-api/ecr/\n"
    print(text, flush=True)
