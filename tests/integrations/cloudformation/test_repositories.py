"""`AWS::ECR::Repository` in a stack: what the template says is what the API shows.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.sqs.models import Queue

from moto_ecr_ext.policies.normal_form import normal_form
from moto_ecr_ext.testing import build_image, push
from support.environments import Environment
from support.refusals import refused
from support.stored import everything_stored

IMAGE = build_image(layers=1)
KEY = "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-0000-4000-8000-000000000000"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"},
    ],
}
LIFECYCLE_POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 14,
            },
            "action": {"type": "expire"},
        }
    ]
}


class Stack:
    """A stack of one repository, `Repo`."""

    def __init__(self, aws: Any):
        self.client = aws.client("cloudformation")
        self.name = "Images"

    def create(self, **properties: Any) -> None:
        """Create the stack."""
        self.client.create_stack(StackName=self.name, TemplateBody=self._template(properties))

    def update(self, **properties: Any) -> None:
        """Update the stack to these properties."""
        self.client.update_stack(StackName=self.name, TemplateBody=self._template(properties))

    def create_of(self, resources: dict[str, Any]) -> None:
        """Create a stack of other resources."""
        template = json.dumps({"Resources": resources})
        self.client.create_stack(StackName=self.name, TemplateBody=template)

    def delete(self, stack_id: str | None = None, **request: Any) -> None:
        """Delete the stack, by its name or its id."""
        self.client.delete_stack(StackName=stack_id or self.name, **request)

    def described(self) -> dict[str, Any]:
        """The stack in DescribeStacks."""
        [stack] = self.client.describe_stacks(StackName=self.name)["Stacks"]
        found: dict[str, Any] = stack
        return found

    def events(self, status: str) -> list[dict[str, Any]]:
        """The events of a status, the first one first."""
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return [each for each in reversed(events) if each["ResourceStatus"] == status]

    @property
    def resources(self) -> dict[str, str]:
        """The physical ids of the stack's resources, by their logical ids."""
        found = self.client.describe_stack_resources(StackName=self.name)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs: name, ARN and URI of the repository."""
        stack = self.described()
        assert stack["StackStatus"].endswith("_COMPLETE")
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def _template(self, properties: dict[str, Any]) -> str:
        return json.dumps(
            {
                "Resources": {
                    "Repo": {"Type": "AWS::ECR::Repository", "Properties": properties},
                },
                "Outputs": {
                    "Name": {"Value": {"Ref": "Repo"}},
                    "Arn": {"Value": {"Fn::GetAtt": ["Repo", "Arn"]}},
                    "Uri": {"Value": {"Fn::GetAtt": ["Repo", "RepositoryUri"]}},
                },
            }
        )


@pytest.fixture
def stack(aws: Any) -> Stack:
    """A stack that does not exist yet."""
    return Stack(aws)


def only_repository(ecr: Any) -> dict[str, Any]:
    """The one repository that exists."""
    [repository] = ecr.describe_repositories()["repositories"]
    found: dict[str, Any] = repository
    return found


def test_every_property(ecr: Any, stack: Stack) -> None:
    """The repository has every property of the template, nested ones too."""
    stack.create(
        RepositoryName="team/app",
        ImageTagMutability="MUTABLE_WITH_EXCLUSION",
        ImageTagMutabilityExclusionFilters=[
            {
                "ImageTagMutabilityExclusionFilterType": "WILDCARD",
                "ImageTagMutabilityExclusionFilterValue": "v*",
            }
        ],
        ImageScanningConfiguration={"ScanOnPush": "true"},
        EncryptionConfiguration={"EncryptionType": "KMS", "KmsKey": KEY},
        LifecyclePolicy={"LifecyclePolicyText": json.dumps(LIFECYCLE_POLICY)},
        RepositoryPolicyText=POLICY,
        Tags=[{"Key": "owner", "Value": "team"}],
    )
    repository = only_repository(ecr)
    assert stack.outputs == {
        "Name": "team/app",
        "Arn": repository["repositoryArn"],
        "Uri": repository["repositoryUri"],
    }
    assert repository["imageTagMutability"] == "MUTABLE_WITH_EXCLUSION"
    assert repository["imageTagMutabilityExclusionFilters"] == [
        {"filterType": "WILDCARD", "filter": "v*"}
    ]
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": KEY}
    lifecycle_policy = ecr.get_lifecycle_policy(repositoryName="team/app")
    assert json.loads(lifecycle_policy["lifecyclePolicyText"]) == LIFECYCLE_POLICY
    policy = ecr.get_repository_policy(repositoryName="team/app")
    assert json.loads(policy["policyText"]) == POLICY
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == [{"Key": "owner", "Value": "team"}]


def test_no_properties(ecr: Any, stack: Stack) -> None:
    """A repository without properties has a name of the stack's and the resource's, in lower case."""
    stack.create()
    repository = only_repository(ecr)
    assert re.fullmatch(r"images-repo-[a-z0-9]+", repository["repositoryName"])
    assert stack.outputs["Name"] == repository["repositoryName"]
    assert repository["encryptionConfiguration"] == {"encryptionType": "AES256"}


def test_a_policy_as_text(ecr: Any, stack: Stack) -> None:
    """A policy that is a JSON text, not an object, is accepted."""
    stack.create(RepositoryName="team/app", RepositoryPolicyText=json.dumps(POLICY, indent=3))
    policy = ecr.get_repository_policy(repositoryName="team/app")
    assert policy["policyText"] == normal_form(json.dumps(POLICY), "aws")


def test_an_update_in_place(ecr: Any, stack: Stack) -> None:
    """An update in place keeps images, and removes the settings that the template omits."""
    stack.create(
        ImageTagMutability="IMMUTABLE",
        ImageScanningConfiguration={"ScanOnPush": True},
        LifecyclePolicy={"LifecyclePolicyText": json.dumps(LIFECYCLE_POLICY)},
        RepositoryPolicyText=POLICY,
        Tags=[{"Key": "owner", "Value": "team"}, {"Key": "stage", "Value": "dev"}],
    )
    created = only_repository(ecr)
    name = created["repositoryName"]
    push(ecr, name, IMAGE, tag="v1")
    stack.update(Tags=[{"Key": "stage", "Value": "prod"}, {"Key": "cost", "Value": "1"}])
    updated = only_repository(ecr)
    assert updated == {
        **created,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
    }
    assert len(ecr.list_images(repositoryName=name)["imageIds"]) == 1
    tags = ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"stage": "prod", "cost": "1"}
    for call in (ecr.get_repository_policy, ecr.get_lifecycle_policy):
        assert "NotFoundException" in type(refused(call, repositoryName=name)).__name__
    stack.update(
        ImageTagMutability="IMMUTABLE",
        LifecyclePolicy={"LifecyclePolicyText": json.dumps(LIFECYCLE_POLICY)},
        RepositoryPolicyText=POLICY,
    )
    assert only_repository(ecr)["imageTagMutability"] == "IMMUTABLE"
    assert json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"]) == POLICY
    assert ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"] == []
    assert stack.outputs["Arn"] == created["repositoryArn"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"RepositoryName": "old"}, {"RepositoryName": "new"}),
        ({"RepositoryName": "old"}, {}),
        ({}, {"RepositoryName": "new"}),
        ({}, {"EncryptionConfiguration": {"EncryptionType": "KMS"}}),
    ],
    ids=["renamed", "name taken out", "name put in", "encryption"],
)
def test_an_update_that_replaces(
    ecr: Any, stack: Stack, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """An update that replaces the repository leaves the new one as the only one."""
    stack.create(**before)
    old = only_repository(ecr)
    stack.update(**after)
    new = only_repository(ecr)
    assert new["repositoryName"] != old["repositoryName"]
    assert new["repositoryName"] == after.get("RepositoryName", new["repositoryName"])
    assert stack.outputs["Arn"] == new["repositoryArn"]


def test_a_named_repository_is_not_replaced_by_itself(ecr: Any, stack: Stack) -> None:
    """A named repository is not replaced, as CloudFormation refuses it for every resource with a name in the
    template.
    """
    stack.create(RepositoryName="team/app")
    before = everything_stored()
    with pytest.raises(ClientError, match="Rename team/app and update the stack again"):
        stack.update(RepositoryName="team/app", EncryptionConfiguration={"EncryptionType": "KMS"})
    assert everything_stored() == before


def test_deleting_the_stack(ecr: Any, stack: Stack) -> None:
    """An empty repository is deleted with its stack; a repository that is already deleted is no error."""
    stack.create(RepositoryName="team/app")
    stack.delete()
    assert ecr.describe_repositories()["repositories"] == []
    stack.create(RepositoryName="team/app")
    ecr.delete_repository(repositoryName="team/app")
    stack.delete()


STILL_IMAGES = re.compile(
    r'Resource handler returned message: "The repository with name \'team/app\' in registry with id '
    r"'123456789012' cannot be deleted because it still contains images \(Service: Ecr, Status Code: 400, "
    r'Request ID: [0-9a-f-]{36}, Extended Request ID: null\)" '
    r"\(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: GeneralServiceException\)"
)


def test_a_repository_with_images_stays(ecr: Any, stack: Stack) -> None:
    """A stack keeps a repository with images, without EmptyOnDelete; once it is empty, a second deletion succeeds.

    The reason is that of a stack of 2022; that of the stack is in
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html.
    """
    stack.create(RepositoryName="team/app", EmptyOnDelete=False)
    push(ecr, "team/app", IMAGE)
    stack.delete()
    found = stack.described()
    assert found["StackStatus"] == "DELETE_FAILED"
    assert found["StackStatusReason"] == "The following resource(s) failed to delete: [Repo]. "
    assert stack.resources == {"Repo": "team/app"}
    assert len(ecr.list_images(repositoryName="team/app")["imageIds"]) == 1
    of_resource, of_stack = stack.events("DELETE_FAILED")
    assert (of_resource["LogicalResourceId"], of_resource["PhysicalResourceId"]) == (
        "Repo",
        "team/app",
    )
    assert of_resource["ResourceType"] == "AWS::ECR::Repository"
    assert STILL_IMAGES.fullmatch(of_resource["ResourceStatusReason"])
    assert of_stack["ResourceStatusReason"] == found["StackStatusReason"]

    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": IMAGE.digest}])
    stack.delete(found["StackId"])
    [found] = stack.client.describe_stacks(StackName=found["StackId"])["Stacks"]
    assert found["StackStatus"] == "DELETE_COMPLETE"
    assert "StackStatusReason" not in found
    assert ecr.describe_repositories()["repositories"] == []


@pytest.mark.parametrize(
    "request_of",
    [{"RetainResources": ["Repo"]}, {"DeletionMode": "FORCE_DELETE_STACK"}],
    ids=["retained", "forced"],
)
def test_a_repository_that_is_left_behind(
    ecr: Any, stack: Stack, request_of: dict[str, Any]
) -> None:
    """A stack whose deletion failed can be deleted without the repository.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html. For other stacks AWS
    refuses the parameters, which moto ignores.
    """
    stack.create(RepositoryName="team/app")
    push(ecr, "team/app", IMAGE)
    stack.delete(**request_of)
    found = stack.described()
    assert found["StackStatus"] == "DELETE_FAILED"
    stack.delete()
    assert stack.described()["StackStatus"] == "DELETE_FAILED"
    stack.delete(found["StackId"], **request_of)
    [found] = stack.client.describe_stacks(StackName=found["StackId"])["Stacks"]
    assert found["StackStatus"] == "DELETE_COMPLETE"
    assert len(ecr.list_images(repositoryName="team/app")["imageIds"]) == 1


def test_the_outputs_of_a_stack_that_stays(ecr: Any, stack: Stack) -> None:
    """The outputs of a stack that stays keep their values when their resources are deleted, and exports end with the
    stack.
    """
    template = {
        "Resources": {
            "Empty": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "empty"}},
            "Full": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}},
        },
        "Outputs": {
            name: {
                "Value": {"Fn::GetAtt": [name, "Arn"]},
                "Export": {"Name": {"Fn::Sub": f"${{AWS::StackName}}-{name}"}},
            }
            for name in ("Empty", "Full")
        },
    }
    stack.client.create_stack(StackName=stack.name, TemplateBody=json.dumps(template))
    push(ecr, "team/app", IMAGE)
    before = stack.described()["Outputs"]
    stack.delete()
    found = stack.described()
    assert found["StackStatus"] == "DELETE_FAILED"
    assert found["Outputs"] == before
    assert len(stack.client.list_exports()["Exports"]) == 2
    stack.delete(RetainResources=["Full"])
    [found] = stack.client.describe_stacks(StackName=found["StackId"])["Stacks"]
    assert found["StackStatus"] == "DELETE_COMPLETE"
    assert stack.client.list_exports()["Exports"] == []


def test_another_resource_that_cannot_be_deleted(
    in_process: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack stays until it is deleted by force."""
    ecr, stack = in_process.client("ecr"), Stack(in_process)
    stack.create_of(
        {
            "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}},
            "Queue": {"Type": "AWS::SQS::Queue"},
        }
    )
    push(ecr, "team/app", IMAGE)

    def fail(*arguments: object) -> None:
        raise RuntimeError("the queue cannot be deleted")

    monkeypatch.setattr(Queue, "delete_from_cloudformation_json", fail)
    stack.delete()
    stack_id = stack.described()["StackId"]
    with pytest.raises(RuntimeError, match="the queue cannot be deleted"):
        stack.delete(RetainResources=["Repo"])
    assert stack.described()["StackStatus"] == "DELETE_FAILED"
    stack.delete(DeletionMode="FORCE_DELETE_STACK")
    [found] = stack.client.describe_stacks(StackName=stack_id)["Stacks"]
    assert found["StackStatus"] == "DELETE_COMPLETE"
    assert len(in_process.client("sqs").list_queues()["QueueUrls"]) == 1


