"""Every operation against AWS's service model: a valid request, and those that break one constraint of it.

The requests are generated from the botocore that is installed, so that a newer one is covered too.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from moto_ecr_ext import service_model
from support.model_variants import baseline, variants
from support.raw_http import RawClient
from support.stored import everything_stored
from support.valid_requests import SERVED


def declared_errors(operation: str) -> set[str]:
    """The codes of the errors that the model has for an operation."""
    model = service_model.operation(operation)
    assert model is not None
    return {shape.name for shape in model.error_shapes}


@pytest.mark.parametrize("operation", SERVED)
def test_a_valid_request_is_answered(raw: RawClient, operation: str) -> None:
    """The answer is a result, or an error that the model declares for the operation."""
    answer = raw.send(operation, baseline(operation))
    if answer.status != 200:
        assert answer.status == 400
        code = answer.refusal.code
        assert code in declared_errors(operation), answer.text


@pytest.mark.parametrize("operation", SERVED)
def test_tokens_follow_one_another(raw: RawClient, operation: str) -> None:
    """An answer and a refusal have no whitespace between their tokens, as AWS's have.

    Recorded answers have none; no page of AWS promises it.
    """
    for request in (baseline(operation), {"noSuchMember": 1}, []):
        answer = raw.send(operation, request)
        assert answer.text == json.dumps(answer.document, separators=(",", ":"))


@pytest.mark.parametrize("operation", SERVED)
def test_a_broken_constraint_is_refused(raw: RawClient, operation: str) -> None:
    """A request that breaks a constraint is refused before anything is looked up: its repository does not exist."""
    before = everything_stored()
    for name, request in variants(operation):
        answer = raw.send(operation, request)
        refusal = answer.refusal
        assert (answer.status, refusal.code) == (400, "InvalidParameterException"), name
        field = name.partition(": ")[0]
        if (operation, name) == ("SetRepositoryPolicy", "policyText: required"):
            field = "PolicyText"  # ECR writes this one with a capital.
        assert refusal.message.startswith(f"Invalid parameter at '{field}' failed to"), name
    assert everything_stored() == before


# The 34 operations of stock moto 5.2.5, and the one that it has and raises in.
OF_MOTO = [
    "BatchCheckLayerAvailability",
    "BatchDeleteImage",
    "BatchGetImage",
    "BatchGetRepositoryScanningConfiguration",
    "CompleteLayerUpload",
    "CreateRepository",
    "DeleteLifecyclePolicy",
    "DeleteRegistryPolicy",
    "DeleteRepository",
    "DeleteRepositoryPolicy",
    "DescribeImageScanFindings",
    "DescribeImages",
    "DescribeRegistry",
    "DescribeRepositories",
    "GetAuthorizationToken",
    "GetDownloadUrlForLayer",
    "GetLifecyclePolicy",
    "GetRegistryPolicy",
    "GetRegistryScanningConfiguration",
    "GetRepositoryPolicy",
    "InitiateLayerUpload",
    "ListImages",
    "ListTagsForResource",
    "PutImage",
    "PutImageScanningConfiguration",
    "PutImageTagMutability",
    "PutLifecyclePolicy",
    "PutRegistryPolicy",
    "PutRegistryScanningConfiguration",
    "PutReplicationConfiguration",
    "SetRepositoryPolicy",
    "StartImageScan",
    "TagResource",
    "UntagResource",
    "UploadLayerPart",
]


def test_all_operations_of_moto_are_served() -> None:
    """Every operation that moto serves is served."""
    assert len(OF_MOTO) == 35
    assert set(OF_MOTO) <= set(SERVED)


@pytest.mark.parametrize("operation", ["DescribeImages", "PutImage"])
def test_the_variants_are_many(operation: str) -> None:
    """The generator makes many variants; without any, the tests would show nothing."""
    names: list[Any] = [name for name, _ in variants(operation)]
    assert len(names) > 8
