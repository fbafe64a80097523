"""Replications that a killed server had not ended."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from moto_ecr_ext.testing import build_image, pull, push
from support.commands import PATIENCE, running_server
from support.constants import ACCOUNT

pytestmark = pytest.mark.once


def test_the_next_server_ends_them(tmp_path: Path) -> None:
    """The next server knows the replications, and brings the image to its destination."""
    image = build_image()
    there = {"region": "eu-west-1", "registryId": ACCOUNT}
    with running_server("--data-dir", str(tmp_path)) as server:
        slowly = {"progression": "time", "seconds": 86400}
        requests.post(
            f"{server.url}/moto-api/state-manager/set-transition",
            json={"model_name": "ecr::replication", "transition": slowly},
            timeout=PATIENCE,
        ).raise_for_status()
        ecr = server.client()
        ecr.create_repository(repositoryName="team/app")
        ecr.put_replication_configuration(
            replicationConfiguration={"rules": [{"destinations": [there]}]}
        )
        push(ecr, "team/app", image, tag="v1")
        status = {"repositoryName": "team/app", "imageId": {"imageTag": "v1"}}
        answer = ecr.describe_image_replication_status(**status)
        assert answer["replicationStatuses"] == [{**there, "status": "IN_PROGRESS"}]
        server.command.kill()

    # Its state manager has not been told anything, so that replications take no time.
    with running_server("--data-dir", str(tmp_path)) as server:
        copied = pull(server.client(region="eu-west-1"), "team/app", "v1")
        assert copied.manifest == image.manifest
        answer = server.client().describe_image_replication_status(**status)
        assert answer["replicationStatuses"] == [{**there, "status": "COMPLETE"}]