def test_a_repository_that_is_not_retained(ecr: Any, stack: Stack) -> None:
    """RetainResources keeps only the resources that it names."""
    stack.create_of(
        {
            name: {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": name.lower()}}
            for name in ("First", "Second")
        }
    )
    for name in ("first", "second"):
        push(ecr, name, IMAGE)
    stack.delete()
    stack.delete(RetainResources=["First"])
    assert stack.described()["StackStatusReason"].endswith("to delete: [Second]. ")
    assert stack.resources == {"Second": "second"}
    assert len(ecr.describe_repositories()["repositories"]) == 2


def test_the_rest_of_a_stack_that_stays(aws: Any, ecr: Any, stack: Stack) -> None:
    """Deleted resources stay deleted when the stack is described."""
    stack.create_of(
        {
            "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}},
            "Empty": {"Type": "AWS::ECR::Repository"},
            "Queue": {"Type": "AWS::SQS::Queue"},
        }
    )
    push(ecr, "team/app", IMAGE)
    stack.delete()
    assert stack.described()["StackStatus"] == "DELETE_FAILED"
    assert stack.resources == {"Repo": "team/app"}
    assert only_repository(ecr)["repositoryName"] == "team/app"
    assert "QueueUrls" not in aws.client("sqs").list_queues()


def test_a_stack_in_a_stack(aws: Any, ecr: Any, stack: Stack) -> None:
    """The outer stack fails with the inner one, and its reason names it."""
    inner = {
        "Resources": {
            "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}}
        }
    }
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="inner.json", Body=json.dumps(inner))
    url = "https://s3.amazonaws.com/templates/inner.json"
    stack.create_of(
        {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
    )
    push(ecr, "team/app", IMAGE)
    stack.delete()
    found = stack.client.describe_stacks()["Stacks"]
    assert [each["StackStatus"] for each in found] == 2 * ["DELETE_FAILED"]
    of_inner, _ = stack.events("DELETE_FAILED")
    assert re.fullmatch(
        r"Embedded stack arn:aws:cloudformation:\S+ was not successfully deleted: "
        r"The following resource\(s\) failed to delete: \[Repo\]\. ",
        of_inner["ResourceStatusReason"],
    )


def test_an_update_leaves_a_repository_with_images(ecr: Any, stack: Stack) -> None:
    """An update removes a repository with images from the stack, keeps it, and succeeds.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html, "Resource removed from stack
    but not deleted"; the reason is in
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/744
    """
    stack.create(RepositoryName="team/app")
    push(ecr, "team/app", IMAGE)
    stack.update(RepositoryName="team/new")
    found = stack.described()
    assert (found["StackStatus"], found["StackStatusReason"]) == (
        "UPDATE_COMPLETE",
        "Update successful. One or more resources could not be deleted.",
    )
    assert stack.resources == {"Repo": "team/new"}
    [failed] = stack.events("DELETE_FAILED")
    assert failed["PhysicalResourceId"] == "team/app"
    assert STILL_IMAGES.fullmatch(failed["ResourceStatusReason"])
    names = {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]}
    assert names == {"team/app", "team/new"}
    stack.update(RepositoryName="team/new", Tags=[{"Key": "stage", "Value": "dev"}])
    assert "StackStatusReason" not in stack.described()


