"""One container of a function. It is started, takes one event at a time, and is removed.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moto_ecr_ext.integrations.docker.daemon import Daemon, answering, remove
from moto_ecr_ext.integrations.docker.errors import ConsumerError
from moto_ecr_ext.integrations.docker.images import stored_image
from moto_ecr_ext.moto_services.containers import ContainerNetwork, container_network
from moto_ecr_ext.oci.configuration import ImageConfig

from .environment import environment_of
from .events import Ending, InvocationEvent, InvocationOutcome, exited, not_launched, timed_out
from .function import FunctionVersion, ImageOverrides
from .log_stream import LogStream, init_report
from .runtime_api import RuntimeApi

if TYPE_CHECKING:
    from docker.models.containers import Container

PURPOSE = "lambda"

# The seconds before a runtime's first event, in addition to the timeout of the function.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
_INIT_LIMIT = 10.0

# The exit statuses of runc and crun for a file that cannot be executed.
_NOT_EXECUTED = (255, 1)

# The seconds to wait for the last output of a container that was removed.
_PATIENCE = 5.0


@dataclass(frozen=True)
class Invocation:
    """The outcome of one event, with the end of its log."""

    outcome: InvocationOutcome
    log: str


class Sandbox:
    """A container of one version of a function. `close` removes it, even if it is busy."""

    def __init__(self, function: FunctionVersion, daemon: Daemon):
        self.function = function
        self._daemon = daemon
        self._log = LogStream(function)
        self._api: RuntimeApi | None = None
        self._container: Container | None = None
        self._ending: Ending | None = None
        self._config: ImageConfig | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._init_duration: float | None = None
        self._lock = threading.Lock()
        self._is_removed = False
        self.idle_since = 0.0

    def start(self) -> None:
        """Start the container. Raises DaemonUnavailable, ImageUnusable and ImageGone, after which nothing is left."""
        function = self.function
        image = stored_image(
            function.image_registry, function.image_name.repository, function.image_digest
        ).for_architecture(self._daemon.architecture)
        config = image.config()
        image_id = self._daemon.load(image, config, function.image_name)
        network = container_network()
        self._api = RuntimeApi(self._daemon.listening_host(network))
        try:
            self._create(image_id, _overridden(config, function.overrides), network)
            self._run()
        except BaseException:
            self.close()
            raise
        if not self.is_alive:
            # It was closed meanwhile, or has ended by itself.
            self.close()

    def _create(self, image_id: str, config: ImageConfig, network: ContainerNetwork) -> None:
        address = f"{network.host}:{self._runtime_api.port}"
        self._config = config
        self._container = self._daemon.create(
            image_id,
            PURPOSE,
            entry_point=config.entry_point,
            # docker ignores the command of the image if an entry point is given.
            command=config.command,
            working_directory=config.working_directory,
            environment=environment_of(self.function, network, address, self._log.name),
            memory=self.function.memory,
            network=network.options,
        )

    @property
    def _runtime_api(self) -> RuntimeApi:
        assert self._api is not None, "the sandbox was not started"
        return self._api

    def _run(self) -> None:
        """Start the container, and follow its output. A container that docker cannot start ends at once."""
        import docker.errors

        container, config = self._container, self._config
        assert container is not None
        assert config is not None
        with answering():
            output = container.attach(stdout=True, stderr=True, stream=True, logs=False)
            self._started_at = time.monotonic()
            try:
                container.start()
            except docker.errors.APIError as error:
                _close(output)
                said = str(error.explanation)
                program = config.entry_point or config.command
                self._end(not_launched(said, program, config.working_directory))
                self._log.write([_launch_line(str(self._ending and self._ending.text), config)])
                return
        self._reader = threading.Thread(
            target=self._follow, args=(container, output), name="moto-ecr-ext log", daemon=True
        )
        self._reader.start()

    def _follow(self, container: Container, output: Any) -> None:
        """Forward the output until the container ends, and note its ending."""
        # A broken stream, for example of a daemon that ends, counts as the end of the container.
        with suppress(Exception):
            for piece in output:
                self._log.write_output(piece)
        _close(output)
        self._log.end_output()
        try:
            with answering():
                container.wait()
                container.reload()
            state = container.attrs["State"]
            self._end(
                self._launch_failure(state["ExitCode"])
                or exited(state["ExitCode"], bool(state.get("OOMKilled")))
            )
        except (ConsumerError, KeyError) as error:
            self._end(Ending("Runtime.ExitError", f"The container was lost: {error}"))

    def _launch_failure(self, status: int) -> Ending | None:
        """Return the ending of a container whose program could not be executed, by its output; otherwise None."""
        said = self._log.last_line
        if status in _NOT_EXECUTED and re.fullmatch(r"exec \S+: [a-z ]+", said):
            config = self._config
            assert config is not None
            program = config.entry_point or config.command
            ending = not_launched(said, program, config.working_directory)
            self._log.write([_launch_line(ending.text, config)])
            return ending
        return None

    def _end(self, ending: Ending) -> None:
        with self._lock:
            self._ending = self._ending or ending
        if self._api is not None:
            self._api.interrupt()

    @property
    def is_alive(self) -> bool:
        """True if the container can take an event."""
        return self._ending is None

    def invoke(self, event: InvocationEvent) -> Invocation:
        """Give the container an event, and wait for its outcome. Remove the container if it can take no other.

        With `event.wants_log`, also wait for its whole output.
        """
        api, timeout = self._runtime_api, self.function.timeout
        is_cold = self._init_duration is None
        is_ready = self._initialize(event) if is_cold else True
        self._log.start(event.request_id)
        begun = time.monotonic()
        if is_ready:
            api.begin(event, timeout)
            api.wait_for_outcome(timeout)
        outcome = api.outcome or (self._ending or timed_out(timeout)).outcome(event.request_id)
        if outcome.is_reusable:
            # On AWS, too, the invocation ends when the runtime asks for the next event.
            api.wait_for_ready(timeout - (time.monotonic() - begun))
        return self._finish(event, outcome, time.monotonic() - begun, is_cold)

    def _initialize(self, event: InvocationEvent) -> bool:
        """Wait for the runtime to ask for its first event. Return True if it did."""
        api, timeout = self._runtime_api, self.function.timeout
        is_ready = api.wait_for_init(_INIT_LIMIT + timeout)
        self._init_duration = time.monotonic() - self._started_at
        if not is_ready:
            outcome = api.outcome or (self._ending or timed_out(timeout)).outcome(event.request_id)
            self._log.write([init_report(self._init_duration, outcome)])
        elif event.wants_log:
            self._log.wait_for_quiet()
        return is_ready

    def _finish(
        self, event: InvocationEvent, outcome: InvocationOutcome, duration: float, is_cold: bool
    ) -> Invocation:
        assert self._container is not None
        memory_used = self._daemon.memory_of(self._container)
        if outcome.is_reusable:
            if event.wants_log:
                self._log.wait_for_quiet()
            self._runtime_api.finish()
        else:
            self.close()
            if self._reader is not None:
                self._reader.join(_PATIENCE)
        if outcome.ending is not None and outcome.ending.status == "error":
            text = f"RequestId: {event.request_id} Error: {outcome.ending.text}"
            self._log.write([text, outcome.ending.error_type])
        init = self._init_duration if is_cold else None
        log = self._log.end(event.request_id, duration, init, memory_used, outcome)
        return Invocation(outcome, log)

    def discard(self) -> None:
        """Remove the container and discard its log: its function was deleted."""
        self._log.mute()
        self.close()

    def close(self) -> None:
        """Remove the container. Its invocation ends at once."""
        self._end(Ending("Runtime.ExitError", "Runtime exited with error: signal: killed"))
        with self._lock:
            container = None if self._is_removed else self._container
            # A sandbox that is closed while it starts has no container yet, and is closed again.
            self._is_removed = self._container is not None
        if container is not None:
            with suppress(Exception):
                remove(self._daemon.client, str(container.id))
        if self._api is not None:
            self._api.close()


def _close(output: Any) -> None:
    """Close the stream of a container's output, and its response, which the docker SDK leaves open."""
    for close in (output.close, output._response.close):
        with suppress(Exception):
            close()


def _overridden(config: ImageConfig, overrides: ImageOverrides) -> ImageConfig:
    """Return a config with the values of ImageConfig."""
    return replace(
        config,
        entry_point=list(overrides.entry_point) or config.entry_point,
        command=list(overrides.command) or config.command,
        working_directory=overrides.working_directory or config.working_directory,
    )


def _launch_line(text: str, config: ImageConfig) -> str:
    fields = [
        f"Launch error: {text}",
        f"Entrypoint: [{' '.join(config.entry_point)}]",
        f"Cmd: [{' '.join(config.command)}]",
        f"WorkingDir: [{config.working_directory}]",
    ]
    return "\t".join(["IMAGE", *fields])
