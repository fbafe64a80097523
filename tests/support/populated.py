"""A registry that has something of everything."""

from __future__ import annotations

import json
from typing import Any

from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store
from moto_ecr_ext.testing import build_image, build_index
from support.constants import ACCOUNT, OTHER_ACCOUNT, REGION
from support.model_variants import SAMPLES

IMAGE = build_image(layers=1)
INDEX = build_index([IMAGE])
ARN = "arn:aws:ecr:us-east-1:123456789012:repository/team/app"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Id": "policy",
    "Statement": [
        {
            "Sid": "pull",
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::999999999999:root"]},
            "Action": ["ecr:BatchGetImage"],
            "Condition": {"StringEquals": {"aws:PrincipalAccount": [OTHER_ACCOUNT]}},
        }
    ],
}
REGISTRY_POLICY = {**POLICY, "Statement": [{**POLICY["Statement"][0], "Resource": "*"}]}
LIFECYCLE_POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "keep few images of production",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": ["prod"],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 14,
            },
            "action": {"type": "expire"},
        }
    ]
}
IMAGE_ID = {"imageDigest": IMAGE.digest, "imageTag": "v1"}


def populate() -> None:
    """Put something of everything into the registry, under the names that `model_variants` has.

    Straight into the backend, which is that of both environments.
    """
    current_store().clear()
    registry = registry_backend(ACCOUNT, REGION)
    name = "team/app"
    registry.create_repository(name, tags=[{"Key": "a", "Value": "b"}])
    for blob in IMAGE.blobs:
        upload_id = registry.initiate_layer_upload(name)["uploadId"]
        registry.upload_layer_part(name, upload_id, 0, blob.size - 1, blob.content)
        registry.complete_layer_upload(name, upload_id, [blob.digest])
    for image, tag in ((IMAGE, "v1"), (INDEX, "index")):
        registry.put_image(name, image.manifest.decode(), image_tag=tag)
    registry.initiate_layer_upload(name)
    with current_store().database.write() as transaction:
        transaction.connection.execute(tables.uploads.update().values(id=SAMPLES["UploadId"]))
    registry.upload_layer_part(name, SAMPLES["UploadId"], 0, 2, b"abc")
    registry.set_repository_policy(name, json.dumps(POLICY))
    registry.put_registry_policy(json.dumps(REGISTRY_POLICY))
    registry.create_repository_creation_template(SAMPLES["Prefix"], ["REPLICATION"])
    registry.put_lifecycle_policy(name, json.dumps(LIFECYCLE_POLICY))
    everything = [{"filter": "*", "filterType": "WILDCARD"}]
    registry.put_registry_scanning_configuration(
        rules=[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": everything}]
    )
    registry.start_image_scan(name, {"imageTag": "v1"})
    registry.put_signing_configuration(
        {"rules": [{"signingProfileArn": SAMPLES["SigningProfileArn"]}]}
    )
    registry.register_pull_time_update_exclusion(SAMPLES["PrincipalArn"])
    registry.create_pull_through_cache_rule(
        SAMPLES["PullThroughCacheRuleRepositoryPrefix"],
        "999999999999.dkr.ecr.us-east-1.amazonaws.com",
        custom_role_arn=SAMPLES["PrincipalArn"],
    )
    destination = {"region": SAMPLES["Region"], "registryId": ACCOUNT}
    registry.put_replication_configuration({"rules": [{"destinations": [destination]}]})
    registry.start_replication_backfill(destination)
    with current_store().database.write() as transaction:
        transaction.connection.execute(
            tables.replication_backfills.update().values(
                backfill_id=SAMPLES["ReplicationBackfillId"]
            )
        )