@pytest.mark.parametrize("way", ["update", "change set"])
def test_a_repository_that_is_taken_out(ecr: Any, stack: Stack, way: str) -> None:
    """A repository with images stays after an update, or a change set, that removes it from the stack."""
    queue = {"Queue": {"Type": "AWS::SQS::Queue"}}
    named = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}}
    stack.create_of({**queue, "Repo": named})
    push(ecr, "team/app", IMAGE)
    template = json.dumps({"Resources": queue})
    if way == "update":
        stack.client.update_stack(StackName=stack.name, TemplateBody=template)
    else:
        about = {"StackName": stack.name, "ChangeSetName": "without"}
        stack.client.create_change_set(**about, TemplateBody=template, ChangeSetType="UPDATE")
        stack.client.execute_change_set(**about)
    found = stack.described()
    assert (found["StackStatus"], found["StackStatusReason"]) == (
        "UPDATE_COMPLETE",
        "Update successful. One or more resources could not be deleted.",
    )
    assert stack.resources.keys() == {"Queue"}
    assert [each["LogicalResourceId"] for each in stack.events("DELETE_FAILED")] == ["Repo"]
    assert len(ecr.list_images(repositoryName="team/app")["imageIds"]) == 1


def test_a_repository_that_is_emptied(ecr: Any, stack: Stack) -> None:
    """The last template decides whether a repository is emptied."""
    stack.create(RepositoryName="team/app")
    push(ecr, "team/app", IMAGE)
    stack.update(RepositoryName="team/app", EmptyOnDelete="true")
    assert len(ecr.list_images(repositoryName="team/app")["imageIds"]) == 1
    stack.delete()
    assert ecr.describe_repositories()["repositories"] == []


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"RepositoryName": "Team"}, "Invalid parameter at 'repositoryName'"),
        ({"ImageTagMutability": "SOMETIMES"}, "Invalid parameter at 'imageTagMutability'"),
        (
            {"ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
            "ImageTagMutabilityExclusionFilters can't be null",
        ),
        (
            {"EncryptionConfiguration": {"KmsKey": KEY}},
            "Invalid parameter at 'encryptionConfiguration.encryptionType'",
        ),
        ({"EncryptionConfiguration": "KMS"}, "Expected null"),
        ({"RepositoryPolicyText": {"Statement": []}}, "Invalid repository policy provided"),
        (
            {"LifecyclePolicy": {"LifecyclePolicyText": "x" * 100}},
            "Could not map policyString into LifecyclePolicy",
        ),
        (
            {"LifecyclePolicy": {"LifecyclePolicyText": "{}"}},
            "Member must have length greater than or equal to 100",
        ),
        ({"LifecyclePolicy": "text"}, "Value of property LifecyclePolicy must be an object"),
        ({"Tags": [{"Key": "aws:a", "Value": "b"}]}, "Tag parameters are invalid"),
        ({"Tags": [{"Value": "b"}]}, "Member must not be null"),
    ],
)
def test_properties_that_ecr_does_not_take(
    ecr: Any, stack: Stack, properties: dict[str, Any], message: str
) -> None:
    """The stack is not created, and no repository is left behind."""
    before = everything_stored()
    with pytest.raises(ClientError) as raised:
        stack.create(**properties)
    assert message in raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert everything_stored() == before


