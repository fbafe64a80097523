"""Assumptions of the seams for change sets and templates. A failure names the assumption that moved."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, UnknownServiceError
from moto import mock_aws
from moto.cloudformation import models as cloudformation_models
from moto.cloudformation import responses as cloudformation_responses
from moto.cloudformation.models import (
    ChangeSet,
    CloudFormationBackend,
    Stack,
    cloudformation_backends,
)
from moto.cloudformation.parsing import (
    OutputMap,
    ResourceMap,
    get_model_map,
    resource_class_from_type,
)
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import EmptyResult
from moto.ecr.models import Repository

import moto_ecr_ext
from moto_ecr_ext.integrations.cloudformation.repairs.template_urls import with_known_host
from moto_ecr_ext.integrations.cloudformation.stacks import StackError
from moto_ecr_ext.seams.replacing import replace
from support.constants import ACCOUNT, REGION


def test_a_change_set_changes_its_stack_by_one_method(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ExecuteChangeSet calls `ChangeSet.apply`, which omits outputs and lacks the exports of other stacks."""
    seen = []
    apply = ChangeSet.apply

    def record(self: Any) -> None:
        seen.append((self.stack.template_dict, self.stack.resource_map.cross_stack_resources))
        apply(self)

    monkeypatch.setattr(ChangeSet, "apply", record)
    template = {"Resources": {}, "Outputs": {"Out": {"Value": "x", "Export": {"Name": "name"}}}}
    with mock_aws():
        deploy(json.dumps(template))
        backend = cloudformation_backends[ACCOUNT][REGION]
        [stack] = backend.stacks.values()
        assert seen == [({}, {})]
        assert not stack.outputs, "moto has outputs of its own: the seam is not needed any more"
        stack.template_dict = template
        stack.output_map = OutputMap(stack.resource_map, template, stack.stack_id)
        [shown] = boto3.client("cloudformation", region_name=REGION).describe_stacks()["Stacks"]
        assert shown["Outputs"] == [{"OutputKey": "Out", "OutputValue": "x", "ExportName": "name"}]
        [export] = stack.exports
        assert (export.name, export.exporting_stack_id) == ("name", stack.stack_id)
        assert (stack.parameters, stack.tags, backend.exports) == ({}, {}, {})


