"""Keeps data that a version of this package wrote, for the tests of later ones.

Run with the source of that version before this folder's, with

    PYTHONPATH=<that source> python tests/server/data_directories/make.py

it writes, named by the version of its tables: `3.tar.gz`, a data directory and `answers.json`, the API's answers
about it; and `3.sql`, the same rows in PostgreSQL.
"""

from __future__ import annotations

import io
import json
import logging
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg.sql
import requests
from moto.server import ThreadedMotoServer
from sqlalchemy import JSON, create_mock_engine, make_url

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.storage.database.postgresql import use_partial_indexes
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store

HERE = Path(__file__).parent
CHUNK = b"the first bytes of a blob"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "pull",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
            "Action": ["ecr:BatchGetImage", "ecr:ReplicateImage"],
        }
    ],
}
REGISTRY_POLICY = {
    **POLICY,
    "Statement": [
        {**POLICY["Statement"][0], "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/*"}
    ],
}
LIFECYCLE_POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": 1000,
            },
            "action": {"type": "expire"},
        }
    ]
}


def main() -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as name:
        data_dir = Path(name, "registry")
        moto_ecr_ext.install(data_dir=data_dir)
        answers = fill()
        rows = "\n".join(statements())
        moto_ecr_ext.uninstall()
        with sqlite3.connect(data_dir / "registry.sqlite") as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("VACUUM")
        database.close()
        (data_dir / "answers.json").write_text(json.dumps(answers, indent=1))
        with tarfile.open(HERE / f"{tables.SCHEMA_VERSION}.tar.gz", "w:gz") as archive:
            for path in filter(Path.is_file, sorted(data_dir.rglob("*"))):
                archive.add(path, path.relative_to(data_dir))
        (HERE / f"{tables.SCHEMA_VERSION}.sql").write_text(rows)


def fill() -> dict[str, Any]:
    """Put something of everything into the registry; what it then says, by operation and parameters."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        ecr = boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        add_images(ecr)
        add_settings(ecr)
        session = begin_upload(ecr, url)
        return {"session": session, "answers": list(ask(ecr))}
    finally:
        server.stop()


def add_images(ecr: Any) -> None:
    """Images with and without tags, an index, a referrer, and an image in the archive."""
    ecr.create_repository(
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/images"},
        tags=[{"Key": "team", "Value": "a"}],
    )
    ecr.create_repository(repositoryName="empty")
    images = [testing.build_image(seed=seed, layers=2, layer_size=300) for seed in range(4)]
    testing.push(ecr, "team/app", images[0], tag="1.0")
    testing.push(ecr, "team/app", images[0], tag="dev-1")
    testing.push(ecr, "team/app", testing.build_index(images[1:3]), tag="all")
    sbom = testing.build_artifact(artifact_type="application/spdx+json", subject=images[0])
    testing.push(ecr, "team/app", sbom)
    testing.push(ecr, "team/app", images[3], tag="old")
    ecr.update_image_storage_class(
        repositoryName="team/app", imageId={"imageTag": "old"}, targetStorageClass="ARCHIVE"
    )


def add_settings(ecr: Any) -> None:
    """The settings of registries and repositories."""
    ecr.set_repository_policy(repositoryName="team/app", policyText=json.dumps(POLICY))
    ecr.put_lifecycle_policy(
        repositoryName="team/app", lifecyclePolicyText=json.dumps(LIFECYCLE_POLICY)
    )
    ecr.put_registry_policy(policyText=json.dumps(REGISTRY_POLICY))
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    everything = [{"filter": "*", "filterType": "WILDCARD"}]
    ecr.put_registry_scanning_configuration(
        scanType="BASIC", rules=[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": everything}]
    )
    ecr.put_replication_configuration(
        replicationConfiguration={
            "rules": [{"destinations": [{"region": "eu-west-1", "registryId": "123456789012"}]}]
        }
    )
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="cache",
        upstreamRegistryUrl="999999999999.dkr.ecr.us-east-1.amazonaws.com",
        customRoleArn="arn:aws:iam::123456789012:role/cache",
    )


def begin_upload(ecr: Any, url: str) -> str:
    """The path of an upload session with some bytes, which its age does not end."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    begun = requests.post(f"{url}/v2/team/app/blobs/uploads/", headers=headers, timeout=60)
    location = begun.headers["Location"]
    requests.patch(location, CHUNK, headers=headers, timeout=60).raise_for_status()
    with current_store().database.write() as transaction:
        transaction.connection.execute(tables.uploads.update().values(started_at=4_102_444_800.0))
    return location.removeprefix(url)


def ask(ecr: Any) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Operations that read, their parameters, and their answers."""
    (app,) = ecr.describe_repositories(repositoryNames=["team/app"])["repositories"]
    of_app = {"repositoryName": "team/app"}
    every = {"filter": {"imageStatus": "ANY"}}
    for operation, parameters in (
        ("describe_images", {**of_app, **every}),
        ("list_images", {**of_app, **every}),
        ("describe_image_scan_findings", {**of_app, "imageId": {"imageTag": "1.0"}}),
        ("list_tags_for_resource", {"resourceArn": app["repositoryArn"]}),
        ("get_repository_policy", of_app),
        ("get_lifecycle_policy", of_app),
        ("get_registry_policy", {}),
        ("get_account_setting", {"name": "BLOB_MOUNTING"}),
        ("get_registry_scanning_configuration", {}),
        ("describe_registry", {}),
        ("describe_pull_through_cache_rules", {}),
    ):
        answer = getattr(ecr, operation)(**parameters)
        del answer["ResponseMetadata"]
        yield operation, parameters, json.loads(json.dumps(answer, default=str))
    for repository in ecr.describe_repositories()["repositories"]:
        # It names the port of a server.
        del repository["repositoryUri"]
        name = repository["repositoryName"]
        answer = {"repositories": [json.loads(json.dumps(repository, default=str))]}
        yield "describe_repositories", {"repositoryNames": [name]}, answer


def statements() -> Iterator[str]:
    """The tables and all rows, in PostgreSQL's SQL."""
    ddl = io.StringIO()
    url = make_url("postgresql+psycopg://")
    engine = create_mock_engine(
        url, lambda each, *_: ddl.write(f"{str(each.compile(dialect=engine.dialect)).strip()};\n")
    )
    use_partial_indexes()
    tables.metadata.create_all(engine, checkfirst=False)
    yield ddl.getvalue()
    with current_store().database.read() as transaction:
        for table in tables.metadata.sorted_tables:
            for row in transaction.connection.execute(table.select()):
                values = ", ".join(
                    literal(column, value) for column, value in zip(table.columns, row, strict=True)
                )
                yield f"INSERT INTO {table.name} VALUES ({values});"
            column = table.autoincrement_column
            if column is not None and "id" in table.columns:
                sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                yield f"SELECT setval({sequence}, coalesce(max(id), 1)) FROM {table.name};"


def literal(column: Any, value: Any) -> str:
    """A value as SQL has it."""
    if value is not None and isinstance(column.type, JSON):
        value = json.dumps(value)
    return psycopg.sql.Literal(value).as_string(None)


if __name__ == "__main__":
    main()