def test_a_name_that_is_taken(ecr: Any, stack: Stack) -> None:
    """A name that another repository has is refused, and that repository stays."""
    ecr.create_repository(repositoryName="team/app")
    with pytest.raises(ClientError) as raised:
        stack.create(RepositoryName="team/app")
    assert raised.value.response["Error"]["Message"] == (
        "Resource of type 'AWS::ECR::Repository' with identifier 'team/app' already exists."
    )


def test_an_attribute_that_repositories_do_not_have(aws: Any) -> None:
    """An unknown attribute is an error of the template."""
    client = aws.client("cloudformation")
    template = {
        "Resources": {"Repo": {"Type": "AWS::ECR::Repository"}},
        "Outputs": {"Other": {"Value": {"Fn::GetAtt": ["Repo", "Color"]}}},
    }
    error = refused(client.create_stack, StackName="images", TemplateBody=json.dumps(template))
    assert error.response["Error"]["Code"] == "ValidationError"


def test_stacks_of_regions(aws: Any) -> None:
    """A stack creates its repositories in its own Region."""
    client = aws.client("cloudformation", region="eu-west-1")
    template = {
        "Resources": {
            "Repo": {
                "Type": "AWS::ECR::Repository",
                "Properties": {"RepositoryName": "team/app"},
            }
        }
    }
    client.create_stack(StackName="images", TemplateBody=json.dumps(template))
    assert aws.client().describe_repositories()["repositories"] == []
    [repository] = aws.client(region="eu-west-1").describe_repositories()["repositories"]
    assert repository["repositoryArn"].startswith("arn:aws:ecr:eu-west-1:")
