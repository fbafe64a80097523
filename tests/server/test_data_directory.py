"""`moto_ecr_server --data-dir`: which data are kept, and when they are emptied."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import requests

from moto_ecr_ext import testing
from support.commands import PATIENCE, Command, environment, running_server, script
from support.platforms import needs_no_shared_directories, needs_posix, needs_shared_directories

pytestmark = pytest.mark.platform

PART = 5 * 1024 * 1024
PARTS = [bytes([number]) * size for number, size in enumerate([PART, 1000])]
DIGEST = "sha256:" + hashlib.sha256(b"".join(PARTS)).hexdigest()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "registry"


def files_below(path: Path) -> list[Path]:
    return [each for each in path.rglob("*") if each.is_file()]


@pytest.mark.parametrize("by", [Command.stop, Command.kill])
def test_everything_is_there_after_a_restart(data_dir: Path, by: Any) -> None:
    """Images, their tags, settings, unfinished uploads of both protocols, and passwords survive a restart."""
    image = testing.build_image(seed=1, layers=3, layer_size=200_000)
    with running_server("--data-dir", str(data_dir)) as before:
        ecr = before.client()
        ecr.create_repository(
            repositoryName="team/app",
            imageTagMutability="IMMUTABLE",
            tags=[{"Key": "team", "Value": "a"}],
        )
        ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
        testing.push(ecr, "team/app", image, tag="1.0")
        images_before = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        repositories_before = ecr.describe_repositories()["repositories"]
        upload = ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"]
        ecr.upload_layer_part(
            repositoryName="team/app",
            uploadId=upload,
            partFirstByte=0,
            partLastByte=PART - 1,
            layerPartBlob=PARTS[0],
        )
        session = before.registry("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
        session = before.registry("PATCH", session, data=PARTS[0]).headers["Location"]
        by(before.command)

    with running_server("--data-dir", str(data_dir)) as after:
        ecr = after.client()
        assert ecr.describe_images(repositoryName="team/app")["imageDetails"] == images_before
        for repository in repositories_before:
            repository["repositoryUri"] = f"{after.address}/team/app"
        assert ecr.describe_repositories()["repositories"] == repositories_before
        (repository,) = repositories_before
        tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        assert tags == [{"Key": "team", "Value": "a"}]
        assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "ENABLED"
        pulled = testing.pull(ecr, "team/app", "1.0")
        assert pulled.manifest == image.manifest
        assert {blob.content for blob in pulled.blobs} == {blob.content for blob in image.blobs}

        ecr.upload_layer_part(
            repositoryName="team/app",
            uploadId=upload,
            partFirstByte=PART,
            partLastByte=PART + len(PARTS[1]) - 1,
            layerPartBlob=PARTS[1],
        )
        completed = ecr.complete_layer_upload(
            repositoryName="team/app", uploadId=upload, layerDigests=[DIGEST]
        )
        assert completed["layerDigest"] == DIGEST

        path = session.removeprefix(before.url)
        status = after.registry("GET", path, password=before.password)
        assert (status.status_code, status.headers["Range"]) == (204, f"0-{PART - 1}")
        other = b"another end"
        digest = "sha256:" + hashlib.sha256(PARTS[0] + other).hexdigest()
        committed = after.registry("PUT", f"{path}?digest={digest}", data=other)
        assert committed.status_code == 201
        blob = after.registry("GET", f"/v2/team/app/blobs/{digest}")
        assert blob.content == PARTS[0] + other


def test_signing_goes_on_after_a_restart(data_dir: Path) -> None:
    """After a restart the rules exist, pending signing is done, and a profile keeps its certificate."""
    images = [testing.build_image(seed=number) for number in range(3)]
    arn = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/release"
    with running_server("--data-dir", str(data_dir)) as before:
        ecr = before.client()
        ecr.create_repository(repositoryName="team/app")
        ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": arn}]})
        testing.push(ecr, "team/app", images[0])
        slow = {"progression": "time", "seconds": 3600}
        requests.post(
            f"{before.url}/moto-api/state-manager/set-transition",
            json={"model_name": "ecr::image_signing", "transition": slow},
        ).raise_for_status()
        testing.push(ecr, "team/app", images[1])
        assert len(thumbprints(ecr, images[0])) == 1
        assert thumbprints(ecr, images[1]) == []
        before.command.kill()

    with running_server("--data-dir", str(data_dir)) as after:
        ecr = after.client()
        testing.push(ecr, "team/app", images[2])
        first, second, third = [thumbprints(ecr, image) for image in images]
        assert first == second == third
        assert len(first) == 1


def thumbprints(ecr, image: testing.Image) -> list[str]:
    """The thumbprints of the certificates that have signed an image."""
    referrers = ecr.list_image_referrers(
        repositoryName="team/app", subjectId={"imageDigest": image.digest}
    )["referrers"]
    key = "io.cncf.notary.x509chain.thumbprint#S256"
    return [each["annotations"][key] for each in referrers]


def test_a_reset_empties_the_directory(data_dir: Path) -> None:
    """POST /moto-api/reset removes rows and bytes, also as the first request since the start."""
    with running_server("--data-dir", str(data_dir)) as server:
        ecr = server.client()
        ecr.create_repository(repositoryName="app")
        testing.push(ecr, "app", testing.build_image(seed=1), tag="1.0")
        session = server.registry("POST", "/v2/app/blobs/uploads/").headers["Location"]
        server.registry("PATCH", session, data=b"some")
    assert files_below(data_dir / "blobs")
    assert files_below(data_dir / "uploads")

    with running_server("--data-dir", str(data_dir)) as again:
        again.reset()

        assert again.registry("GET", "/v2/_catalog").json() == {"repositories": []}
        assert again.client().describe_repositories()["repositories"] == []
        assert not files_below(data_dir / "blobs")
        assert not files_below(data_dir / "uploads")


def test_tests_in_server_mode_empty_the_directory(data_dir: Path) -> None:
    """`mock_aws` in moto's server mode sends a reset at the start of each test, and at its end."""
    text = """
        import boto3
        from moto import mock_aws

        with mock_aws():
            ecr = boto3.client("ecr", region_name="us-east-1")
            assert ecr.describe_repositories()["repositories"] == []
            ecr.create_repository(repositoryName="of-the-test")
        """
    with running_server("--data-dir", str(data_dir)) as server:
        server.client().create_repository(repositoryName="app")

        subprocess.run(
            [sys.executable, "-c", dedent(text)],
            env=environment(TEST_SERVER_MODE="true", TEST_SERVER_MODE_ENDPOINT=server.url),
            check=True,
        )

        assert server.registry("GET", "/v2/_catalog").json() == {"repositories": []}


