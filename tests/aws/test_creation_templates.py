"""Repository creation templates: their operations, and the repositories that are made by them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.models.registry.creation_templates import create_from_template
from moto_ecr_ext.policies.normal_form import normal_form
from moto_ecr_ext.testing import build_image, push
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.refusals import Refusal, invalid, no_repository, refusal
from support.stored import everything_stored

ROLE = "arn:aws:iam::123456789012:role/templates"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-0000-4000-8000-000000000000"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
                "Action": "ecr:BatchGetImage",
            }
        ],
    }
)
KEEP_ONE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": 1,
            },
            "action": {"type": "expire"},
        }
    ]
}
OCCASIONS = ["CREATE_ON_PUSH", "PULL_THROUGH_CACHE", "REPLICATION"]
EVERYTHING = {
    "prefix": "prod",
    "description": "what production has",
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY},
    "resourceTags": [{"Key": "team", "Value": "a"}, {"Key": "made", "Value": ""}],
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filter": "latest*", "filterType": "WILDCARD"}],
    "repositoryPolicy": POLICY,
    "lifecyclePolicy": json.dumps(KEEP_ONE, indent=1),
    "appliedFor": OCCASIONS,
    "customRoleArn": ROLE,
}
NOT_FOUND = Refusal(
    "TemplateNotFoundException",
    "The specified repository creation template can't be found. "
    "Verify the registry ID and prefix and try again.",
)


def described(ecr: Any, **request: Any) -> list[dict[str, Any]]:
    """The templates of a registry."""
    answer = ecr.describe_repository_creation_templates(**request)
    assert answer["registryId"] == ACCOUNT
    templates: list[dict[str, Any]] = answer["repositoryCreationTemplates"]
    return templates


def without_times(template: dict[str, Any]) -> dict[str, Any]:
    """The members that a request gives."""
    return {
        name: value for name, value in template.items() if name not in ("createdAt", "updatedAt")
    }


def make(name: str, occasion: str) -> dict[str, Any]:
    """Make a repository on behalf of something, and give what differs between the templates here."""
    registry: ECRBackend = registry_backend(ACCOUNT, "us-east-1")
    with registry.store.database.write() as transaction:
        made = create_from_template(registry, transaction, name, occasion)
    return {"mutability": made.image_tag_mutability, "tags": made.resource_tags}


def test_all_members(ecr: Any) -> None:
    """All members are kept as they were given."""
    with freeze_time("2026-01-01T00:00:00Z"):
        answer = ecr.create_repository_creation_template(**EVERYTHING)
    created = answer["repositoryCreationTemplate"]
    assert answer["registryId"] == ACCOUNT
    assert without_times(created) == EVERYTHING
    assert created["createdAt"] == created["updatedAt"] == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert described(ecr) == [created]


def test_the_least_that_a_template_has(ecr: Any) -> None:
    """A template without settings has the defaults of a repository."""
    created = ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["REPLICATION"])
    assert without_times(created["repositoryCreationTemplate"]) == {
        "prefix": "ROOT",
        "appliedFor": ["REPLICATION"],
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "imageTagMutability": "MUTABLE",
    }


@pytest.mark.parametrize("again", ["prod", "prod/"])
def test_a_prefix_has_one_template(ecr: Any, again: str) -> None:
    """A prefix with and without a final `/` is the same, and has one template."""
    ecr.create_repository_creation_template(prefix="prod", appliedFor=["REPLICATION"])
    before = everything_stored()
    assert refusal(
        ecr.create_repository_creation_template, prefix=again, appliedFor=["CREATE_ON_PUSH"]
    ) == Refusal(
        "TemplateAlreadyExistsException",
        "The repository creation template already exists. Specify a unique prefix and try again.",
    )
    assert everything_stored() == before


def test_registries_have_templates_of_their_own(aws: Any, ecr: Any) -> None:
    """Each account has separate templates in each Region."""
    ecr.create_repository_creation_template(**EVERYTHING)
    for other in (aws.client(region="eu-west-1"), aws.client(account=OTHER_ACCOUNT)):
        answer = other.describe_repository_creation_templates()
        assert answer["repositoryCreationTemplates"] == []
        assert refusal(other.delete_repository_creation_template, prefix="prod") == NOT_FOUND
        other.create_repository_creation_template(prefix="prod", appliedFor=["REPLICATION"])
    assert len(described(ecr)) == 1


def test_update(ecr: Any) -> None:
    """An update replaces the given members, and keeps all others."""
    with freeze_time("2026-01-01T00:00:00Z"):
        created = ecr.create_repository_creation_template(**EVERYTHING)
    with freeze_time("2026-01-02T00:00:00Z"):
        answer = ecr.update_repository_creation_template(
            prefix="prod", description="", appliedFor=["REPLICATION"], resourceTags=[]
        )
    updated = answer["repositoryCreationTemplate"]
    assert updated == {
        **created["repositoryCreationTemplate"],
        "description": "",
        "appliedFor": ["REPLICATION"],
        "resourceTags": [],
        "updatedAt": datetime(2026, 1, 2, tzinfo=timezone.utc),
    }
    assert described(ecr) == [updated]


def test_update_of_the_mutability(ecr: Any) -> None:
    """A new mutability removes the filters of the old one, as PutImageTagMutability does."""
    ecr.create_repository_creation_template(**EVERYTHING)
    updated = ecr.update_repository_creation_template(prefix="prod", imageTagMutability="MUTABLE")
    assert "imageTagMutabilityExclusionFilters" not in updated["repositoryCreationTemplate"]
    filters = [{"filter": "dev*", "filterType": "WILDCARD"}]
    before = everything_stored()
    assert (
        refusal(
            ecr.update_repository_creation_template,
            prefix="prod",
            imageTagMutabilityExclusionFilters=filters,
        ).code
        == "InvalidParameterException"
    )
    assert everything_stored() == before


def test_empty_policies(ecr: Any) -> None:
    """An empty policy counts as no policy; an update with one removes the policy."""
    ecr.create_repository_creation_template(**EVERYTHING)
    ecr.update_repository_creation_template(prefix="prod", repositoryPolicy="", lifecyclePolicy="")
    make("prod/app", "REPLICATION")
    assert (
        refusal(ecr.get_repository_policy, repositoryName="prod/app").code
        == "RepositoryPolicyNotFoundException"
    )
    assert (
        refusal(ecr.get_lifecycle_policy, repositoryName="prod/app").code
        == "LifecyclePolicyNotFoundException"
    )


def test_an_empty_key(ecr: Any) -> None:
    """An empty key selects AWS's key for KMS, and no key for AES256."""
    for prefix, kind in (("kms", "KMS"), ("aes", "AES256")):
        ecr.create_repository_creation_template(
            prefix=prefix,
            appliedFor=["REPLICATION"],
            encryptionConfiguration={"encryptionType": kind, "kmsKey": ""},
            customRoleArn=ROLE,
        )
        make(f"{prefix}/app", "REPLICATION")
    aes, kms = ecr.describe_repositories()["repositories"]
    assert aes["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert kms["encryptionConfiguration"]["kmsKey"].startswith("arn:aws:kms:us-east-1:")


def test_delete(ecr: Any) -> None:
    """The first deletion returns the template; a second one does not find it."""
    created = ecr.create_repository_creation_template(**EVERYTHING)["repositoryCreationTemplate"]
    answer = ecr.delete_repository_creation_template(prefix="prod/")
    assert (answer["registryId"], answer["repositoryCreationTemplate"]) == (
        ACCOUNT,
        created,
    )
    assert refusal(ecr.delete_repository_creation_template, prefix="prod") == NOT_FOUND
    assert refusal(ecr.update_repository_creation_template, prefix="prod") == NOT_FOUND
    assert described(ecr) == []


def test_describe(ecr: Any) -> None:
    """Templates are listed in the order of their prefixes, in pages, or by name; missing ones are left out."""
    for prefix in ("b", "a", "ROOT", "a/b"):
        ecr.create_repository_creation_template(prefix=prefix, appliedFor=["REPLICATION"])
    pages = ecr.get_paginator("describe_repository_creation_templates").paginate(
        PaginationConfig={"PageSize": 3}
    )
    names = [[each["prefix"] for each in page["repositoryCreationTemplates"]] for page in pages]
    assert names == [["ROOT", "a", "a/b"], ["b"]]
    named = described(ecr, prefixes=["b/", "none", "a"])
    assert [each["prefix"] for each in named] == ["a", "b"]
    assert described(ecr, prefixes=["none"]) == []
    assert refusal(ecr.describe_repository_creation_templates, nextToken="x") == invalid(
        "nextToken", "Invalid continuation token"
    )


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"repositoryPolicy": "{}"}, id="policy"),
        pytest.param({"lifecyclePolicy": "{}"}, id="lifecycle policy"),
        pytest.param({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}, id="no filters"),
        pytest.param(
            {
                "imageTagMutabilityExclusionFilters": [
                    {"filter": "latest", "filterType": "WILDCARD"}
                ]
            },
            id="filters of nothing",
        ),
        pytest.param(
            {"encryptionConfiguration": {"encryptionType": "AES256", "kmsKey": KEY}}, id="key"
        ),
        pytest.param({"resourceTags": [{"Key": "aws:a", "Value": "b"}]}, id="reserved tag"),
        pytest.param(
            {"resourceTags": [{"Key": str(each), "Value": ""} for each in range(51)]}, id="51 tags"
        ),
    ],
)
def test_settings_that_no_repository_could_have(ecr: Any, members: dict[str, Any]) -> None:
    """Invalid settings are refused as the repository's own operations refuse them, and change nothing."""
    ecr.create_repository_creation_template(prefix="old", appliedFor=["REPLICATION"])
    before = everything_stored()
    errors = ("InvalidParameterException", "InvalidTagParameterException", "TooManyTagsException")
    request = {"prefix": "new", "appliedFor": ["REPLICATION"], **members}
    assert refusal(ecr.create_repository_creation_template, **request).code in errors
    assert refusal(ecr.update_repository_creation_template, prefix="old", **members).code in errors
    assert everything_stored() == before


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_a_repository_of_a_template(ecr: Any, occasion: str) -> None:
    """The repository has every setting of the template."""
    ecr.create_repository_creation_template(**EVERYTHING)
    make("prod/app", occasion)
    [repository] = ecr.describe_repositories()["repositories"]
    for member in (
        "encryptionConfiguration",
        "imageTagMutability",
        "imageTagMutabilityExclusionFilters",
    ):
        assert repository[member] == EVERYTHING[member]
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == EVERYTHING["resourceTags"]
    policy = ecr.get_repository_policy(repositoryName="prod/app")
    assert policy["policyText"] == normal_form(POLICY, "aws")
    lifecycle = ecr.get_lifecycle_policy(repositoryName="prod/app")
    assert lifecycle["lifecyclePolicyText"] == json.dumps(KEEP_ONE, separators=(",", ":"))


