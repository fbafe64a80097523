"""Tests of what only newer versions of moto can do."""

from __future__ import annotations

import inspect

import pytest
from moto.ecs.models import EC2ContainerServiceBackend
from moto.moto_server import werkzeug_app

# Since moto 5.2 its server has a separate request handler.
KEEPS_CONNECTIONS = hasattr(werkzeug_app, "MotoRequestHandler")
needs_kept_connections = pytest.mark.skipif(
    not KEEPS_CONNECTIONS, reason="this moto's server keeps no connections"
)
needs_capacity_providers = pytest.mark.skipif(
    "capacity_provider_strategy"
    not in inspect.signature(EC2ContainerServiceBackend.run_task).parameters,
    reason="this moto runs no tasks by a capacity provider",
)
