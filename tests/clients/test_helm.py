"""Helm: charts as OCI artifacts."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import Server
from support.programs import Home, Program
from support.pushed import RemoteRepository

CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


@pytest.fixture
def helm(home: Home) -> Program:
    """The commands of `helm_chart.py`."""
    if importlib.util.find_spec("helm_python") is None:
        pytest.skip("helm-python-sdk is not installed")
    script = str(Path(__file__).parents[1] / "support" / "helm_chart.py")
    return Program([sys.executable, script], home.path, home.variables)


@pytest.fixture
def charts(registry: Server) -> Iterator[RemoteRepository]:
    """The repository that Helm pushes the chart `web` below `charts` to."""
    ecr = registry.client()
    uri = ecr.create_repository(repositoryName="charts/web")["repository"]["repositoryUri"]
    yield RemoteRepository("charts/web", uri, ecr)
    ecr.delete_repository(repositoryName="charts/web", force=True)


@pytest.fixture
def package(helm: Program, home: Home) -> Path:
    """Version 1.2.3 of a chart, packaged by Helm."""
    chart = home.path / "web"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.2.3\n")
    (chart / "values.yaml").write_text("greeting: hello\n")
    (chart / "templates/config.yaml").write_text("apiVersion: v1\nkind: ConfigMap\n")
    return home.path / helm("package", "web", "packages").strip()


def test_a_chart_is_pushed_and_pulled(
    helm: Program, charts: RemoteRepository, package: Path, registry: Server, home: Home
) -> None:
    """A package goes to the registry and back byte for byte; the API lists it under its version."""
    login = (registry.address, registry.password)
    helm("push", *login, package, "charts")

    chart = charts.image("1.2.3")
    assert chart.config.media_type == CONFIG
    assert [each.media_type for each in chart.layers] == [CONTENT]
    assert chart.layers[0].content == package.read_bytes()
    assert charts.details()[chart.digest]["artifactMediaType"] == CONFIG

    assert helm("tags", *login, "charts/web").split() == ["1.2.3"]
    (home.path / "pulled").mkdir()
    helm("pull", *login, "charts/web", "1.2.3", "pulled")
    assert (home.path / "pulled/web-1.2.3.tgz").read_bytes() == package.read_bytes()


def test_a_chart_whose_repository_does_not_exist(
    helm: Program, package: Path, registry: Server
) -> None:
    """A push to a missing repository is refused with ECR's message."""
    said = helm.refused("push", registry.address, registry.password, package, "nowhere")

    assert "The repository with name 'nowhere/web' does not exist in the registry" in said


def test_a_wrong_password(helm: Program, registry: Server) -> None:
    """A login with another password is refused."""
    said = helm.refused("tags", registry.address, "another", "charts/web")
    assert "Your Authorization Token is invalid." in said
