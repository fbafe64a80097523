"""The run of the OCI conformance program: its settings, shown by a program in its place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from support.conformance import main
from support.postgresql import programs

pytestmark = pytest.mark.once

# Reads the tags of both repositories and begins an upload, as the settings say, and writes down what it saw.
PROGRAM = """\
    import base64, json, os, pathlib, sys, urllib.request

    settings = {name: value for name, value in os.environ.items() if name.startswith("OCI_")}
    login = f"{settings['OCI_USERNAME']}:{settings['OCI_PASSWORD']}".encode()

    def answer(method, path):
        request = urllib.request.Request(settings["OCI_ROOT_URL"] + path, method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(login).decode())
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()

    names = [settings["OCI_NAMESPACE"], settings["OCI_CROSSMOUNT_NAMESPACE"]]
    seen = {
        "arguments": sys.argv[1:],
        "settings": settings,
        "tags": [answer("GET", f"/v2/{name}/tags/list") for name in names],
        "upload": answer("POST", f"/v2/{names[0]}/blobs/uploads/")[0],
    }
    pathlib.Path(settings["OCI_REPORT_DIR"], "seen.json").write_text(json.dumps(seen))
    sys.exit(7 if settings["OCI_VERSION"] == "1.1" else 0)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that ends with 7 for version 1.1, and with 0 for any other."""
    path = tmp_path / "bin" / "oci-conformance"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{dedent(PROGRAM)}")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("named", [False, True], ids=["on the PATH", "named"])
def test_the_program_reaches_the_server(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """The program gets two repositories, a login and all workflows, for each version; a failure of one fails the
    run.
    """
    if named:
        other = program.rename(tmp_path / "conformance.test")
        monkeypatch.setenv("OCI_CONFORMANCE", str(other))
    else:
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        monkeypatch.delenv("OCI_CONFORMANCE", raising=False)
    reports = tmp_path / "new" / "reports"

    assert main([str(reports), "--place", "memory"]) == 7

    for version in ("1.1", "dev"):
        assert_reached(reports / "memory" / version, version)


def test_places(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs with every place of a server's state, unless some are named."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    monkeypatch.setenv("OCI_CONFORMANCE", str(program))
    assert main([str(tmp_path)]) == 7
    for place in ("memory", "directory", "postgresql", "s3"):
        for version in ("1.1", "dev"):
            assert_reached(tmp_path / place / version, version)


def assert_reached(reports: Path, version: str) -> None:
    """Check the program's record."""
    seen = json.loads((reports / "seen.json").read_text())
    assert seen["arguments"] == []
    settings = seen["settings"]
    settings.pop("OCI_CONFORMANCE", None)
    assert settings.pop("OCI_ROOT_URL").startswith("http://127.0.0.1:")
    assert settings.pop("OCI_PASSWORD")
    assert settings == {
        "OCI_VERSION": version,
        "OCI_RESULTS_DIR": str(reports),
        "OCI_NAMESPACE": "conformance/first",
        "OCI_CROSSMOUNT_NAMESPACE": "conformance/second",
        "OCI_USERNAME": "AWS",
        "OCI_TEST_PULL": "1",
        "OCI_TEST_PUSH": "1",
        "OCI_TEST_CONTENT_DISCOVERY": "1",
        "OCI_TEST_CONTENT_MANAGEMENT": "1",
        "OCI_REPORT_DIR": str(reports),
    }
    assert [status for status, _ in seen["tags"]] == [200, 200]
    assert [json.loads(text)["name"] for _, text in seen["tags"]] == [
        "conformance/first",
        "conformance/second",
    ]
    assert seen["upload"] == 202


def test_without_the_program_it_says_that_it_skips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the program, the exit status is 0."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OCI_CONFORMANCE", raising=False)

    assert main([str(tmp_path / "reports")]) == 0
    assert capsys.readouterr().out.startswith("Skipped: there is no oci-conformance on the PATH")
    assert not (tmp_path / "reports").exists()


def test_a_program_that_is_named_and_missing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A named program that is missing is an error, since a skip would hide that nothing was tested."""
    missing = str(tmp_path / "missing")
    monkeypatch.setenv("OCI_CONFORMANCE", missing)

    with pytest.raises(SystemExit) as exit_of:
        main([str(tmp_path / "reports")])
    assert exit_of.value.code == 2
    assert f"OCI_CONFORMANCE is no program: {missing}" in capsys.readouterr().err
