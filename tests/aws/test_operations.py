"""The implemented operations, compared with AWS's service model in the installed botocore."""

from __future__ import annotations

import inspect

import pytest

from moto_ecr_ext import service_model
from moto_ecr_ext.models import ECRBackend


@pytest.mark.parametrize("operation", service_model.operation_names())
def test_an_operation_is_implemented(operation: str) -> None:
    """The backend has a method for each operation that accepts every member of its input, and needs no other."""
    method = getattr(ECRBackend, service_model.method_name(operation), None)
    assert method is not None, f"{operation} is not implemented"
    model = service_model.operation(operation)
    assert model is not None
    members = {service_model.method_name(name): None for name in model.input_shape.members}
    required = {
        service_model.method_name(name): None for name in model.input_shape.required_members
    }
    signature = inspect.signature(method)
    signature.bind(None, **members)
    signature.bind(None, **required)