def test_the_lifecycle_policy_of_a_template_runs(ecr: Any) -> None:
    """The lifecycle policy of a template runs a day after the repository was made."""
    with freeze_time("2026-01-01T00:00:00Z") as clock:
        ecr.describe_registry()  # Nothing is due, and the schedule knows.
        ecr.create_repository_creation_template(**EVERYTHING)
        make("prod/app", "REPLICATION")
        for number in range(2):
            push(ecr, "prod/app", build_image(seed=number, layers=1), tag=f"v{number}")
            clock.tick(60)
        assert len(ecr.list_images(repositoryName="prod/app")["imageIds"]) == 2
        clock.tick(24 * 60 * 60)
        [left] = ecr.list_images(repositoryName="prod/app")["imageIds"]
    assert left["imageTag"] == "v1"


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("prod/app", "prod"),
        ("prod/team/app", "prod/team"),
        ("prod/team/a/app", "prod/team"),
        ("prod/teams/app", "prod"),
        ("prod", "ROOT"),
        ("production/app", "ROOT"),
        ("other", "ROOT"),
    ],
)
def test_the_longest_prefix_wins(ecr: Any, name: str, template: str) -> None:
    """The template with the longest prefix applies, by whole parts of the name; ROOT applies to all others."""
    for prefix in ("prod", "ROOT", "prod/team"):
        ecr.create_repository_creation_template(
            prefix=prefix,
            appliedFor=["REPLICATION"],
            resourceTags=[{"Key": "of", "Value": prefix}],
            customRoleArn=ROLE,
        )
    assert make(name, "REPLICATION")["tags"] == {"of": template}


