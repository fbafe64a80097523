"""The commands of this package, run as separate processes."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import Any

import boto3
import moto.moto_proxy
import requests
from packaging.version import Version
from requests.adapters import HTTPAdapter

# Seconds that a process may take for what it is waited for.
PATIENCE = 60

CLOCK = str(Path(__file__).with_name("clock.py"))
MOTO_CA = str(Path(moto.moto_proxy.__file__).with_name("ca.crt"))
# Its certificate lacked an extension until moto 5.2.6, and Python 3.13 is the first that is strict.
REFUSES_MOTO_CA = sys.version_info >= (3, 13) and Version(moto.__version__) < Version("5.2.6")

LOGIN = re.compile(r"echo (\S+) \| (?:docker|skopeo) login --username AWS --password-stdin (\S+)")


def script(name: str) -> str:
    """The path of an installed command."""
    return str(Path(sysconfig.get_path("scripts"), name))


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without settings of moto, AWS or a proxy, and with `variables`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MOTO_", "AWS_", "TEST_")) and "PROXY" not in name.upper()
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


class Command:
    """A running command, and all that it writes.

    Its clock starts at `clock`, or is the machine's. It runs in `directory`, or in that of this process.
    """

    def __init__(
        self,
        name: str,
        *arguments: str,
        clock: datetime | None = None,
        directory: Path | None = None,
        **variables: str,
    ) -> None:
        launcher = [sys.executable, CLOCK, clock.isoformat()] if clock else []
        self.output = ""
        self._lines: Queue[str | None] = Queue()
        self._process = subprocess.Popen(
            [*launcher, script(name), *arguments],
            cwd=directory,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        """The next match in a line of its output. Fails when it ends, or takes too long, before."""
        deadline = monotonic() + PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=deadline - monotonic())
            except (Empty, ValueError):
                raise AssertionError(
                    f"no {pattern} within {PATIENCE} s in:\n{self.output}"
                ) from None
            if line is None:
                raise AssertionError(f"ended before {pattern}:\n{self.output}")
            self.output += line
            match = re.search(pattern, line)
            if match:
                return match

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        code = self._process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        while True:
            try:
                self.output += self._lines.get_nowait() or ""
            except Empty:
                return code

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; gives its exit code."""
        self._process.send_signal(by)
        return self.wait()

    def kill(self) -> int:
        """End it by SIGKILL; gives its exit code."""
        self._process.kill()
        return self.wait()

    def __enter__(self) -> Command:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(timeout=PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Server:
    """A `moto_ecr_server` that accepts connections, as the line says that it printed."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.password, self.address = command.wait_for(LOGIN).groups()
        self.url = f"http://{self.address}"

    def client(self, service: str = "ecr", region: str = "us-east-1") -> Any:
        """A boto3 client of the server."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def registry(self, method: str, path: str, password: str = "", **options: Any) -> Any:
        """The answer of the registry at /v2/ to one request; with the printed password by default."""
        return requests.request(
            method,
            path if path.startswith("http") else self.url + path,
            auth=("AWS", password or self.password),
            timeout=PATIENCE,
            **options,
        )

    def reset(self) -> None:
        """Empty moto, by its API."""
        requests.post(f"{self.url}/moto-api/reset", timeout=PATIENCE).raise_for_status()


@contextmanager
def running_server(
    *arguments: str, port: int = 0, clock: datetime | None = None, **variables: str
) -> Iterator[Server]:
    """`moto_ecr_server`, on a free port unless one is given, with the machine's clock unless one is given."""
    options = ["--port", str(port), *arguments]
    with Command("moto_ecr_server", *options, clock=clock, directory=None, **variables) as command:
        yield Server(command)


class _TrustsMoto(HTTPAdapter):
    """Trusts moto's certificate authority, which Python may refuse by default: see REFUSES_MOTO_CA."""

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        context = ssl.create_default_context(cafile=MOTO_CA)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return super().proxy_manager_for(proxy, ssl_context=context, **options)


def session_through(proxy_url: str) -> requests.Session:
    """`requests` through moto's proxy."""
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": proxy_url}
    session.verify = MOTO_CA
    session.mount("https://", _TrustsMoto())
    return session
