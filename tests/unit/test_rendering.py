"""Results in wire form: which members are written, under which names and in which form."""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import botocore
import pytest
from botocore.model import ServiceModel, Shape

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions.common import UnknownOperationException
from moto_ecr_ext.json_api.rendering import Renderer, compile_renderer, render
from support.constants import ABSENT_DIGEST
from support.model_variants import sample


def renderer_of(**shapes: Any) -> Renderer:
    """The renderer of an operation whose output is the shape `Output` of these."""
    model = {
        "metadata": {"protocol": "json", "serviceId": "Test"},
        "operations": {"Test": {"name": "Test", "output": {"shape": "Output"}}},
        "shapes": shapes,
    }
    return compile_renderer(ServiceModel(model, "test").operation_model("Test"))


def output_shape(operation: str) -> Shape:
    model = service_model.operation(operation)
    assert model is not None
    return model.output_shape


def as_objects(shape: Shape, wire: Any) -> Any:
    """A value in wire form, with objects for structures and tuples for lists."""
    if shape.type_name == "structure":
        return SimpleNamespace(
            **{
                botocore.xform_name(name): as_objects(member, wire[name])
                for name, member in shape.members.items()
            }
        )
    if shape.type_name == "list":
        return tuple(as_objects(shape.member, item) for item in wire)
    return wire


OPERATIONS = service_model.operation_names()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_member_of_a_mapping_is_written(operation: str) -> None:
    """A result in wire form is rendered unchanged, member for member in the model's order."""
    wire = sample(output_shape(operation))
    assert json.dumps(render(operation, wire)) == json.dumps(wire)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_attribute_of_an_object_is_written(operation: str) -> None:
    """Objects with snake case attributes give the same answer as the wire's names."""
    shape = output_shape(operation)
    wire = sample(shape)
    assert json.dumps(render(operation, as_objects(shape, wire))) == json.dumps(wire)


def test_members_that_are_none_are_left_out() -> None:
    """An optional member without a value is absent, at every depth; an empty list is kept."""
    result = SimpleNamespace(
        image_details=[
            SimpleNamespace(image_digest=ABSENT_DIGEST, image_tags=[], image_scan_status=None),
            {"imageDigest": ABSENT_DIGEST, "imageTags": None},
        ],
        next_token=None,
    )
    assert render("DescribeImages", result) == {
        "imageDetails": [
            {"imageDigest": ABSENT_DIGEST, "imageTags": []},
            {"imageDigest": ABSENT_DIGEST},
        ]
    }


@pytest.mark.parametrize("value", [0, False, "", 0.0])
def test_values_that_are_false_are_written(value: object) -> None:
    """Only None means that there is nothing to write."""
    assert render("PutAccountSetting", {"value": value}) == {"value": value}


def test_members_that_the_model_does_not_have_are_left_out() -> None:
    """Members of a result that the installed botocore lacks are omitted."""
    assert render("PutAccountSetting", {"name": "a", "colour": "red"}) == {"name": "a"}
    assert render("PutAccountSetting", SimpleNamespace(name="a", colour="red")) == {"name": "a"}


@dataclasses.dataclass
class Setting:
    name: str
    value: str


@dataclasses.dataclass(slots=True)
class SlottedSetting:
    name: str
    value: str


class RowSetting(NamedTuple):
    value: str
    name: str


class PropertySetting:
    @property
    def name(self) -> str:
        return "a"

    @property
    def value(self) -> str:
        return "b"


class WireSetting(Mapping[str, str]):
    """A mapping that is no dict."""

    def __getitem__(self, key: str) -> str:
        return {"name": "a", "value": "b"}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("name", "value"))

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({"name": "a", "value": "b"}, id="dict"),
        pytest.param(OrderedDict(value="b", name="a"), id="subclass of dict"),
        pytest.param(MappingProxyType({"name": "a", "value": "b"}), id="read-only mapping"),
        pytest.param(WireSetting(), id="other mapping"),
        pytest.param(Setting("a", "b"), id="dataclass"),
        pytest.param(SlottedSetting("a", "b"), id="slots"),
        pytest.param(RowSetting(value="b", name="a"), id="named tuple"),
        pytest.param(PropertySetting(), id="properties"),
        pytest.param(SimpleNamespace(name="a", value="b"), id="namespace"),
    ],
)
def test_kinds_of_results(result: object) -> None:
    """Any object or mapping with the members is accepted."""
    assert render("PutAccountSetting", result) == {"name": "a", "value": "b"}


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(SimpleNamespace(layers=[]), id="attribute missing"),
        pytest.param(MappingProxyType({"layers": []}), id="key missing in a mapping"),
        pytest.param({"layers": []}, id="key missing in a dict"),
    ],
)
def test_members_that_the_result_lacks_are_left_out(result: object) -> None:
    """A result need not know every member of the shape."""
    assert render("BatchCheckLayerAvailability", result) == {"layers": []}


@pytest.mark.parametrize("result", [None, "digest", 5, object(), [], SimpleNamespace(nam="a")])
def test_a_result_without_any_member_is_a_mistake(result: object) -> None:
    """A result of another shape is an error, not an empty answer."""
    with pytest.raises(TypeError, match="PutAccountSettingResponse"):
        render("PutAccountSetting", result)


def test_none_in_a_list_of_structures_is_a_mistake() -> None:
    """A missing element does not become an empty structure."""
    with pytest.raises(TypeError, match="ImageDetail"):
        render("DescribeImages", {"imageDetails": [None]})


class FailingSetting:
    name = "a"

    @property
    def value(self) -> str:
        return self.misspelt  # type: ignore[attr-defined,no-any-return]


