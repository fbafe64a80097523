"""`moto_ecr_server --ssl`: its certificate, the lines that it prints, and clients that follow them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import requests

from moto_ecr_ext.server.commands.certificates import Issuer
from moto_ecr_ext.server.commands.tls import how_to_trust
from moto_ecr_ext.testing import build_image, write_oci_layout
from support.commands import PATIENCE, Command, Server, environment, running_server, script
from support.podman_and_buildah import containers_program
from support.programs import Home

# Windows has no such module.
pty = pytest.importorskip("pty")

AUTHORITY = re.compile(r"Clients have to trust the certificate authority (\S+)\.$", re.MULTILINE)
EXPORT = re.compile(r"export AWS_CA_BUNDLE=(\S+) PIP_CERT=\1 REQUESTS_CA_BUNDLE=\1$", re.MULTILINE)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with `--ssl` and a data directory."""
    with running_server("--ssl", "--data-dir", str(tmp_path_factory.mktemp("registry"))) as server:
        server.url = server.url.replace("http:", "https:")
        yield server


@pytest.fixture(scope="module")
def authority(encrypted: Server) -> str:
    """The file that clients are to trust, from the server's output."""
    match = AUTHORITY.search(encrypted.command.output)
    assert match
    return match[1]


def test_requests_trusts_it(encrypted: Server, authority: str) -> None:
    """requests trusts the server by the printed variable, at every name of the address; without it, it refuses."""
    exported = EXPORT.search(encrypted.command.output)
    assert exported
    assert exported[1] == authority
    port = encrypted.address.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        answer = requests.get(
            f"https://{host}:{port}/v2/",
            auth=("AWS", encrypted.password),
            verify=authority,
            timeout=PATIENCE,
        )
        assert answer.status_code == 200
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(f"{encrypted.url}/v2/", timeout=PATIENCE)


