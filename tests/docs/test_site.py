"""The site is built without a warning, and its reference has every setting, operation and error.

It needs Sphinx and the packages that docs/conf.py names: `tox -e docs` has them.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from moto_ecr_ext import exceptions, pytest_plugin, service_model, settings, testing
from moto_ecr_ext.settings import leniencies

pytest.importorskip("sphinx", reason="Sphinx is not installed")

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as for its readers: a warning is an error."""
    built = tmp_path_factory.mktemp("site")
    ended = subprocess.run(
        [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", DOCS, built],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return built


def text_of(page: Path) -> str:
    """The text of a page, without its markup."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def words_in(page: Path) -> set[str]:
    return set(re.findall(r"[\w.-]+", text_of(page)))


def test_every_setting_is_listed(site: Path) -> None:
    """Every setting is listed by its flag and its variable, and each quota by its name."""
    words = words_in(site / "reference" / "settings.html")
    for option in (*settings.ALL, *settings.OF_SERVERS, *settings.OF_WORKERS, *settings.PLACES):
        assert {option.flag, option.variable} <= words
    assert set(settings.DEFAULT_QUOTAS) <= words


def test_every_operation_is_described(site: Path) -> None:
    """Each row describes the operation here."""
    page = (site / "reference" / "operations.html").read_text(encoding="utf-8")
    rows = dict(re.findall(r"API_(\w+)\.html.*?</td>\s*<td>(.*?)</td>", page, re.DOTALL))
    assert set(rows) == set(service_model.operation_names())
    assert [name for name, done in rows.items() if not re.sub(r"<[^>]+>|\s", "", done)] == []


def test_every_error_is_listed(site: Path) -> None:
    """The page lists the errors of the API, and this project's codes beside AWS's."""
    words = words_in(site / "reference" / "errors.html")
    for error, code in exceptions.PROJECT_CODES.items():
        assert {error.code, code} <= words
    assert {"RepositoryNotFoundException", "LimitExceededException"} <= words


def test_every_helper_fixture_and_leniency_is_listed(site: Path) -> None:
    reference = site / "reference"
    assert {name for name in testing.__all__ if name[0].islower()} <= {
        word.rpartition(".")[2] for word in words_in(reference / "testing.html")
    }
    fixtures = {name for name in vars(pytest_plugin) if name.startswith("moto_ecr_")}
    assert fixtures <= {word.rpartition(".")[2] for word in words_in(reference / "fixtures.html")}
    assert {each.name for each in leniencies.ALL} <= words_in(reference / "leniencies.html")


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    """No page loads a script, a style, a font or a picture from another host."""
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link)\b[^>]*\b(?:src|href)=\"(https?:[^\"]+)", page.read_text("utf-8")
        )
        assert loaded == [], page
