"""Each leniency: with it the extension answers as moto, without it as AWS, whatever else applies.

What moto does is read in its source and shown by its own tests (tests/moto_suite/differs.txt); AWS's rules have their
pages beside the leniencies.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from inspect import signature
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from moto_ecr_ext import testing
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.settings.leniencies import (
    ALL,
    AWS,
    MISSING_LAYERS,
    UNVERIFIED_IMAGES,
    Leniency,
)
from support.constants import ACCOUNT
from support.environments import Environment

OTHER_ACCOUNT = "222222222222"
DOCKER_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
OCI_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(name: str = "one", **members: Any) -> str:
    """A manifest of an image that was never uploaded."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(b"config"), "size": 6},
        "layers": [{"mediaType": "a/layer", "digest": digest_of(name.encode()), "size": 3}],
        **members,
    }
    return json.dumps({name: value for name, value in document.items() if value is not None})


def put(ecr: Any, text: str | None = None, **options: Any) -> dict[str, Any]:
    """Put an image; return its identifier."""
    answer = ecr.put_image(repositoryName="app", imageManifest=text or manifest(), **options)
    return answer["image"]["imageId"]


def accepted(call: Callable[..., Any], *arguments: Any, **options: Any) -> bool:
    """Return whether a call succeeds."""
    status = 200
    try:
        call(*arguments, **options)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status in (200, 400)
    return status == 200