def test_templates_for_other_occasions(ecr: Any) -> None:
    """Templates for other occasions are ignored; without any, the repository has ECR's defaults."""
    ecr.create_repository_creation_template(
        prefix="prod", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE"
    )
    ecr.create_repository_creation_template(
        prefix="prod/team",
        appliedFor=["CREATE_ON_PUSH"],
        resourceTags=[{"Key": "a", "Value": "b"}],
        customRoleArn=ROLE,
    )
    assert make("prod/team/a", "REPLICATION") == {"mutability": "IMMUTABLE", "tags": {}}
    assert make("prod/team/b", "CREATE_ON_PUSH") == {"mutability": "MUTABLE", "tags": {"a": "b"}}
    assert make("prod/team/c", "PULL_THROUGH_CACHE") == {"mutability": "MUTABLE", "tags": {}}


def test_repositories_that_are_there(ecr: Any) -> None:
    """Existing repositories keep their settings when a template is created, changed or deleted."""
    ecr.create_repository(repositoryName="prod/app")
    [before] = ecr.describe_repositories()["repositories"]
    ecr.create_repository_creation_template(**EVERYTHING)
    ecr.update_repository_creation_template(prefix="prod", imageTagMutability="IMMUTABLE")
    ecr.delete_repository_creation_template(prefix="prod")
    assert ecr.describe_repositories()["repositories"] == [before]


def test_create_repository_goes_by_no_template(ecr: Any) -> None:
    """CreateRepository ignores templates, and InitiateLayerUpload creates no repository."""
    ecr.create_repository_creation_template(**EVERYTHING)
    assert refusal(ecr.initiate_layer_upload, repositoryName="prod/app") == no_repository(
        "prod/app"
    )
    created = ecr.create_repository(repositoryName="prod/app")["repository"]
    assert created["imageTagMutability"] == "MUTABLE"
