"""A registry that is worth a look, for the tests of the web page."""

from __future__ import annotations

import json
from typing import Any

from moto_ecr_ext.testing import (
    OCI,
    Blob,
    Image,
    build_artifact,
    build_index,
    build_layer,
    push,
    queue_scan_findings,
)
from moto_ecr_ext.testing.builder import assemble_image
from support.commands import Server
from support.constants import ACCOUNT

BASE = build_layer(
    {"etc/os-release": b"ID=debian\n", "bin/sh": b"\x7fELF" * 90_000}, compression="none"
)
PYTHON = build_layer({"usr/local/bin/python3.13": b"\x7fELF" * 60_000}, compression="none")

LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "Keep the last two images",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2},
            "action": {"type": "expire"},
        }
    ]
}


def application(version: str, architecture: str = "amd64") -> Image:
    """An image as BuildKit makes it of a Dockerfile."""
    layers = [
        BASE,
        PYTHON,
        build_layer({"app/requirements.txt": b"flask==3.1.2\n", "usr/lib/flask.py": b"#" * 90_000}),
        build_layer(
            {
                "app/main.py": f"VERSION = {version!r}\n".encode(),
                "app/templates/index.html": b"<h1>Hello</h1>\n" * 900,
                "app/.wh.setup.cfg": b"",
            }
        ),
    ]
    history = [
        ("# debian.sh --arch 'amd64' out/ 'trixie' '@1767052800'", False),
        ("ENV PYTHON_VERSION=3.13.11", True),
        ("RUN /bin/sh -c set -eux; apt-get install -y python3 # buildkit", False),
        ("WORKDIR /app", True),
        ("RUN /bin/sh -c pip install --no-cache-dir -r requirements.txt # buildkit", False),
        ("COPY . . # buildkit", False),
        ('CMD ["gunicorn" "main:app" "--bind" "0.0.0.0:8000"]', True),
    ]
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-31T09:30:00Z",
        "config": {
            "Cmd": ["gunicorn", "main:app", "--bind", "0.0.0.0:8000"],
            "WorkingDir": "/app",
            "User": "app",
            "ExposedPorts": {"8000/tcp": {}},
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHON_VERSION=3.13.11"],
            "Labels": {
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.source": "https://git.example/team/app",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in layers]},
        "history": [
            {"created": "2026-01-31T09:30:00Z", "created_by": each, "empty_layer": is_empty}
            for each, is_empty in history
        ],
    }
    content = Blob(json.dumps(config).encode(), OCI.config)
    return assemble_image(OCI, config=content, layers=layers)


def show_something(server: Server) -> None:
    """Fill a server with repositories, images, an index, signatures, findings, uses and replications."""
    show_older(server)
    show_newer(server)


def show_older(server: Server) -> None:
    """Fill a server with repositories, and with images that were pushed some days ago."""
    ecr = server.client()
    destination = {"region": "eu-central-1", "registryId": ACCOUNT}
    ecr.put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [destination]}]}
    )
    for name in ("base/python", "team/app", "team/frontend", "team/reports", "tools/ci-runner"):
        ecr.create_repository(repositoryName=name)
    ecr.put_image_tag_mutability(repositoryName="base/python", imageTagMutability="IMMUTABLE")
    push(ecr, "base/python", application("base"), tag="3.13")
    push(ecr, "tools/ci-runner", application("tools"), tag="2.0.1")
    for version in ("1.3.0", "1.3.1", "1.4.0"):
        push(ecr, "team/app", application(version), tag=version)


def show_newer(server: Server) -> None:
    """Add the images that were pushed today, and what has changed since."""
    ecr = server.client()
    ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=json.dumps(LIFECYCLE))
    push(ecr, "team/frontend", application("frontend"), tag="7.2.0")
    image = application("1.4.2")
    for tag in ("1.4.2", "1.4", "stable"):
        push(ecr, "team/app", image, tag=tag)
    index = build_index([image, application("1.4.2", "arm64")])
    push(ecr, "team/app", index, tag="1.4.2-multi")
    for artifact_type in ("application/spdx+json", "application/vnd.cncf.notary.signature"):
        push(
            ecr,
            "team/app",
            build_artifact(artifact_type=artifact_type, subject=image, content=b"{}"),
        )
    queue_scan_findings(ecr, "team/app", FINDINGS, tag="1.4.2")
    ecr.start_image_scan(repositoryName="team/app", imageId={"imageTag": "1.4.2"})
    _use(server, f"{server.address}/team/app:1.4.2")


def _use(server: Server, uri: str) -> None:
    role = server.client("iam").create_role(RoleName="runner", AssumeRolePolicyDocument="{}")
    server.client("lambda").create_function(
        FunctionName="resize-images",
        Role=role["Role"]["Arn"],
        PackageType="Image",
        Code={"ImageUri": uri},
    )


def finding(name: str, severity: str, package: str, version: str, about: str) -> dict[str, Any]:
    """A finding of a basic scan."""
    attributes = {"package_name": package, "package_version": version}
    return {
        "name": name,
        "severity": severity,
        "description": about,
        "uri": f"https://security-tracker.debian.org/tracker/{name}",
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }


FINDINGS = [
    finding("CVE-2026-1044", "LOW", "tar", "1.35", "Extraction follows links out of the folder."),
    finding(
        "CVE-2026-0417",
        "CRITICAL",
        "openssl",
        "3.5.1-1",
        "A heap overflow while names are compared.",
    ),
    finding("CVE-2025-9901", "HIGH", "zlib1g", "1.3.1", "A crafted stream reads beyond a buffer."),
    finding(
        "CVE-2025-8870", "MEDIUM", "libxml2", "2.12.7", "Entities are expanded without a limit."
    ),
]