def code(call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """AWS's code of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **options)
    error = caught.value.response["Error"]
    return error.get("QueryErrorCode", error["Code"])


def upload(ecr: Any, *parts: bytes) -> str:
    """Begin an upload; return its id."""
    upload_id = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    first = 0
    for part in parts:
        ecr.upload_layer_part(
            repositoryName="app",
            uploadId=upload_id,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
        first += len(part)
    return upload_id


def complete(ecr: Any, upload_id: str, *digests: str) -> str:
    answer = ecr.complete_layer_upload(
        repositoryName="app", uploadId=upload_id, layerDigests=list(digests)
    )
    return answer["layerDigest"]


def missing_layers(ecr: Any) -> bool:
    return accepted(put, ecr, imageTag="v1")


def placeholder_manifests(ecr: Any) -> bool:
    return accepted(put, ecr, "manifest1", imageTag="v1")


def made_up_digests(ecr: Any) -> bool:
    return accepted(put, ecr, imageDigest="sha256:" + "a" * 64)


def digests_of_layers(ecr: Any) -> bool:
    return put(ecr)["imageDigest"] == digest_of(digest_of(b"one").encode())


def other_media_types(ecr: Any) -> bool:
    return accepted(put, ecr, imageManifestMediaType=OCI_TYPE)


def missing_media_types(ecr: Any) -> bool:
    with pytest.raises(ClientError) as caught:
        put(ecr, manifest(mediaType=None))
    return "manifest mediatype not provided" in caught.value.response["Error"]["Message"]


def repeated_untagged_pushes(ecr: Any) -> bool:
    put(ecr)
    return accepted(put, ecr)


def any_tags(ecr: Any) -> bool:
    return accepted(put, ecr, imageTag="feature/x")


def immutable_tag_errors(ecr: Any) -> bool:
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    put(ecr, imageTag="v1")
    return code(put, ecr, manifest("two"), imageTag="v1") == "ImageAlreadyExistsException"


def unsized_indexes(ecr: Any) -> bool:
    testing.push(ecr, "app", testing.build_index([testing.build_image()]), tag="v1")
    answer = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    return "imageSizeInBytes" not in answer["imageDetails"][0]


def last_tag_deletes_image(ecr: Any) -> bool:
    put(ecr, imageTag="v1")
    put(ecr, manifest("two"), imageTag="v1")
    return len(ecr.list_images(repositoryName="app")["imageIds"]) == 1


def digest_with_tag_deletes_image(ecr: Any) -> bool:
    put(ecr, imageTag="v1")
    image_id = put(ecr, imageTag="v2")
    ecr.batch_delete_image(repositoryName="app", imageIds=[image_id])
    return ecr.list_images(repositoryName="app")["imageIds"] == []


def regular_expression_filters(ecr: Any) -> bool:
    ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev.*"}],
    )
    put(ecr, imageTag="dev1")
    return not accepted(put, ecr, manifest("two"), imageTag="dev1")


def exclusion_filter_errors(ecr: Any) -> bool:
    with pytest.raises(ClientError) as refused:
        ecr.put_image_tag_mutability(
            repositoryName="app",
            imageTagMutability="IMMUTABLE",
            imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev*"}],
        )
    return "can't be null" in refused.value.response["Error"]["Message"]


def ignored_registry_ids(ecr: Any) -> bool:
    put(ecr, imageTag="v1")
    return accepted(
        ecr.batch_get_image,
        repositoryName="app",
        registryId=OTHER_ACCOUNT,
        imageIds=[{"imageTag": "v1"}],
    )


def foreign_registries(ecr: Any) -> bool:
    if not accepted(ecr.create_repository, repositoryName="theirs", registryId=OTHER_ACCOUNT):
        return False
    listed = ecr.describe_repositories()["repositories"]
    named = ecr.describe_repositories(repositoryNames=["theirs"])["repositories"]
    return [each["registryId"] for each in [*listed, *named]] == [
        ACCOUNT,
        OTHER_ACCOUNT,
        OTHER_ACCOUNT,
    ]


def short_registry_ids(ecr: Any) -> bool:
    found = code(ecr.list_images, repositoryName="app", registryId="123")
    return found == "RepositoryNotFoundException"


def constant_token(ecr: Any) -> bool:
    (data,) = ecr.get_authorization_token()["authorizationData"]
    password = base64.b64decode(data["authorizationToken"]).decode()
    return password == f"AWS:{ACCOUNT}-auth-token" and data["expiresAt"].year == 2015


def small_layer_parts(ecr: Any) -> bool:
    return accepted(complete, ecr, upload(ecr, b"one", b"two"), digest_of(b"onetwo"))


def empty_layers(ecr: Any) -> bool:
    return accepted(complete, ecr, upload(ecr), digest_of(b""))


def unchecked_layer_digests(ecr: Any) -> bool:
    if not accepted(complete, ecr, upload(ecr, b"layer"), digest_of(b"another")):
        return False
    digests = [digest_of(b"layer"), digest_of(b"another")]
    answer = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=digests)
    # A blob has its own digest alone.
    return [each["layerDigest"] for each in answer["layers"] if "layerSize" in each] == digests[:1]


def unchecked_part_ranges(ecr: Any) -> bool:
    return accepted(
        ecr.upload_layer_part,
        repositoryName="app",
        uploadId=upload(ecr),
        partFirstByte=0,
        partLastByte=999,
        layerPartBlob=b"one",
    )


def repeated_layers(ecr: Any) -> bool:
    complete(ecr, upload(ecr, b"layer"), digest_of(b"layer"))
    return accepted(complete, ecr, upload(ecr, b"layer"), digest_of(b"layer"))


def any_upload_ids(ecr: Any) -> bool:
    return code(complete, ecr, "does-not-exist", digest_of(b"")) == "UploadNotFoundException"


def missing_layers_as_failures(ecr: Any) -> bool:
    answer = ecr.batch_check_layer_availability(
        repositoryName="app", layerDigests=[digest_of(b"layer")]
    )
    return [each["failureCode"] for each in answer["failures"]] == ["MissingLayerDigest"]


def made_up_finding(ecr: Any) -> bool:
    image_id = put(ecr)
    ecr.start_image_scan(repositoryName="app", imageId=image_id)
    answer = ecr.describe_image_scan_findings(repositoryName="app", imageId=image_id)
    found = answer["imageScanFindings"]
    return [each["name"] for each in found["findings"]] == ["CVE-9999-9999"]


EVERYTHING = [{"filter": "*", "filterType": "WILDCARD"}]


def unset_scan_on_push(ecr: Any) -> bool:
    ecr.put_registry_scanning_configuration(
        scanType="BASIC", rules=[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": EVERYTHING}]
    )
    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["app"])
    (configuration,) = answer["scanningConfigurations"]
    assert configuration["scanFrequency"] == "SCAN_ON_PUSH"
    return not configuration["scanOnPush"]


def any_scan_frequencies(ecr: Any) -> bool:
    return accepted(
        ecr.put_registry_scanning_configuration,
        scanType="ENHANCED",
        rules=[{"scanFrequency": "MANUAL", "repositoryFilters": EVERYTHING}],
    )


def any_images_scanned(ecr: Any) -> bool:
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}
    return accepted(ecr.start_image_scan, repositoryName="app", imageId=put(ecr, json.dumps(index)))


def uncounted_scans_on_push(ecr: Any) -> bool:
    ecr.put_image_scanning_configuration(
        repositoryName="app", imageScanningConfiguration={"scanOnPush": True}
    )
    image = testing.build_image()
    testing.push(ecr, "app", image, tag="v1")
    scan = {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
    if not accepted(ecr.start_image_scan, **scan):
        return False
    return code(ecr.start_image_scan, **scan) == "LimitExceededException"


def registry_policy(*actions: str) -> str:
    statement = {
        "Sid": "all",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Action": list(actions),
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def two_registry_policy_actions(ecr: Any) -> bool:
    return not accepted(ecr.put_registry_policy, policyText=registry_policy("ecr:BatchGetImage"))


def one_replication_rule(ecr: Any) -> bool:
    rules = [
        {"destinations": [{"region": region, "registryId": ACCOUNT}]}
        for region in ("eu-west-1", "eu-west-2")
    ]
    return not accepted(
        ecr.put_replication_configuration, replicationConfiguration={"rules": rules}
    )


def loose_lifecycle_policies(ecr: Any) -> bool:
    selection = {
        "tagStatus": "untagged",
        "tagPrefixList": ["v"],
        "countType": "imageCountMoreThan",
        "countNumber": 1,
        "countUnit": "days",
    }
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return accepted(
        ecr.put_lifecycle_policy,
        repositoryName="app",
        lifecyclePolicyText=json.dumps({"rules": [rule, rule]}),
    )


def policy_texts_as_given(ecr: Any) -> bool:
    text = registry_policy("ecr:ReplicateImage")
    ecr.put_registry_policy(policyText=text)
    return ecr.get_registry_policy()["policyText"] == text


def loose_policies(ecr: Any) -> bool:
    return accepted(
        ecr.set_repository_policy, repositoryName="app", policyText=registry_policy("s3:GetObject")
    )


def made_up_kms_keys(ecr: Any) -> bool:
    key = "arn:aws:kms:us-east-1:no-account:key"
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    if not accepted(
        ecr.create_repository, repositoryName="kms", encryptionConfiguration=encryption
    ):
        return False
    (found,) = ecr.describe_repositories(repositoryNames=["kms"])["repositories"]
    return found["encryptionConfiguration"] == encryption


def whole_lists(ecr: Any) -> bool:
    for number in range(101):
        put(ecr, manifest(str(number)))
    answer = ecr.describe_images(repositoryName="app")
    return len(answer["imageDetails"]) == 101 and "nextToken" not in answer


def unverified_images(aws: Environment) -> bool:
    return accepted(create_function, aws)


def ecr_errors_of_functions(aws: Environment) -> bool:
    with patch.dict(os.environ, MOTO_LAMBDA_STUB_ECR="false"):
        refusal = code(create_function, aws)
    assert refusal in ("ImageNotFoundException", "InvalidParameterValueException")
    return refusal == "ImageNotFoundException"


def create_function(aws: Environment) -> None:
    """Create a function of an image that ECR does not have."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = aws.client("iam").create_role(RoleName="lambda", AssumeRolePolicyDocument=trust)["Role"]
    aws.client("lambda").create_function(
        FunctionName="function",
        Role=role["Arn"],
        PackageType="Image",
        Code={"ImageUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app:missing"},
    )


every_leniency = pytest.mark.parametrize("leniency", ALL, ids=lambda each: each.name)


@pytest.fixture
def is_as_moto(aws: Environment, ecr: Any, leniency: Leniency) -> Callable[[], bool]:
    """A function that returns whether a leniency is in effect."""
    ecr.create_repository(repositoryName="app")
    scenario = globals()[leniency.name.replace("-", "_")]
    given = {"aws": aws, "ecr": ecr}
    return lambda: scenario(*(given[name] for name in signature(scenario).parameters))


@every_leniency
def test_alone(aws: Environment, leniency: Leniency, is_as_moto: Callable[[], bool]) -> None:
    """A leniency works without any other."""
    aws.configure(compatibility=f"moto: {leniency.name}")
    assert is_as_moto()


@every_leniency
def test_without(aws: Environment, leniency: Leniency, is_as_moto: Callable[[], bool]) -> None:
    """All other leniencies do not replace one that is switched off."""
    aws.configure(compatibility=f"moto: -{leniency.name}")
    assert not is_as_moto()


@every_leniency
def test_the_default(aws: Environment, leniency: Leniency, is_as_moto: Callable[[], bool]) -> None:
    """By default AWS's rules apply, unless `verify_layers` or `verify_images` says otherwise."""
    assert is_as_moto() is (leniency in AWS)


@every_leniency
def test_strict(aws: Environment, leniency: Leniency, is_as_moto: Callable[[], bool]) -> None:
    """With `strict` AWS's rules apply everywhere. An explicit setting takes precedence: scenarios need images."""
    aws.configure(compatibility="strict")
    assert not {MISSING_LAYERS, UNVERIFIED_IMAGES} & current_rules().leniencies
    if leniency is not MISSING_LAYERS:
        aws.configure(compatibility="strict", verify_layers=False)
    assert not is_as_moto()


def test_a_repository_created_in_another_registry(aws: Environment, ecr: Any) -> None:
    """moto accepts the `registryId` with which it was created in all operations, whatever its policy is.

    Policies still decide about a repository that the other account created itself.
    """
    aws.configure(compatibility="moto")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}
    nobody = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    theirs = {"repositoryName": "theirs", "registryId": OTHER_ACCOUNT}
    arn = ecr.create_repository(**theirs)["repository"]["repositoryArn"]

    ecr.set_repository_policy(**theirs, policyText=nobody)
    assert ecr.get_repository_policy(**theirs)["registryId"] == OTHER_ACCOUNT
    pushed = ecr.put_image(**theirs, imageManifest=manifest(), imageTag="v1")["image"]
    assert pushed["registryId"] == OTHER_ACCOUNT
    named = {**theirs, "imageIds": [{"imageTag": "v1"}]}
    assert ecr.list_images(**theirs)["imageIds"] == [pushed["imageId"]]
    assert len(ecr.describe_images(**named)["imageDetails"]) == 1
    assert len(ecr.batch_get_image(**named)["images"]) == 1
    upload_id = ecr.initiate_layer_upload(**theirs)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": 4, "layerPartBlob": b"layer"}
    ecr.upload_layer_part(**theirs, uploadId=upload_id, **part)
    digests = {"layerDigests": [digest_of(b"layer")]}
    ecr.complete_layer_upload(**theirs, uploadId=upload_id, **digests)
    assert len(ecr.batch_check_layer_availability(**theirs, **digests)["layers"]) == 1
    ecr.put_image_tag_mutability(**theirs, imageTagMutability="IMMUTABLE")
    ecr.put_image_scanning_configuration(**theirs, imageScanningConfiguration={"scanOnPush": False})
    ecr.start_image_scan(**theirs, imageId={"imageTag": "v1"})
    ecr.describe_image_scan_findings(**theirs, imageId={"imageTag": "v1"})
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(**theirs, lifecyclePolicyText=json.dumps({"rules": [rule]}))
    ecr.get_lifecycle_policy(**theirs)
    ecr.delete_lifecycle_policy(**theirs)
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "b"}])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "b"}]
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    found = ecr.describe_repositories(repositoryNames=["theirs"], registryId=OTHER_ACCOUNT)
    assert len(found["repositories"]) == 1
    ecr.delete_repository_policy(**theirs)
    assert len(ecr.batch_delete_image(**named)["imageIds"]) == 1
    ecr.delete_repository(**theirs)
    assert ecr.describe_repositories()["repositories"] == []

    aws.client(account=OTHER_ACCOUNT).create_repository(repositoryName="own")
    own = {"repositoryName": "own", "registryId": OTHER_ACCOUNT}
    assert code(ecr.list_images, **own) == "AccessDeniedException"


