"""Push a real image to ECR in parts, pull it back, and compare every byte.

The image is made of files of the Python that runs it, some 20 MB in three layers. All it needs is
boto3 and a server that speaks ECR's API:

    moto_ecr_server --port 5000 --data-dir registry &
    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
    python examples/push_and_pull.py --endpoint-url http://127.0.0.1:5000

With `--verify-only` nothing is pushed: the image of an earlier run is pulled again, for instance
after a restart of the server. A test calls `main(client=boto3.client("ecr"))` under `mock_aws`. The
exit status is 0 when all bytes came back, and 1 otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import botocore

from moto_ecr_ext.testing import (
    Image,
    ImageError,
    build_image,
    pull,
    push,
)

TAG = "latest"
IMAGE_SIZE = 20_000_000
LARGEST_FILE = 1_000_000
# The first layer is larger than one part of an upload.
LAYER_SHARES = (0.6, 0.3, 0.1)


def python_files(size: int = IMAGE_SIZE) -> dict[str, Path]:
    """Some `size` bytes of files of the running Python, always the same ones, by path in the image.

    They are those of its standard library, then those of botocore. Compiled files are left out,
    because running Python writes them, and large ones, so that the layers have many files each. The
    last file may go beyond the size.
    """
    files: dict[str, Path] = {}
    total = 0
    for root, name in (
        (Path(sysconfig.get_paths()["stdlib"]), "usr/lib/python"),
        (Path(botocore.__file__).parent, "usr/lib/python/site-packages/botocore"),
    ):
        for path in _files_below(root):
            if total >= size:
                return files
            files[f"{name}/{path.relative_to(root).as_posix()}"] = path
            total += path.stat().st_size
    return files


def _files_below(root: Path) -> Iterator[Path]:
    for directory, names, file_names in os.walk(root):
        names[:] = sorted({*names} - {"__pycache__", "site-packages", "dist-packages"})
        for path in (Path(directory, name) for name in sorted(file_names)):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST_FILE:
                yield path


def build() -> Image:
    """The image: the files in three layers of unequal size."""
    files = python_files()
    total = sum(path.stat().st_size for path in files.values())
    layers: list[dict[str, Path]] = [{} for _ in LAYER_SHARES]
    number, room = 0, LAYER_SHARES[0] * total
    for name, path in files.items():
        if room <= 0 and number < len(layers) - 1:
            number += 1
            room += LAYER_SHARES[number] * total
        layers[number][name] = path
        room -= path.stat().st_size
    return build_image(files=layers, config={"Cmd": ["ls", "-R", "/usr/lib/python"]})


def push_image(client: Any, repository_name: str, image: Image) -> None:
    """Create the repository if need be, push, and print what the registry says about the image."""
    try:
        repository = client.create_repository(repositoryName=repository_name)["repository"]
        print(f"Created repository {repository['repositoryUri']}")
    except client.exceptions.RepositoryAlreadyExistsException:
        print(f"Repository {repository_name} exists")

    for blob in image.blobs:
        print(f"  {blob.digest} {blob.size:>10} bytes  {blob.media_type}")
    digest = push(client, repository_name, image, TAG)
    print(f"Pushed {repository_name}:{TAG} as {digest}")

    (details,) = client.describe_images(
        repositoryName=repository_name, imageIds=[{"imageTag": TAG}]
    )["imageDetails"]
    print(
        f"The registry lists {details['imageDigest']}, {details['imageSizeInBytes']} bytes, "
        f"pushed at {details['imagePushedAt']:%Y-%m-%d %H:%M:%S}"
    )


def differences(client: Any, repository_name: str, image: Image) -> list[str]:
    """Pull the image and say in what it differs from `image`; an empty list when in nothing."""
    pulled = pull(client, repository_name, TAG)
    found = []
    if pulled.manifest != image.manifest:
        found.append(f"manifest {pulled.digest} came back instead of {image.digest}")
    contents = {hashlib.sha256(blob.content).hexdigest() for blob in pulled.blobs}
    for blob in image.blobs:
        is_same = hashlib.sha256(blob.content).hexdigest() in contents
        print(f"  {blob.digest} {'is the same' if is_same else 'DIFFERS'}")
        if not is_same:
            found.append(f"blob {blob.digest} did not come back")
    return found


def main(arguments: Sequence[str] = (), client: Any = None) -> int:
    """Run the example with a command line; `client` takes the place of a new boto3 client."""
    parser = argparse.ArgumentParser(
        description="Push a real image to ECR in parts, pull it back, and compare every byte."
    )
    parser.add_argument("--endpoint-url", help="the server (default: what boto3 is configured for)")
    parser.add_argument("--repository", default="examples/python", help="default: %(default)s")
    parser.add_argument(
        "--verify-only", action="store_true", help="pull and compare what an earlier run pushed"
    )
    options = parser.parse_args(arguments)
    if client is None:
        import boto3

        client = boto3.client("ecr", endpoint_url=options.endpoint_url)

    image = build()
    print(f"Built an image of {sum(blob.size for blob in image.blobs)} bytes")
    try:
        if not options.verify_only:
            push_image(client, options.repository, image)
        print(f"Pulling {options.repository}:{TAG}")
        found = differences(client, options.repository, image)
    except (ImageError, client.exceptions.ClientError) as error:
        found = [str(error)]
    for difference in found:
        print(f"error: {difference}", file=sys.stderr)
    if not found:
        print("Everything came back as it was pushed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
