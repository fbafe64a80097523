"""Requests generated from botocore's service model: one that is valid, and those that are not.

The generator reads the model by itself and shares no code with the package's validation, so that
one checks the other.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from botocore.model import Shape

from moto_ecr_ext import service_model

# A value for every shape that has a pattern.
SAMPLES = {
    "Base64": "QVdTOnRva2Vu",
    "CredentialArn": (
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub"
    ),
    "ImageTagMutabilityExclusionFilterValue": "release-*",
    "KmsKeyForRepositoryCreationTemplate": (
        "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e-0000-4000-8000-000000000000"
    ),
    "LayerDigest": f"sha256:{'0' * 64}",
    "Prefix": "team",
    "PrincipalArn": "arn:aws:iam::123456789012:role/puller",
    "PullThroughCacheRuleRepositoryPrefix": "hub",
    "Region": "eu-west-1",
    "RegistryId": "123456789012",
    "ReplicationBackfillId": "1b2c3d4e-0000-4000-8000-000000000000",
    "RepositoryFilterValue": "team/app",
    "RepositoryName": "team/app",
    "ScanningRepositoryFilterValue": "team/*",
    "SigningProfileArn": "arn:aws:signer:us-east-1:123456789012:/signing-profiles/release",
    "SigningRepositoryFilterValue": "team/*",
    "UploadId": "1b2c3d4e-0000-4000-8000-000000000000",
}


def baseline(operation: str) -> dict[str, Any]:
    """A valid request with every member of the operation's input, as it is sent in JSON."""
    request: dict[str, Any] = sample(_input_shape(operation))
    return request


def variants(operation: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests that differ from the baseline in one broken constraint, each with a name.

    The name is the field as ECR's messages write it, a colon and the kind of constraint, which is
    `required`, `shortest`, `longest`, `lowest`, `highest`, `pattern` or `enum`. Where no text of
    a wrong length matches the pattern, both are broken.
    """
    for broken in _breakages(_input_shape(operation)):
        yield f"{broken.field}: {broken.kind}", broken.value


def sample(shape: Shape) -> Any:
    """A valid JSON value of a shape, with every member and at least one element in every list."""
    minimum = shape.metadata.get("min", 0)
    if shape.type_name == "structure":
        return {name: sample(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [sample(shape.member) for _ in range(max(minimum, 1))]
    if shape.type_name == "map":
        return {sample(shape.key): sample(shape.value)}
    if shape.type_name == "string":
        if shape.metadata.get("enum"):
            return shape.metadata["enum"][0]
        if shape.name in SAMPLES:
            return SAMPLES[shape.name]
        if "pattern" in shape.metadata:
            raise LookupError(f"SAMPLES lacks {shape.name}: {shape.metadata['pattern']}")
        return "text" + "." * (minimum - 4)
    if shape.type_name == "blob":
        return _encoded(b"blob")
    if shape.type_name == "boolean":
        return True
    if shape.type_name in ("integer", "long"):
        return max(minimum, 1)
    return {"float": 1.5, "double": 1.5, "timestamp": 1_700_000_000.25}[shape.type_name]


class _Breakage(NamedTuple):
    field: str
    kind: str
    value: Any

    def within(self, field: str, value: Any) -> _Breakage:
        return _Breakage(f"{field}.{self.field}" if self.field else field, self.kind, value)


def _input_shape(operation: str) -> Shape:
    model = service_model.operation(operation)
    assert model is not None, operation
    return model.input_shape


def _breakages(shape: Shape) -> Iterator[_Breakage]:
    """Every way to break one constraint of a shape or of what is inside it."""
    if shape.type_name == "structure":
        yield from _structure_breakages(shape)
    elif shape.type_name == "list":
        yield from _list_breakages(shape)
    elif shape.type_name == "map":
        yield from _map_breakages(shape)
    elif shape.type_name in ("string", "blob"):
        yield from _text_breakages(shape)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _number_breakages(shape)


def _structure_breakages(shape: Shape) -> Iterator[_Breakage]:
    valid = sample(shape)
    for name, member in shape.members.items():
        field = name[0].lower() + name[1:]
        if name in shape.required_members:
            without = {other: value for other, value in valid.items() if other != name}
            yield _Breakage(field, "required", without)
        for broken in _breakages(member):
            yield broken.within(field, {**valid, name: broken.value})


def _list_breakages(shape: Shape) -> Iterator[_Breakage]:
    element = sample(shape.member)
    lowest, highest = shape.metadata.get("min", 0), shape.metadata.get("max")
    if lowest:
        yield _Breakage("", "shortest", [element] * (lowest - 1))
    if highest is not None:
        yield _Breakage("", "longest", [element] * (highest + 1))
    # The last element is the broken one, so that its position in the message is seen to count.
    valid = [element] * (2 if highest is None else min(2, highest))
    for broken in _breakages(shape.member):
        value = [*valid[:-1], broken.value]
        if shape.member.type_name in ("structure", "list", "map"):
            yield broken.within(f"{len(value)}.member", value)
        else:
            yield broken._replace(value=value)


def _map_breakages(shape: Shape) -> Iterator[_Breakage]:
    key = sample(shape.key)
    for broken in _breakages(shape.key):
        yield broken._replace(value={broken.value: sample(shape.value)})
    for broken in _breakages(shape.value):
        if shape.value.type_name in ("structure", "list", "map"):
            yield broken.within(f"{key}.member", {key: broken.value})
        else:
            yield broken._replace(value={key: broken.value})


def _text_breakages(shape: Shape) -> Iterator[_Breakage]:
    lowest, highest = shape.metadata.get("min", 0), shape.metadata.get("max")
    pattern = shape.metadata.get("pattern")
    if shape.type_name == "blob":
        if lowest:
            yield _Breakage("", "shortest", _encoded(bytes(lowest - 1)))
        if highest is not None:
            yield _Breakage("", "longest", _encoded(bytes(highest + 1)))
        return
    valid = sample(shape)
    if lowest:
        yield _Breakage("", "shortest", valid[: lowest - 1])
    if highest is not None:
        yield _Breakage("", "longest", valid.ljust(highest + 1, valid[-1]))
    if pattern is not None:
        value = f" {valid[1:]}"
        assert not re.fullmatch(pattern, value), shape.name
        yield _Breakage("", "pattern", value)
    if shape.metadata.get("enum"):
        yield _Breakage("", "enum", f"{valid}_")


def _number_breakages(shape: Shape) -> Iterator[_Breakage]:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if lowest is not None:
        yield _Breakage("", "lowest", lowest - 1)
    if highest is not None:
        yield _Breakage("", "highest", highest + 1)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
