"""A picture of a terminal in which docker pushes, for docs/index.rst.

`MOTO_ECR_TEST_PICTURES` names a directory for it; docs/pictures/ has it.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from support.commands import running_server
from support.docker_daemon import running_docker
from support.programs import Home, find

COMMANDS = """\
aws ecr create-repository --repository-name team/app --query repository.repositoryUri
aws ecr get-login-password | docker login --username AWS --password-stdin 127.0.0.1:5000
docker push 127.0.0.1:5000/team/app:1.0
aws ecr describe-images --repository-name team/app --query 'imageDetails[0].imageDigest'
"""
SHOWN = "127.0.0.1:5000"
COLUMNS = 100


def test_a_push_is_shown(tmp_path: Path, pictures: Path) -> None:
    """The picture has each command and what it really wrote; the API lists the digest that docker prints."""
    console_of = pytest.importorskip("rich.console", reason="rich is not installed").Console
    find("aws")
    find("docker")
    console = console_of(record=True, width=COLUMNS, file=io.StringIO())
    with running_docker(tmp_path) as daemon, running_server() as server:
        home = Home(
            tmp_path / "home",
            DOCKER_HOST=daemon,
            AWS_ENDPOINT_URL=server.url,
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
        )
        bash = home.program("bash", "-euo", "pipefail", "-c")
        (home.path / "app").write_text("print('hello')\n")
        bash(f"tar --create app | docker import - {server.address}/team/app:1.0")
        for command in COMMANDS.splitlines():
            said = bash(f"{command} 2>&1".replace(SHOWN, server.address))
            console.print(f"[bold green]$[/] [bold]{command}[/]", highlight=False, soft_wrap=True)
            console.print(
                _without_warnings(said).replace(server.address, SHOWN),
                markup=False,
                highlight=False,
            )
    text = console.export_text(clear=False)

    pushed = re.search(r"1\.0: digest: (sha256:\w{64})", text)
    assert pushed
    assert f'"{pushed[1]}"' in text
    assert server.address not in text
    picture = console.export_svg(title="docker push", unique_id="push")
    # The font is the reader's own: pages load nothing from another host.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    assert "url(http" not in picture
    (pictures / "push.svg").write_text(picture, encoding="utf-8")


def _without_warnings(said: str) -> str:
    """Return what docker and the AWS CLI wrote, without docker's warning that a password is kept in a file."""
    start = said.find("WARNING!")
    if start >= 0:
        said = said[:start] + said[said.index("Login Succeeded") :]
    return said.strip()