def test_templates_are_parsed_by_two_methods(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The static method's result is the stack's template; the other method leaves a change set's in `template_dict`."""
    parse, parse_of_change_set = Stack.parse_template, ChangeSet._parse_template
    seen = []

    def record(template: str) -> dict[str, Any]:
        seen.append(template)
        return parse(template)

    def keep(self: Any) -> None:
        parse_of_change_set(self)
        assert self.parameters == {}
        self.template_dict["Resources"]["Other"] = {"Type": "AWS::SQS::Queue"}

    monkeypatch.setattr(Stack, "parse_template", staticmethod(record))
    monkeypatch.setattr(ChangeSet, "_parse_template", keep)
    template = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
    with mock_aws():
        client = boto3.client("cloudformation", region_name=REGION)
        client.create_stack(StackName="stack", TemplateBody=template)
        assert seen == [template]
        deploy(template)
        found = client.describe_stack_resources(StackName="s")["StackResources"]
    assert [each["LogicalResourceId"] for each in found] == ["Queue", "Other"]


def deploy(template: str) -> None:
    """Make a stack `s` by a change set `c`."""
    client = boto3.client("cloudformation", region_name=REGION)
    about = {"StackName": "s", "ChangeSetName": "c"}
    client.create_change_set(**about, TemplateBody=template, ChangeSetType="CREATE")
    client.execute_change_set(**about)


@pytest.mark.parametrize("kind", ["describe", "execute", "delete"])
def test_an_operation_for_a_change_set_finds_it_by_arn(stock_moto: None, kind: str) -> None:
    """Methods of the response class get two parameters; those of the backend receive the ARN, which is a key of a
    dict.
    """
    seen = []

    def record(self: CloudFormationResponse) -> EmptyResult:
        seen.append((self._get_param("StackName"), self._get_param("ChangeSetName")))
        return EmptyResult()

    unplug = replace(CloudFormationResponse, f"{kind}_change_set", record)
    try:
        with mock_aws():
            client = boto3.client("cloudformation", region_name=REGION)
            about = {"StackName": "s", "ChangeSetName": "c"}
            body = '{"Resources": {}}'
            made = client.create_change_set(**about, TemplateBody=body, ChangeSetType="CREATE")
            backend = cloudformation_backends[ACCOUNT][REGION]
            getattr(client, f"{kind}_change_set")(**about)
            getattr(backend, f"{kind}_change_set")(change_set_name=made["Id"])
    finally:
        unplug()
    assert seen == [("s", "c")]


def test_a_list_of_change_sets_is_made_of_the_values_of_a_dict(stock_moto: None) -> None:
    """`list_change_sets` returns the values of the dict, by their attributes."""
    with mock_aws():
        deploy('{"Resources": {}}')
        [(arn, change_set)] = cloudformation_backends[ACCOUNT][REGION].change_sets.items()
        names = (change_set.change_set_id, change_set.change_set_name, change_set.stack_id)
        client = boto3.client("cloudformation", region_name=REGION)
        [shown] = client.list_change_sets(StackName="s")["Summaries"]
    assert names == (arn, shown["ChangeSetName"], shown["StackId"])


@pytest.mark.parametrize("module", [cloudformation_models, cloudformation_responses])
def test_templates_are_read_by_one_function_of_each_module(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    """Both modules look up `get_stack_from_s3_url` among their names; it finds a bucket in the path of S3's host."""
    read, seen = module.get_stack_from_s3_url, []

    def record(template_url: str, account_id: str, partition: str) -> str:
        seen.append(template_url)
        return read(with_known_host(template_url), account_id=account_id, partition=partition)

    monkeypatch.setattr(module, "get_stack_from_s3_url", record)
    inner, outer = (f"https://s3.amazonaws.com/bucket/{name}.json" for name in ("inner", "outer"))
    resource = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": inner}}
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket="bucket")
        for key, resources in (("inner", {}), ("outer", {"Inner": resource})):
            body = json.dumps({"Resources": resources})
            s3.put_object(Bucket="bucket", Key=f"{key}.json", Body=body)
        stacks = boto3.client("cloudformation", region_name=REGION)
        stacks.create_stack(StackName="stack", TemplateURL=outer)
    assert seen == [inner if module is cloudformation_models else outer]


def test_stacks_create_and_update_by_two_class_methods(stock_moto: None) -> None:
    """moto's stacks make `AWS::ECR::Repository` through class methods of moto's `Repository`."""
    assert resource_class_from_type("AWS::ECR::Repository") is Repository
    for name in ("create_from_cloudformation_json", "update_from_cloudformation_json"):
        assert isinstance(Repository.__dict__[name], classmethod)


def test_stacks_delete_resources_by_one_method(stock_moto, monkeypatch):
    """Stacks, updates and change sets go through `ResourceMap._delete_resource`; a stack is deleted by its id."""
    resources, stacks = [], []
    delete_resource, delete_stack = ResourceMap._delete_resource, CloudFormationBackend.delete_stack

    def note_resource(self: Any, resource: Any, description: dict[str, Any]) -> None:
        resources.append(resource.logical_resource_id)
        delete_resource(self, resource, description)

    def note_stack(self: Any, name_or_stack_id: str) -> None:
        stacks.append(name_or_stack_id)
        delete_stack(self, name_or_stack_id)

    monkeypatch.setattr(ResourceMap, "_delete_resource", note_resource)
    monkeypatch.setattr(CloudFormationBackend, "delete_stack", note_stack)

    def template(*names: str) -> str:
        return json.dumps({"Resources": {name: {"Type": "AWS::SQS::Queue"} for name in names}})

    with mock_aws():
        client = boto3.client("cloudformation", region_name=REGION)
        created = client.create_stack(StackName="s", TemplateBody=template("A", "B", "C"))
        client.update_stack(StackName="s", TemplateBody=template("A", "B"))
        about = {"StackName": "s", "ChangeSetName": "c"}
        client.create_change_set(**about, TemplateBody=template("A"), ChangeSetType="UPDATE")
        client.execute_change_set(**about)
        client.delete_stack(StackName="s")
    assert resources == ["C", "B", "A"]
    assert stacks == ["s", created["StackId"]]


def test_uninstalling_gives_stacks_their_methods_back(stock_moto):
    """The first repository of a stack installs the seam of deletions; uninstalling removes it."""
    methods = (
        ResourceMap._delete_resource,
        ResourceMap.update,
        CloudFormationBackend.delete_stack,
        CloudFormationResponse.delete_stack,
    )
    template = json.dumps({"Resources": {"App": {"Type": "AWS::ECR::Repository"}}})
    with moto_ecr_ext.install(), mock_aws():
        stacks = boto3.client("cloudformation", region_name=REGION)
        stacks.create_stack(StackName="stack", TemplateBody=template)
        assert ResourceMap.update is not methods[1]
        assert CloudFormationResponse.delete_stack is not methods[3]
    assert methods == (
        ResourceMap._delete_resource,
        ResourceMap.update,
        CloudFormationBackend.delete_stack,
        CloudFormationResponse.delete_stack,
    )


def test_stacks_find_the_class_of_a_resource_in_one_dict(stock_moto):
    """moto's stacks look up the class of a type in a dict that is built once; the seam replaces entries of it."""
    types = get_model_map()
    assert types is get_model_map()
    assert types["AWS::ECR::Repository"] is Repository
    assert resource_class_from_type("AWS::ECR::RegistryPolicy") is None

    with moto_ecr_ext.install():
        found = resource_class_from_type("AWS::ECR::RegistryPolicy")
        assert found.cloudformation_type() == "AWS::ECR::RegistryPolicy"

    assert resource_class_from_type("AWS::ECR::RegistryPolicy") is None


def test_stacks_answer_an_error_by_the_model_of_the_package_of_its_class(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto looks an error up in the model of CloudFormation, then in that of `moto.<service>`, where its class is
    from. A class of `moto_ecr_ext` would belong to a service that does not exist.
    """

    class Refusal(ServiceException):
        __module__ = StackError.__module__

    def refuse(cls: type, *arguments: object, **options: object) -> None:
        raise Refusal("RepositoryPolicyNotFoundException", "There is none")

    monkeypatch.setattr(Repository, "create_from_cloudformation_json", classmethod(refuse))
    template = '{"Resources": {"App": {"Type": "AWS::ECR::Repository", "Properties": {}}}}'
    with mock_aws():
        stacks = boto3.client("cloudformation", region_name=REGION)
        with pytest.raises(ClientError, match="There is none") as caught:
            stacks.create_stack(StackName="stack", TemplateBody=template)
        assert caught.value.response["Error"]["Code"] == "RepositoryPolicyNotFoundException"

        Refusal.__module__ = "moto_ecr_ext.exceptions"
        with pytest.raises(UnknownServiceError, match="exceptions"):
            stacks.create_stack(StackName="another", TemplateBody=template)
