"""Look for secrets in the files of an image's layers."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

import boto3
import requests

SECRETS = {
    "AWS access key": re.compile(rb"\bAKIA[0-9A-Z]{16}\b"),
    "private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
}
LARGEST_FILE = 1_000_000


def find_secrets(repository: str, tag: str, ecr: Any = None) -> Iterator[tuple[str, str, str]]:
    """Return the kind of each secret, the digest of the layer that has it, and its path."""
    ecr = ecr or boto3.client("ecr")
    answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
    if answer["failures"]:
        raise SystemExit(f"{repository}:{tag}: {answer['failures'][0]['failureReason']}")
    for layer in json.loads(answer["images"][0]["imageManifest"])["layers"]:
        link = ecr.get_download_url_for_layer(
            repositoryName=repository, layerDigest=layer["digest"]
        )
        content = requests.get(link["downloadUrl"], timeout=60)
        content.raise_for_status()
        with tarfile.open(fileobj=io.BytesIO(content.content)) as archive:
            for path, text in _files(archive):
                for kind, pattern in SECRETS.items():
                    if pattern.search(text):
                        yield kind, layer["digest"], path


def _files(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        file = archive.extractfile(member) if member.isfile() else None
        if file is not None and member.size <= LARGEST_FILE:
            yield member.name, file.read()


if __name__ == "__main__":
    found = list(find_secrets(*sys.argv[1:]))
    for kind, digest, path in found:
        print(f"{kind} in {path} of {digest}")
    sys.exit(1 if found else 0)
