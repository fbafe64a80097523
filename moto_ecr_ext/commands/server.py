"""`moto_ecr_server`: moto's own server with a whole ECR."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from moto_ecr_ext import settings
from moto_ecr_ext.activation.accounts import accounts_from_keys
from moto_ecr_ext.activation.connections import raise_limit
from moto_ecr_ext.activation.installation import uninstall
from moto_ecr_ext.activation.server import guard, set_limits, watch, when_listening
from moto_ecr_ext.platforms.sockets import send_descriptors

from . import backup, check
from .ending import end_by_signals, interruptible, logging_its_end
from .endpoint import Endpoint, default_port, read_endpoint
from .flags import Command, Limits, places
from .network import check_network, log_notices, notices
from .progress import shown
from .scanner import check_scanner
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
    command = Command("moto_ecr_server", _DESCRIPTION, DEFAULTS, [settings.WORKERS])
    check.add_flags(command)
    backup.add_flags(command)
    flags, flags_of_moto = command.parse(arguments)
    # moto reads the variable too, and raises an error for an invalid value.
    port = default_port(command, _PORT, 5000)
    moto = command.moto_module("server", arguments, _PORT)
    command.check_environment()
    if flags.backup:
        sys.exit(backup.run(command, flags))
    if flags.check or flags.repair:
        sys.exit(check.run(command, flags))
    with command.logging(flags), logging_its_end():
        limits = command.read_limits(flags)
        endpoint = read_endpoint(command, flags_of_moto, port)
        behaviour = command.behaviour(flags)
        check_network(command, behaviour, limits, endpoint)
        check_scanner(command, behaviour)
        workers = _number_of_workers(command, flags, endpoint)
        has_begun: list[bool] = []
        try:
            with shown(not flags.quiet):
                registry = command.open_registry(flags)
            certificates = open_certificates(command, flags, endpoint, limits.hosts)

            def begin(running: BaseWSGIServer) -> None:
                has_begun.append(True)
                _begin(running, limits, certificates)
                if workers > 1:
                    _begin_workers(command, running, registry, workers, flags)
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


def _begin(running: BaseWSGIServer, limits: Limits, certificates: Certificates | None) -> None:
    raise_limit(limits.connections)
    set_limits(running, limits.idle_timeout, limits.connections)
    guard(running, limits.origins, limits.hosts)
    watch(running)
    end_by_signals()
    if certificates is not None and running.ssl_context is not None:
        certificates.renew_in(running.ssl_context)
    settings.listen_at(address_of(running))


def _number_of_workers(command: Command, flags: Namespace, endpoint: Endpoint) -> int:
    """Return the number of workers for the registry, or 1 for none beside moto.

    Ends the process if it is not possible.
    """
    workers = command.read_workers(flags)
    if workers == 1:
        return workers
    if send_descriptors is None:
        command.fail("--workers is not supported on this system.")
    if not any(places(flags).values()):
        command.fail("--workers needs --data-dir, or --database and --blobs.")
    if endpoint.ssl or endpoint.ssl_cert:
        command.fail("--workers cannot be used with TLS.")
    if endpoint.reload:
        command.fail("--workers cannot be used with --reload.")
    return workers


def _begin_workers(
    command: Command, running: BaseWSGIServer, registry: ECRBackend, count: int, flags: Namespace
) -> None:
    """Let workers accept the connections of a server."""
    from moto_ecr_ext.activation.workers.pool import Pool, WorkersFailed

    try:
        Pool(running, count, registry.store, command.read_log(flags)).start()
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
