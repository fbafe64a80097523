"""Kills a server again and again while clients push, and looks for acknowledged data.

`test_kill.py` does it for some seconds; as a program, run in `tests`, it kills as often as its arguments say:

    python -m support.killing --kills 1000 --seed 7
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import moto_ecr_ext
from support.commands import LOGIN, PATIENCE
from support.constants import SIGNED

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CLIENTS = 4
# Images of a client above which it deletes as often as it pushes: each is compared after each kill.
MANY = 30
# Requests of all clients together until a server is killed, at most.
LIFE = 120
# Seconds from the last of them to the kill, at most: about what a request takes.
DELAY = 0.008


class Lost(AssertionError):
    """Acknowledged data are missing after a restart, or unacknowledged data are present."""


def serve(arguments: Sequence[str], output: Any) -> None:
    """Run `moto_ecr_server` with its output in a pipe and its log nowhere."""
    from moto_ecr_ext.server.commands.server import main

    os.dup2(output.fileno(), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    main(arguments)


# The modules of the server are imported once: what is forked then starts in no time. Not this one: as a program it is
# run again in what is forked, and `runpy` warns if it is imported already.
_SERVERS: Any = multiprocessing.get_context("forkserver")
_SERVERS.set_forkserver_preload(
    [
        "support.commands",
        "moto.server",
        "moto_ecr_ext.server.commands.server",
        "moto_ecr_ext.models",
    ]
)


@dataclass
class Server:
    """A server in a separate process, with the password that it has printed."""

    process: Any
    port: int
    authorization: str


@contextmanager
def running(data_dir: Path) -> Iterator[Server]:
    """A server on a directory, killed when the block is left unless it is dead already."""
    here, there = _SERVERS.Pipe(duplex=False)
    process = _SERVERS.Process(
        target=serve, args=(["--port", "0", "--data-dir", str(data_dir)], there)
    )
    process.start()
    there.close()
    try:
        with os.fdopen(os.dup(here.fileno())) as lines:
            found = next((match for line in lines if (match := LOGIN.search(line))), None)
        if found is None:
            raise Lost("the server does not start again")
        password, address = found.groups()
        credentials = base64.b64encode(f"AWS:{password}".encode()).decode()
        yield Server(process, int(address.rpartition(":")[2]), f"Basic {credentials}")
    finally:
        process.kill()
        process.join(PATIENCE)
        here.close()


def _canonical(policy: str | None) -> str | None:
    """Return a policy in one form: ECR rewrites the text."""
    return None if policy is None else json.dumps(json.loads(policy), sort_keys=True)


@dataclass(frozen=True)
class State:
    """The contents of a repository: images with their blobs, tags, blobs, and its policy."""

    images: dict[str, frozenset[str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blobs: frozenset[str] = frozenset()
    policy: str | None = None

    def with_blob(self, digest: str) -> State:
        return replace(self, blobs=self.blobs | {digest})

    def with_image(self, digest: str, blobs: frozenset[str], tag: str) -> State:
        return replace(self, images={**self.images, digest: blobs}, tags={**self.tags, tag: digest})

    def without_image(self, digest: str) -> State:
        images = {each: blobs for each, blobs in self.images.items() if each != digest}
        tags = {tag: each for tag, each in self.tags.items() if each != digest}
        kept = frozenset[str]().union(*images.values())
        return replace(
            self, images=images, tags=tags, blobs=self.blobs - (self.images[digest] - kept)
        )

    @property
    def image_ids(self) -> set[tuple[str, str | None]]:
        """The image IDs of ListImages."""
        tagged = {(digest, tag) for tag, digest in self.tags.items()}
        return tagged | {
            (digest, None) for digest in self.images if digest not in self.tags.values()
        }


@dataclass
class Upload:
    """An upload session as the client knows it."""

    location: str
    content: bytes
    acknowledged: int = 0
    sent: int = 0


class Client:
    """A client that pushes to its own repository, whose layers others push too."""

    def __init__(self, number: int, seed: int, stop: Callable[[], None]) -> None:
        self.name = f"team/app-{number}"
        self.state = State()
        self.counts: Counter[str] = Counter()
        self.error: BaseException | None = None
        self._after: State | None = None
        self._upload: Upload | None = None
        self._random = random.Random(f"{seed}/{number}")
        self._contents: dict[str, bytes] = {}
        self._stop = stop
        self._connect: Callable[[], HTTPConnection] | None = None
        self._connection: HTTPConnection | None = None
        self._authorization = ""

    def connect(self, server: Server) -> None:
        """Talk to this server from now on."""
        self._connect = lambda: HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self._authorization = server.authorization

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def begin(self) -> None:
        """Create the repository."""
        self._call("CreateRepository")

    def work(self) -> None:
        """Push, change and delete until the server is gone."""
        try:
            while True:
                deletions = 6 if len(self.state.images) > MANY else 1
                self._random.choice(
                    [self._push_image] * 6
                    + [self._leave_upload, self._set_policy]
                    + [self._delete] * deletions
                )()
        except (OSError, HTTPException):
            pass  # It was killed.
        except BaseException as error:
            self.error = error
        finally:
            self.disconnect()

    def verify(self) -> None:
        """Compare the repository with what was answered. Raises Lost."""
        found = self._observe()
        expected = [self.state] if self._after is None else [self.state, self._after]
        for state in expected:
            if found == (state.image_ids, state.blobs, state.policy):
                self.state, self._after = state, None
                break
        else:
            raise Lost(f"{self.name} has {found}, and should have one of {expected}")
        for tag, digest in self.state.tags.items():
            if self._ask("GET", f"/v2/{self.name}/manifests/{tag}", 200) != self._contents[digest]:
                raise Lost(f"tag {tag} of {self.name} has another manifest")
        for digest in self.state.images:
            self._ask("GET", f"/v2/{self.name}/manifests/{digest}", 200)
        for digest in self.state.blobs:
            if self._ask("GET", f"/v2/{self.name}/blobs/{digest}", 200) != self._contents[digest]:
                raise Lost(f"blob {digest} of {self.name} has other bytes")
        self._resume()

    def _observe(self) -> tuple[set[tuple[str, str | None]], frozenset[str], str | None]:
        listed = [image_id for page in self._pages() for image_id in page]
        known = sorted(self._contents)
        held: set[str] = set()
        for start in range(0, len(known), 100):
            layers = self._call(
                "BatchCheckLayerAvailability", layerDigests=known[start : start + 100]
            )["layers"]
            held |= {
                layer["layerDigest"]
                for layer in layers
                if layer["layerAvailability"] == "AVAILABLE"
            }
        policy = _canonical(
            self._call("GetRepositoryPolicy", expected=(200, 400)).get("policyText")
        )
        return (
            {(each["imageDigest"], each.get("imageTag")) for each in listed},
            frozenset(held),
            policy,
        )

    def _pages(self) -> Iterator[list[dict[str, str]]]:
        """The pages of ListImages."""
        going_on: dict[str, str] = {}
        while True:
            page = self._call("ListImages", (200,), maxResults=1000, **going_on)
            yield page["imageIds"]
            if page.get("nextToken") is None:
                return
            going_on = {"nextToken": page["nextToken"]}

    def _resume(self) -> None:
        """Continue an unfinished upload. Acknowledged bytes must exist."""
        upload, self._upload = self._upload, None
        if upload is None:
            return
        digest = self._remember(upload.content)
        status, headers, _ = self._send("GET", upload.location)
        if status == 404:
            if digest not in self.state.blobs:
                raise Lost(f"upload {upload.location}, of which {upload} was acknowledged")
            return
        last = int(headers["range"].partition("-")[2])
        received = last + 1 if last else 0
        if status != 204 or not upload.acknowledged <= received <= upload.sent:
            raise Lost(f"upload {upload} has {received} bytes ({status})")
        self._ask("PUT", f"{upload.location}?digest={digest}", 201, upload.content[received:])
        self.state = self.state.with_blob(digest)
        self.counts["uploads resumed"] += 1

    def _push_image(self) -> None:
        # Few different layers, so that clients push and free the same at the same time.
        layers = [
            self._push_blob(random.Random(self._random.randrange(12)).randbytes(40_000))
            for _ in range(self._random.randint(1, 2))
        ]
        config = self._push_blob(self._random.randbytes(300))
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._descriptor(config),
                "layers": [self._descriptor(layer) for layer in layers],
            }
        )
        digest = self._remember(manifest.encode())
        tag = f"v{self._random.randrange(6)}"
        self._after = self.state.with_image(digest, frozenset([config, *layers]), tag)
        if self._random.random() < 0.5:
            self._call("PutImage", imageManifest=manifest, imageTag=tag)
        else:
            self._ask("PUT", f"/v2/{self.name}/manifests/{tag}", 201, manifest.encode())
        self._done("images acknowledged")

    def _push_blob(self, content: bytes) -> str:
        digest = self._remember(content)
        self._after = self.state.with_blob(digest)
        self._random.choice([self._push_at_once, self._push_in_chunks, self._push_by_the_api])(
            content, digest
        )
        self._upload = None
        self._done("blobs acknowledged")
        return digest

    def _push_at_once(self, content: bytes, digest: str) -> None:
        self._ask("POST", f"/v2/{self.name}/blobs/uploads/?digest={digest}", 201, content)

    def _push_in_chunks(self, content: bytes, digest: str) -> None:
        upload = self._start(content)
        half = self._append(upload, len(content) // 2)
        self._ask("PUT", f"{upload.location}?digest={digest}", 201, content[half:])

    def _push_by_the_api(self, content: bytes, digest: str) -> None:
        upload = self._call("InitiateLayerUpload")["uploadId"]
        self._call(
            "UploadLayerPart",
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(content) - 1,
            layerPartBlob=base64.b64encode(content).decode(),
        )
        # 400: the repository has it already.
        self._call(
            "CompleteLayerUpload", expected=(200, 400), uploadId=upload, layerDigests=[digest]
        )

    def _leave_upload(self) -> None:
        """Begin an upload, and go on with it after other things."""
        upload = self._start(self._random.randbytes(5000))
        self._append(upload, 2000)
        self._set_policy()
        self._append(upload, 4000)
        digest = self._remember(upload.content)
        self._after = self.state.with_blob(digest)
        self._ask("PUT", f"{upload.location}?digest={digest}", 201, upload.content[4000:])
        self._upload = None
        self._done("blobs acknowledged")

    def _start(self, content: bytes) -> Upload:
        status, headers, body = self._send("POST", f"/v2/{self.name}/blobs/uploads/")
        if status != 202:
            raise Lost(f"POST: {status} {body!r}")
        self._upload = Upload(headers["location"].partition("/v2/")[2], content)
        self._upload.location = f"/v2/{self._upload.location}"
        return self._upload

    def _append(self, upload: Upload, stop: int) -> int:
        upload.sent = stop
        content = upload.content[upload.acknowledged : stop]
        self._ask("PATCH", upload.location, 202, content)
        upload.acknowledged = stop
        return stop

    def _set_policy(self) -> None:
        text = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": f"s{self._random.randrange(10**6)}",
                        "Effect": "Allow",
                        "Principal": "*",
                        "Action": "ecr:BatchGetImage",
                    }
                ],
            }
        )
        self._after = replace(self.state, policy=_canonical(text))
        answer = self._call("SetRepositoryPolicy", policyText=text)
        self._after = replace(self.state, policy=_canonical(answer["policyText"]))
        self._done("settings acknowledged")

    def _delete(self) -> None:
        if len(self.state.images) < 3:
            return
        digest = self._random.choice(sorted(self.state.images))
        self._after = self.state.without_image(digest)
        if self._random.random() < 0.5:
            self._call("BatchDeleteImage", imageIds=[{"imageDigest": digest}])
        else:
            self._ask("DELETE", f"/v2/{self.name}/manifests/{digest}", 202)
        self._done("deletions acknowledged")

    def _done(self, what: str) -> None:
        assert self._after is not None
        self.state, self._after = self._after, None
        self.counts[what] += 1

    def _remember(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._contents[digest] = content
        return digest

    def _descriptor(self, digest: str) -> dict[str, object]:
        return {
            "mediaType": "application/octet-stream",
            "digest": digest,
            "size": len(self._contents[digest]),
        }

    def _call(
        self, operation: str, expected: Sequence[int] = (200,), **parameters: object
    ) -> dict[str, Any]:
        """The answer to a call of the API about the repository."""
        headers = {
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": SIGNED,
        }
        content = json.dumps({"repositoryName": self.name, **parameters}).encode()
        status, _, body = self._send("POST", "/", content, headers)
        if status not in expected:
            raise Lost(f"{operation} of {self.name}: {status} {body!r}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def _ask(self, method: str, path: str, expected: int, content: bytes = b"") -> bytes:
        """The body of the registry's answer."""
        status, _, body = self._send(method, path, content)
        if status != expected:
            raise Lost(f"{method} {path}: {status} {body!r}")
        return body

    def _send(
        self, method: str, path: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        self._stop()
        assert self._connect is not None
        if self._connection is None:
            self._connection = self._connect()
        if headers is None:
            headers = {"Authorization": self._authorization, "Content-Type": MANIFEST}
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


class _Countdown:
    """Says when a server has had its requests."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._left = -1
        self.is_over = Event()

    def begin(self, requests: int) -> None:
        self.is_over.clear()
        self._left = requests

    def count(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.is_over.set()


@dataclass
class Result:
    """The events until the end."""

    kills: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        return f"{self.kills} kills; {counts}; 0 lost"


def kill_again_and_again(
    data_dir: Path,
    seed: int,
    kills: int,
    seconds: float = float("inf"),
    killed: Callable[[int], None] = lambda kills: None,
) -> Result:
    """Kill servers of a directory so many times, or as long. Raises Lost.

    `killed` is given how many were killed, after each.
    """
    chance = random.Random(seed)
    countdown = _Countdown()
    clients = [Client(number, seed, countdown.count) for number in range(CLIENTS)]
    result = Result()
    until = time.monotonic() + seconds
    while True:
        with running(data_dir) as server:
            for client in clients:
                client.connect(server)
                if result.kills:
                    client.verify()
                else:
                    client.begin()
                client.disconnect()
            wrong = moto_ecr_ext.check(data_dir=data_dir)
            if wrong:
                raise Lost("; ".join(map(str, wrong)))
            if result.kills == kills or time.monotonic() > until:
                break
            countdown.begin(chance.randint(1, LIFE))
            threads = [Thread(target=client.work) for client in clients]
            for thread in threads:
                thread.start()
            if not countdown.is_over.wait(PATIENCE):
                raise Lost("the clients got stuck")
            time.sleep(chance.uniform(0, DELAY))
            server.process.kill()
            result.kills += 1
            killed(result.kills)
            for thread in threads:
                thread.join(PATIENCE)
        for client in clients:
            if client.error is not None:
                raise client.error
    for client in clients:
        result.counts.update(client.counts)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a server again and again while it is used.")
    parser.add_argument("--kills", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="that of a run which has failed")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    with tempfile.TemporaryDirectory() as directory:
        print(f"seed {seed}", flush=True)
        data_dir = Path(directory, "registry")
        print(kill_again_and_again(data_dir, seed, arguments.kills, killed=_print_progress))


def _print_progress(kills: int) -> None:
    """Print now and then how many servers were killed: a thousand take half an hour."""
    if kills % 50 == 0:
        print(f"{kills} kills", flush=True)


if __name__ == "__main__":
    main()
