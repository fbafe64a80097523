"""The page about keeping a server running: its units are well-formed, its metrics exist."""

from __future__ import annotations

import plistlib
import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from support.commands import PATIENCE, running_server, script
from support.pages import HOW_TO, blocks_of

PAGE = HOW_TO / "running-a-server.rst"
BLOCKS = blocks_of(PAGE)


def accepted(words: list[str], tmp_path: Path) -> bool:
    """Return whether the server starts with these arguments, except the port and the directory."""
    assert words[0].endswith("bin/moto_ecr_server")
    flags = dict(zip(words[1::2], words[2::2], strict=True))
    assert set(flags) == {"--port", "--data-dir"}
    with running_server("--data-dir", str(tmp_path / "registry")) as server:
        return server.command.stop() == 0


def test_the_unit(tmp_path: Path) -> None:
    """systemd finds no error in the unit, and the server accepts its flags."""
    text = BLOCKS["moto-ecr.service"]
    unit = RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    assert accepted(shlex.split(unit["Service"]["ExecStart"]), tmp_path)
    if shutil.which("systemd-analyze"):
        command = tmp_path / "bin" / "moto_ecr_server"
        command.parent.mkdir()
        command.symlink_to(script("moto_ecr_server"))
        file = tmp_path / "moto-ecr.service"
        file.write_text(text.replace("/opt/moto-ecr/bin", str(command.parent)))
        said = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(file)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "moto-ecr" not in said.stderr


def test_the_property_list(tmp_path: Path) -> None:
    """The property list is well-formed, and the server accepts its flags."""
    agent = plistlib.loads(BLOCKS["local.moto-ecr.plist"].encode())
    assert agent["Label"] == "local.moto-ecr"
    assert accepted(agent["ProgramArguments"], tmp_path)


def test_the_table_of_metrics() -> None:
    """The table has every metric, and no other."""
    with running_server() as server:
        server.client().describe_repositories()
        text = requests.get(f"{server.url}/moto-api/ecr/metrics", timeout=PATIENCE).text
    there = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
    }
    assert set(re.findall(r"^``(moto_ecr_\w+)``  ", PAGE.read_text(), re.MULTILINE)) == there
