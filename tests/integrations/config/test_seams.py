"""Assumptions of the seam for Config in moto. A failure names the assumption that moved."""

from __future__ import annotations

from moto.config.models import RESOURCE_MAP


def test_config_has_its_types_in_a_dict(stock_moto: None) -> None:
    """The dict has an object for each type, with two methods."""
    assert "AWS::ECR::Repository" not in RESOURCE_MAP, "moto's Config knows repositories now"
    for query in RESOURCE_MAP.values():
        assert callable(query.list_config_service_resources)
        assert callable(query.get_config_resource)
        assert query.backends is not None