def test_boto3_trusts_it(
    encrypted: Server, authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 trusts the server by the printed variable. The answers name the scheme."""
    monkeypatch.setenv("AWS_CA_BUNDLE", authority)
    ecr = boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=encrypted.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    (login,) = ecr.get_authorization_token()["authorizationData"]
    assert login["proxyEndpoint"] == encrypted.url


@pytest.fixture
def repository(encrypted: Server, authority: str) -> Iterator[str]:
    """The URI of an empty repository."""
    ecr = boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=encrypted.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        verify=authority,
    )
    yield ecr.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    ecr.delete_repository(repositoryName="app", force=True)


def test_skopeo_trusts_it(
    encrypted: Server, authority: str, repository: str, tmp_path: Path
) -> None:
    """skopeo trusts the server with the file in the user's directory of certificates, which podman shares."""
    home = Home(tmp_path / "home")
    write_oci_layout(build_image(), tmp_path / "layout", "1.0")
    skopeo = home.program("skopeo")
    copy = ("copy", "--dest-creds", f"AWS:{encrypted.password}", f"oci:{tmp_path / 'layout'}:1.0")
    assert "certificate signed by unknown authority" in skopeo.refused(
        *copy, f"docker://{repository}:1.0"
    )
    certificates = home.path / ".config/containers/certs.d" / encrypted.address
    certificates.mkdir(parents=True)
    shutil.copy(authority, certificates / "ca.crt")
    skopeo(*copy, f"docker://{repository}:1.0")


def test_podman_trusts_it(
    encrypted: Server, authority: str, repository: str, tmp_path: Path
) -> None:
    """podman trusts the server with the directory of the file as `--cert-dir`, also at the name of a registry on
    this machine.
    """
    home = Home(tmp_path / "home")
    podman = containers_program("podman", home)
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    shutil.copy(authority, certificates / "ca.crt")
    login = ("login", "--cert-dir", str(certificates), "--username", "AWS", "--password-stdin")
    assert "Login Succeeded!" in podman(*login, encrypted.address, stdin=encrypted.password)
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY Containerfile /\n")
    podman("build", "--tag", f"{repository}:1.0", tmp_path)
    podman("push", "--cert-dir", str(certificates), f"{repository}:1.0")
    podman("rmi", "--all", "--force")
    podman("pull", "--cert-dir", str(certificates), f"{repository}:1.0")


def test_the_printed_lines_are_for_a_shell() -> None:
    """Paths with spaces are quoted; docker's line names the address."""
    text = how_to_trust(Path("/home/a user/ca.crt"), "127.0.0.1:5000")
    assert "  export AWS_CA_BUNDLE='/home/a user/ca.crt' PIP_CERT=" in text
    assert "  export SSL_CERT_FILE='/home/a user/ca.crt'\n" in text
    assert "--cacert '/home/a user/ca.crt'\n" in text
    assert "--cert-dir '/home/a user'\n" in text
    assert re.search(r"'/home/a user/ca.crt' \S*docker/certs.d/127.0.0.1:5000/?\S*$", text, re.M)


def test_the_authority_is_made_once(tmp_path: Path) -> None:
    """The authority is in the data directory, and the next server there has the same."""
    directory = tmp_path / "registry"
    files = []
    for _ in range(2):
        with running_server("--ssl", "--data-dir", str(directory)):
            files.append({each.name: each.read_bytes() for each in (directory / "tls").iterdir()})
    assert files[0] == files[1]


def test_servers_in_memory_share_the_user_s_authority(tmp_path: Path) -> None:
    """Without a data directory the authority is in the home of the user."""
    with running_server("-s", HOME=str(tmp_path)) as server:
        match = AUTHORITY.search(server.command.output)
    assert match
    assert Path(match[1]) == tmp_path / ".moto_ecr_ext/tls/ca.crt"


def test_a_certificate_of_the_user_s_comes_first(tmp_path: Path) -> None:
    """With --ssl-cert and --ssl-key no certificate is made and no authority printed, with or without --ssl."""
    issuer = Issuer(tmp_path / "mine")
    issuer.issue()
    pair = ("--ssl-cert", str(issuer.certificate), "--ssl-key", str(issuer.certificate))
    home = tmp_path / "home"
    for arguments in (pair, ("--ssl", *pair)):
        with running_server(*arguments, HOME=str(home)) as server:
            url = server.url.replace("http:", "https:")
            answer = requests.get(f"{url}/v2/", verify=str(issuer.authority), timeout=PATIENCE)
            assert answer.status_code == 401
            assert not AUTHORITY.search(server.command.output)
    assert not home.exists()


def ended(*arguments: str, **variables: str) -> str:
    """The output of a server that ended with exit code 2."""
    with Command("moto_ecr_server", "--port", "0", *arguments, **variables) as command:
        assert command.wait() == 2
    return command.output.removeprefix("moto_ecr_server: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--ssl-cert", "{cert}"],
            "--ssl-cert needs --ssl-key too, the file with the private key of the certificate.\n",
        ),
        (
            ["-k", "{cert}"],
            "--ssl-key needs --ssl-cert too, the file with the certificate of the key.\n",
        ),
        (
            ["-c", "{none}", "-k", "{cert}"],
            "--ssl-cert {none} cannot be read: No such file or directory.\n",
        ),
        (
            ["-c", "{cert}", "-k", "{none}"],
            "--ssl-key {none} cannot be read: No such file or directory.\n",
        ),
        (
            ["-c", "{cert}", "-k", "{other}"],
            "--ssl-cert {cert} and --ssl-key {other} are not a certificate and its key: "
            "key values mismatch.\n",
        ),
        (
            ["-c", "{text}", "-k", "{cert}"],
            "--ssl-cert {text} and --ssl-key {cert} are not a certificate and its key: not PEM.\n",
        ),
    ],
)
def test_a_wrong_certificate_is_reported_in_one_sentence(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    """A certificate without a key, and a missing or malformed file, is reported without a traceback."""
    for name in ("mine", "other"):
        Issuer(tmp_path / name).issue()
    (tmp_path / "text").write_text("not a certificate")
    files = {
        "cert": tmp_path / "mine/server.pem",
        "other": tmp_path / "other/server.pem",
        "none": tmp_path / "none.pem",
        "text": tmp_path / "text",
    }
    assert ended(*(each.format(**files) for each in arguments)) == message.format(**files)


def test_a_damaged_authority_is_reported_in_one_sentence(tmp_path: Path) -> None:
    """A damaged authority is reported, and left unchanged."""
    path = tmp_path / "registry/tls/authority.pem"
    path.parent.mkdir(parents=True)
    path.write_text("nothing")
    (line,) = ended("--ssl", "--data-dir", str(tmp_path / "registry")).splitlines()
    assert line.startswith(f"{path} is not the key and the certificate of an authority")
    assert path.read_text() == "nothing"


def test_a_read_only_home_is_reported_in_one_sentence(tmp_path: Path) -> None:
    """The refusal names the flags to give instead."""
    (tmp_path / "home").write_text("")
    (line,) = ended("--ssl", HOME=str(tmp_path / "home")).splitlines()
    assert line.startswith("--ssl cannot keep a certificate authority: ")
    assert line.endswith("Give --data-dir, or --ssl-cert and --ssl-key.")


def encrypted_pair(tmp_path: Path) -> tuple[Path, Path]:
    """The files of a certificate, and of its key with a pass phrase."""
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    request = "req -x509 -newkey rsa:2048 -subj /CN=localhost -passout pass:word -keyout {} -out {}"
    subprocess.run(
        ["openssl", *request.format(key, certificate).split()], check=True, capture_output=True
    )
    return certificate, key


def test_a_key_with_a_pass_phrase(tmp_path: Path) -> None:
    """A key with a pass phrase is refused without a terminal, on which to ask for it."""
    certificate, key = encrypted_pair(tmp_path)
    flags = ["--port", "0", "--ssl-cert", str(certificate), "--ssl-key", str(key)]
    with Command("moto_ecr_server", *flags) as command:
        assert command.wait() == 2
    assert command.output == (
        f"moto_ecr_server: --ssl-key {key} has a pass phrase, and there is no terminal to ask for it. "
        "Start the server on one, or remove the pass phrase with openssl pkey.\n"
    )


def test_a_wrong_pass_phrase(tmp_path: Path) -> None:
    """OpenSSL asks for the pass phrase on the terminal of the process."""
    certificate, key = encrypted_pair(tmp_path)
    here, there = pty.openpty()
    flags = ["--port", "0", "--ssl-cert", str(certificate), "--ssl-key", str(key)]
    # A process in a new session gets its terminal by opening it.
    code = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", code, script("moto_ecr_server"), *flags],
        stdin=there,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=environment(),
        text=True,
    ) as started:
        os.close(there)
        assert b"pass phrase" in os.read(here, 1000)
        os.write(here, b"wrong\n")
        output, _ = started.communicate(timeout=PATIENCE)
    os.close(here)
    assert started.returncode == 2
    assert output == f"moto_ecr_server: --ssl-key {key} cannot be opened with this pass phrase.\n"