@needs_posix
def test_nobody_else_reads_the_directory(data_dir: Path) -> None:
    """The directory, here of MOTO_ECR_DATA_DIR, has the key that signs passwords, and is readable only by its owner."""
    with running_server(MOTO_ECR_DATA_DIR=str(data_dir)):
        assert data_dir.stat().st_mode & 0o777 == 0o700
        assert (data_dir / "registry.sqlite").exists()


@needs_shared_directories
def test_a_server_that_starts_leaves_uploads_of_another_alone(data_dir: Path) -> None:
    """A server that starts removes leftovers of a killed server, and nothing of a running one."""
    with running_server("--data-dir", str(data_dir)) as first:
        first.client().create_repository(repositoryName="app")
        session = first.registry("POST", "/v2/app/blobs/uploads/").headers["Location"]
        first.registry("PATCH", session, data=PARTS[0])

        with running_server("--data-dir", str(data_dir)):
            answer = first.registry("PUT", f"{session}?digest={DIGEST}", data=PARTS[1])

        assert answer.status_code == 201
        blob = first.registry("GET", f"/v2/app/blobs/{DIGEST}")
        assert blob.content == b"".join(PARTS)


@needs_no_shared_directories
def test_a_second_process_is_refused(data_dir: Path) -> None:
    """A second process is refused in one line, and the server continues; once it has ended, the directory can be
    used.
    """
    with running_server("--data-dir", str(data_dir)) as first:
        first.client().create_repository(repositoryName="app")
        for flags in ([], ["--check"]):
            second = subprocess.run(
                [script("moto_ecr_server"), "--port", "0", "--data-dir", str(data_dir), *flags],
                env=environment(),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
            assert second.returncode == 2
            assert second.stderr == (
                f"moto_ecr_server: {data_dir} is in use: "
                "only one process at a time can use it on this platform.\n"
            )
        testing.push(first.client(), "app", testing.build_image(seed=1), tag="1.0")
        first.command.stop()
    with running_server("--data-dir", str(data_dir)) as third:
        testing.pull(third.client(), "app", "1.0")
        third.command.stop()
    assert "lock" not in os.listdir(data_dir)


def test_placeholder_images_are_spoken_of_once(data_dir: Path) -> None:
    """A server that makes no placeholders reports existing ones at its start; they stay listed."""
    with running_server("--data-dir", str(data_dir), "--compatibility", "moto") as before:
        ecr = before.client()
        ecr.create_repository(repositoryName="app")
        ecr.put_image(repositoryName="app", imageManifest="manifest1", imageTag="v1")
    with running_server("--data-dir", str(data_dir)) as after:
        for _ in range(2):
            listed = after.client().list_images(repositoryName="app")["imageIds"]
            assert [each["imageTag"] for each in listed] == ["v1"]
        after.command.stop()
        assert after.command.output.count("There are placeholder images (1)") == 1
    with running_server("--data-dir", str(data_dir), "--compatibility", "moto") as again:
        again.command.stop()
        assert "placeholder images" not in again.command.output