def test_policies_decide_about_the_repositories_of_another_account(
    aws: Environment, ecr: Any
) -> None:
    """moto describes every account's repositories; one that has a policy is described if the policy allows it."""
    aws.configure(compatibility="moto")
    owner = aws.client(account=OTHER_ACCOUNT)
    owner.create_repository(repositoryName="own")
    own = {"repositoryNames": ["own"], "registryId": OTHER_ACCOUNT}
    assert len(ecr.describe_repositories(**own)["repositories"]) == 1
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
    listing = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    owner.set_repository_policy(repositoryName="own", policyText=listing)
    assert code(ecr.describe_repositories, **own) == "AccessDeniedException"


@pytest.mark.parametrize("tag", ["feature/x", "a+b", "über", "a b", "sha256:abc", "two\nlines"])
def test_a_tag_of_any_characters(aws: Environment, ecr: Any, tag: str) -> None:
    """A tag of any characters names its image in the JSON API, also once the leniency is off; the registry lists it,
    and does not serve it.
    """
    ecr.create_repository(repositoryName="app")
    aws.configure(compatibility="moto: any-tags")
    missing = {"repositoryName": "app", "imageIds": [{"imageTag": f"{tag}?"}]}
    named = {"repositoryName": "app", "imageIds": [{"imageTag": tag}]}
    image = testing.build_image()
    testing.push(ecr, "app", image, tag="v1")
    testing.push(ecr, "app", image, tag=tag)

    assert len(ecr.batch_get_image(**named)["images"]) == 1
    (failure,) = ecr.batch_get_image(**missing)["failures"]
    assert failure["failureCode"] == "ImageNotFound"
    (details,) = ecr.describe_images(**named)["imageDetails"]
    assert details["imageTags"] == ["v1", tag]
    scanned = ecr.start_image_scan(repositoryName="app", imageId={"imageTag": tag})
    assert scanned["imageId"] == {"imageDigest": image.digest, "imageTag": tag}

    registry = aws.registry()
    assert registry.get("/v2/app/tags/list").json()["tags"] == sorted([tag, "v1"])
    page = registry.get("/v2/app/tags/list?n=1")
    following = registry.get(page.links["next"]["url"]).json()["tags"]
    assert [*page.json()["tags"], *following] == sorted([tag, "v1"])
    answer = registry.get(f"/v2/app/manifests/{quote(tag, safe='')}")
    assert 400 <= answer.status_code < 500

    aws.configure(compatibility="aws")
    (failure,) = ecr.batch_get_image(**missing)["failures"]
    assert failure["failureCode"] == "InvalidImageTag"
    assert not accepted(ecr.put_image, repositoryName="app", imageManifest="{}", imageTag=tag)
    assert ecr.batch_delete_image(**named)["imageIds"] == [scanned["imageId"]]


@pytest.mark.parametrize("tag", ["", "a\0b", "a" * 301])
def test_texts_that_are_no_tags(aws: Environment, ecr: Any, raw: Any, tag: str) -> None:
    """A tag has 1 to 300 characters, and no NUL, which databases do not accept; others are refused."""
    ecr.create_repository(repositoryName="app")
    aws.configure(compatibility="moto")
    request = {"repositoryName": "app", "imageManifest": manifest(), "imageTag": tag}
    answer = raw.send("PutImage", request)
    assert answer.document["__type"] == "InvalidParameterException"
    assert ecr.list_images(repositoryName="app")["imageIds"] == []