def test_a_property_that_fails_is_not_a_missing_member() -> None:
    """Its AttributeError reaches the developer."""
    with pytest.raises(AttributeError, match="misspelt"):
        render("PutAccountSetting", FailingSetting())


def test_an_operation_without_output_gives_an_empty_object() -> None:
    """The result of an operation with an empty output is ignored."""
    assert render("TagResource", None) == {}
    assert render("UntagResource", object()) == {}


def test_an_operation_without_an_output_shape_gives_an_empty_object() -> None:
    """An operation whose model lacks an output gives an empty object."""
    model = {"metadata": {}, "operations": {"Test": {"name": "Test"}}, "shapes": {}}
    rendered = compile_renderer(ServiceModel(model, "test").operation_model("Test"))
    assert rendered(None) == {}


def test_unknown_operation() -> None:
    """An operation that this botocore does not know is AWS's UnknownOperationException."""
    with pytest.raises(UnknownOperationException):
        render("PutLayer", {})


@pytest.mark.parametrize(
    ("moment", "epoch"),
    [
        pytest.param(1_700_000_000, 1_700_000_000, id="whole seconds"),
        pytest.param(1_700_000_000.25, 1_700_000_000.25, id="fraction"),
        pytest.param(
            datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=timezone.utc),
            1_700_000_000.25,
            id="datetime in UTC",
        ),
        pytest.param(
            datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))),
            1_700_000_000,
            id="datetime elsewhere",
        ),
    ],
)
def test_timestamps(moment: object, epoch: float) -> None:
    """A timestamp is written as epoch seconds."""
    answer = render("CreateRepository", {"repository": SimpleNamespace(created_at=moment)})
    assert json.loads(json.dumps(answer)) == {"repository": {"createdAt": epoch}}


def test_a_datetime_without_a_time_zone_is_a_mistake() -> None:
    """A datetime without a time zone raises an error, since it would depend on the machine's."""
    with pytest.raises(ValueError, match="time zone"):
        render("CreateRepository", {"repository": {"createdAt": datetime(2023, 11, 14)}})


def test_tags_keep_the_capitals_of_the_wire() -> None:
    """`Key` and `Value` are written as such, from mappings and from objects."""
    tags = [{"Key": "k", "Value": "v"}, SimpleNamespace(key="k2", value="v2")]
    assert render("ListTagsForResource", {"tags": tags}) == {
        "tags": [{"Key": "k", "Value": "v"}, {"Key": "k2", "Value": "v2"}]
    }


def test_maps_keep_their_keys() -> None:
    """The keys of a map are data and not members; None among its values is left out."""
    findings = SimpleNamespace(
        image_scan_findings=SimpleNamespace(
            finding_severity_counts={"HIGH": 2, "LOW": 0, "MEDIUM": None}
        )
    )
    assert render("DescribeImageScanFindings", findings) == {
        "imageScanFindings": {"findingSeverityCounts": {"HIGH": 2, "LOW": 0}}
    }


def test_maps_of_structures_are_rendered() -> None:
    """A map's values may be objects."""
    rendered = renderer_of(
        Output={"type": "structure", "members": {"rules": {"shape": "Rules"}}},
        Rules={"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Rule"}},
        Rule={"type": "structure", "members": {"filterType": {"shape": "Text"}}},
        Text={"type": "string"},
    )({"rules": {"any_name": SimpleNamespace(filter_type="WILDCARD")}})
    assert rendered == {"rules": {"any_name": {"filterType": "WILDCARD"}}}


def test_blobs_are_base64() -> None:
    """Bytes are written as base64 without line breaks."""
    rendered = renderer_of(
        Output={"type": "structure", "members": {"part": {"shape": "Part"}}},
        Part={"type": "blob"},
    )({"part": b"\x00\xff" * 60})
    assert rendered == {"part": "AP8A" + "/wD/AP8A" * 19 + "/wD/"}


def test_a_shape_that_contains_itself_is_rendered() -> None:
    """Structures of one shape inside each other are all rendered."""
    rendered = renderer_of(
        Output={
            "type": "structure",
            "members": {"nodeName": {"shape": "Text"}, "nodes": {"shape": "Nodes"}},
        },
        Nodes={"type": "list", "member": {"shape": "Output"}},
        Text={"type": "string"},
    )(SimpleNamespace(node_name="a", nodes=[SimpleNamespace(node_name="b", nodes=[])]))
    assert rendered == {"nodeName": "a", "nodes": [{"nodeName": "b", "nodes": []}]}


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(["a", "b"], id="list"),
        pytest.param(("a", "b"), id="tuple"),
        pytest.param(iter(["a", "b"]), id="iterator"),
        pytest.param({"a": 1, "b": 2}.keys(), id="keys"),
    ],
)
def test_lists_are_written_from_any_iterable(tags: object) -> None:
    """The answer holds a separate list."""
    answer = render("DescribeImages", {"imageDetails": [{"imageTags": tags}]})
    written = answer["imageDetails"][0]["imageTags"]
    assert written == ["a", "b"]
    assert written is not tags


def test_the_result_is_not_changed() -> None:
    """Rendering leaves a mapping as it was, nested values included."""
    pushed = datetime(2023, 11, 14, tzinfo=timezone.utc)
    result = {"imageDetails": [{"imagePushedAt": pushed, "imageTags": None}], "nextToken": None}
    render("DescribeImages", result)
    assert result == {
        "imageDetails": [{"imagePushedAt": pushed, "imageTags": None}],
        "nextToken": None,
    }
