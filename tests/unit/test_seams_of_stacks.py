"""Assumptions of the seams for change sets and templates. A failure names the assumption that moved."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation import models as cloudformation_models
from moto.cloudformation import responses as cloudformation_responses
from moto.cloudformation.models import ChangeSet, Stack, cloudformation_backends
from moto.cloudformation.parsing import OutputMap
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import EmptyResult

from moto_ecr_ext.activation.cloudformation.template_urls import with_known_host
from moto_ecr_ext.activation.replacing import replace
from support.constants import ACCOUNT, REGION


def test_a_change_set_changes_its_stack_by_one_method(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ExecuteChangeSet calls `ChangeSet.apply`, which leaves outputs out and knows no exports of other stacks."""
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
    """A stack has what its static method returns, a change set what its method leaves as `template_dict`."""
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
    """Methods of the response class get two parameters; those of the backend take the ARN, which is a key of a dict."""
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
    """`list_change_sets` answers what the dict has, by the attributes of its values."""
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
    """Both modules look `get_stack_from_s3_url` up among their names; it knows a bucket in the path of S3's host."""
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
