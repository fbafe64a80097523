"""The promises of docs/explanation/security.rst: paths, tokens, access, and URLs."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import requests
from freezegun import freeze_time
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.models.registry import tokens
from moto_ecr_ext.oci.digest import is_digest
from moto_ecr_ext.storage.blobs.directory.store import DirectoryBlobStore
from moto_ecr_ext.storage.blobs.names import is_upload_id
from moto_ecr_ext.storage.store import close_current_store, current_store
from support.constants import ACCOUNT, OTHER_ACCOUNT, REGION
from support.environments import Environment
from support.registry_client import assert_token_refused

KEY = bytes(range(32))
FAR = 4_000_000_000.0
TOKEN = tokens.RegistryToken(ACCOUNT, REGION, FAR)
IMAGE = testing.build_image(seed=1, layers=1, layer_size=2000)
LAYER = IMAGE.layers[0]

# The fixtures hold a server or a directory that every example may use.
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

# Text that somebody might try to leave a directory with, and any other.
hostile = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(["..", ".", "/", "\\", "\0", "%2e", "%2f", "sha256:", "0" * 64, "a", "~"]),
        max_size=12,
    ).map("".join),
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "outer" / "registry"


@pytest.fixture
def kept(server: Environment, data_dir: Path) -> Iterator[Environment]:
    """A server that keeps its data in a directory, with an image in `team/app`."""
    moto_ecr_ext.install(data_dir=data_dir)
    ecr = server.client()
    ecr.create_repository(repositoryName="team/app")
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    yield server
    moto_ecr_ext.install()
    close_current_store()


def files_outside(data_dir: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in data_dir.parent.rglob("*")
        if path.is_file() and data_dir not in path.parents
    }


class TestPaths:
    """No path leaves the data directory."""

    @shared
    @given(text=hostile)
    def test_text_that_is_no_digest_or_upload_id(self, tmp_path: Path, text: str) -> None:
        """The store makes no path of a text that is no digest or upload id, whatever is asked for."""
        store = DirectoryBlobStore(tmp_path / "outer" / "data")
        if not is_digest(text):
            for use in (store.open, store.delete, store.verify):
                with pytest.raises(ValueError, match="not a digest"):
                    use(text)
        if not is_upload_id(text):
            with pytest.raises(ValueError, match="not an upload id"):
                store.cancel(text)
            with pytest.raises(ValueError, match="not an upload id"), store.upload(text):
                pytest.fail("a session was opened")
        made = {path.name for path in (tmp_path / "outer").rglob("*")}
        assert made == {"data", "uploads", "blobs"}

    @given(
        text=st.one_of(
            st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
            st.from_regex(r"sha512:[0-9a-f]{128}", fullmatch=True),
            hostile.map(lambda text: f"sha256:{text}"),
            hostile,
        )
    )
    def test_what_is_a_digest_has_no_separator(self, text: str) -> None:
        """A digest or an upload id has no separator, so that a path made of either is below its directory."""
        if is_digest(text) or is_upload_id(text):
            assert set(text) <= set("0123456789abcdef-sh:")

    @shared
    @given(name=hostile, last=hostile, data=st.data())
    def test_requests_for_other_paths(
        self, kept: Environment, data_dir: Path, name: str, last: str, data: st.DataObject
    ) -> None:
        """No URL, encoded or not, reads or changes files outside, and no request fails internally."""
        secret = data_dir.parent / "secret"
        secret.write_bytes(b"the secret")
        before = files_outside(data_dir)
        encode = data.draw(
            st.sampled_from(
                [
                    lambda text: quote(text, safe=""),
                    lambda text: quote(quote(text, safe=""), safe=""),
                    lambda text: quote(text, safe="/."),
                ]
            )
        )
        resource = data.draw(st.sampled_from(["blobs", "manifests", "blobs/uploads", "referrers"]))
        method = data.draw(st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"]))
        path = f"/v2/{encode(name)}/{resource}/{encode(last)}"

        status, body = ask(kept, method, path)

        assert status < 500
        assert b"the secret" not in body
        assert files_outside(data_dir) == before

    @pytest.mark.parametrize(
        "path",
        [
            "/v2/team/app/blobs/../../../../secret",
            "/v2/team/app/blobs/..%2f..%2f..%2fsecret",
            "/v2/team/app/blobs/sha256:..%2f..%2f..%2f..%2fsecret",
            "/v2/team/app/blobs/uploads/..%2f..%2fsecret",
            "/v2/team/app/blobs/uploads/%00",
            "/v2/../../secret",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "PUT"])
    def test_well_known_tricks(
        self, kept: Environment, data_dir: Path, path: str, method: str
    ) -> None:
        """Well-known tricks are refused like any missing path, and the file is unchanged."""
        secret = data_dir.parent / "secret"
        secret.write_bytes(b"the secret")
        status, body = ask(kept, method, path)
        assert 400 <= status < 500
        assert b"the secret" not in body
        assert secret.read_bytes() == b"the secret"

    def test_names_of_repositories_and_tags_are_in_no_path(
        self, kept: Environment, data_dir: Path
    ) -> None:
        """Names are rows: files on disk are named by digests, upload ids, and the database's names."""
        registry = kept.registry()
        registry.patch(registry.post("/v2/team/app/blobs/uploads/").headers["Location"], data=b"x")
        names = {path.name for path in data_dir.rglob("*") if path.is_file()}
        ours = {name for name in names if name.startswith("registry.sqlite")} | {"owner"}
        assert all(is_digest(f"sha256:{name}") or is_upload_id(name) for name in names - ours)

    def test_nobody_else_may_read(self, kept: Environment, data_dir: Path) -> None:
        """The directory, with its key, and blobs and uploads are readable by their owner only."""
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        for path in data_dir.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def ask(server: Environment, method: str, path: str) -> tuple[int, bytes]:
    """The answer to a path that is sent unchanged."""
    token = server.client().get_authorization_token()["authorizationData"][0]
    address = urlsplit(server.endpoint_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    try:
        connection.request(
            method, path, b"", {"Authorization": f"Basic {token['authorizationToken']}"}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def altered(text: str) -> st.SearchStrategy[str]:
    """`text` with one character changed, added or removed, or cut."""
    characters = st.characters(min_codepoint=33, max_codepoint=126)
    position = st.integers(0, len(text) - 1)
    return st.one_of(
        st.builds(lambda at, new: text[:at] + new + text[at + 1 :], position, characters),
        st.builds(lambda at, new: text[:at] + new + text[at:], position, characters),
        st.builds(lambda at: text[:at] + text[at + 1 :], position),
        st.builds(lambda at: text[:at], position),
        st.builds(lambda at: text[at:], position),
    ).filter(lambda other: other != text)


class TestTokens:
    """Passwords cannot be forged or altered."""

    @given(data=st.data())
    def test_altered(self, data: st.DataObject) -> None:
        """A password that differs in anything is refused."""
        password = data.draw(altered(tokens.issue_password(KEY, TOKEN)))
        with pytest.raises(tokens.TokenError):
            tokens.read_password(KEY, password)

    @given(
        account=st.from_regex(r"[0-9]{12}", fullmatch=True),
        region=st.sampled_from(["us-east-1", "eu-west-1"]),
        expires=st.floats(0, 1e11),
        principal=st.sampled_from([None, f"arn:aws:iam::{ACCOUNT}:user/somebody"]),
    )
    def test_another_content_under_the_same_signature(
        self, account: str, region: str, expires: float, principal: str | None
    ) -> None:
        """The holder of a password cannot forge one for another registry, caller or time."""
        other = tokens.RegistryToken(account, region, round(expires, 3), principal)
        assume(other != TOKEN)
        signature = tokens.issue_password(KEY, TOKEN).rpartition(".")[2]
        payload = tokens.issue_password(b"another key", other).rpartition(".")[0]
        with pytest.raises(tokens.TokenError):
            tokens.read_password(KEY, f"{payload}.{signature}")

    @given(
        account=st.one_of(st.just(ACCOUNT), st.text(st.characters(codec="utf-8"), max_size=12)),
        region=st.one_of(st.just(REGION), st.text(st.characters(codec="utf-8"), max_size=12)),
        expires=st.integers(int(FAR) * 1000, 10**14),
        principal=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=40)),
    )
    def test_what_was_issued_is_read(
        self, account: str, region: str, expires: int, principal: str | None
    ) -> None:
        """A password is parsed to what it was issued for, in characters that mean nothing to a shell."""
        token = tokens.RegistryToken(account, region, expires / 1000, principal)
        password = tokens.issue_password(KEY, token)
        assert tokens.read_password(KEY, password) == token
        assert re.fullmatch(r"[\w.%:/@+=,~-]+", password, re.ASCII)

    def test_length(self) -> None:
        """A password has half a line: twelve digits, a Region, a time, and 128 bits of signature (RFC 2104, 5)."""
        password = tokens.issue_password(KEY, TOKEN)
        assert re.fullmatch(rf"{ACCOUNT}\.{REGION}\.[0-9a-z]{{8,9}}\.[\w-]{{22}}", password)

    @pytest.mark.parametrize(
        ("arn", "said"),
        [
            (f"arn:aws:iam::{ACCOUNT}:user/a/bob", "user/a/bob"),
            (f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b", "assumed-role/a/b"),
            ("arn:aws:iam::999999999999:user/bob", "arn%3Aaws%3Aiam%3A%3A999999999999%3Auser/bob"),
            (f"arn:aws-cn:iam::{ACCOUNT}:role/a", f"arn%3Aaws-cn%3Aiam%3A%3A{ACCOUNT}%3Arole/a"),
            (f"arn:aws:iam::{ACCOUNT}:root", f"arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Aroot"),
        ],
    )
    def test_principals(self, arn: str, said: str) -> None:
        """Users and sessions of the registry's account are named by the last part of their ARN."""
        token = tokens.RegistryToken(ACCOUNT, REGION, FAR, arn)
        password = tokens.issue_password(KEY, token)
        assert password.split(".")[3] == said
        assert tokens.read_password(KEY, password) == token

    def test_whole_arns(self) -> None:
        """A password that an earlier version has issued names any principal by its whole ARN."""
        said = f"{ACCOUNT}.{REGION}.zzzzzzzz.arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Auser/bob"
        # Private, since this version issues no such password.
        signature = tokens._signature(KEY, "password", said)
        read = tokens.read_password(KEY, f"{said}.{signature}")
        assert read.principal == f"arn:aws:iam::{ACCOUNT}:user/bob"

    @given(key=st.binary(max_size=64), text=hostile)
    def test_without_the_key(self, key: bytes, text: str) -> None:
        """No signature of another key is accepted, and no text is a password by chance."""
        assume(key != KEY)
        for password in (tokens.issue_password(key, TOKEN), text, f"{text}.", f".{text}"):
            with pytest.raises(tokens.TokenError):
                tokens.read_password(KEY, password)

    def test_signatures_are_for_one_purpose(self) -> None:
        """The signature of a URL makes no password, though the same key made it."""
        encoded = base64.urlsafe_b64encode(b"[]").decode()
        # Private, since no URL has a signature of these bytes.
        signature = tokens._signature(KEY, "download", encoded)
        assert signature != tokens._signature(KEY, "password", encoded)
        with pytest.raises(tokens.TokenError):
            tokens.read_password(KEY, f"{encoded}.{signature}")

    def test_comparison_takes_as_long_for_any(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Signatures, right or wrong, are compared only by `hmac.compare_digest`."""
        compared: list[tuple[bytes, bytes]] = []
        original = hmac.compare_digest

        def compare(given: Any, expected: Any) -> bool:
            compared.append((given, expected))
            return original(given, expected)

        monkeypatch.setattr(hmac, "compare_digest", compare)
        # Private: an earlier test may have had this password verified, which is then compared with nothing.
        tokens._verified.cache_clear()
        right = tokens.issue_password(KEY, TOKEN)
        said, _, signature = right.rpartition(".")
        wrong = "0" * 22
        tokens.read_password(KEY, right)
        for password in (f"{said}.{wrong}", f"{said}."):
            with pytest.raises(tokens.TokenError):
                tokens.read_password(KEY, password)
        query = {"X-Ecr-Registry": ACCOUNT, "X-Ecr-Region": REGION, "X-Ecr-Expires": "1"}
        with pytest.raises(tokens.TokenError):
            tokens.read_download_query(KEY, {**query, "X-Ecr-Signature": wrong}, "a", "b")

        assert [given for given, _ in compared] == [
            signature.encode(),
            wrong.encode(),
            b"",
            wrong.encode(),
        ]

    def test_expired(self) -> None:
        """A password is good for twelve hours, and is refused from then on."""
        with freeze_time("2026-01-01 00:00:00") as clock:
            password = tokens.issue_password(
                KEY,
                tokens.RegistryToken(ACCOUNT, REGION, time.time() + tokens.TOKEN_LIFETIME),
            )
            clock.move_to("2026-01-01 11:59:59")
            assert tokens.read_password(KEY, password).account_id == ACCOUNT
            clock.move_to("2026-01-01 12:00:00")
            with pytest.raises(tokens.TokenExpired):
                tokens.read_password(KEY, password)

    def test_every_store_has_a_key_of_its_own(self, tmp_path: Path) -> None:
        """Each store has a key of 256 bits from the system's source, which is in no answer and no log."""
        keys = set()
        for name in ("a", "b"):
            with moto_ecr_ext.install(data_dir=tmp_path / name):
                keys.add(current_store().signing_key)
            close_current_store()
        assert len(keys) == 2
        assert {len(key) for key in keys} == {32}

    @pytest.fixture
    def password(self, kept: Environment) -> str:
        token = kept.client().get_authorization_token()["authorizationData"][0]
        return base64.b64decode(token["authorizationToken"]).decode().partition(":")[2]

    @shared
    @given(data=st.data())
    def test_over_http(self, kept: Environment, password: str, data: st.DataObject) -> None:
        """An altered Authorization header is refused."""
        other = data.draw(altered(password))
        answer = requests.get(
            f"{kept.endpoint_url}/v2/team/app/manifests/1.0",
            headers={
                "Authorization": "Basic " + base64.b64encode(f"AWS:{other}".encode()).decode()
            },
            timeout=60,
        )
        assert_token_refused(answer)


POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            }
        ],
    }
)
PATHS = [
    "/v2/team/app/manifests/1.0",
    f"/v2/team/app/manifests/{IMAGE.digest}",
    f"/v2/team/app/blobs/{LAYER.digest}",
]


class TestAccess:
    """A repository is reachable with a token of its registry, or if a policy allows it."""

    @pytest.fixture
    def pushed(self, aws: Environment) -> Environment:
        ecr = aws.client()
        ecr.create_repository(repositoryName="team/app")
        testing.push(ecr, "team/app", IMAGE, tag="1.0")
        return aws

    @pytest.mark.parametrize("path", [*PATHS, "/v2/team/app/tags/list", "/v2/_catalog", "/v2/"])
    @pytest.mark.parametrize("header", [None, "Bearer x", "Basic", ""])
    def test_without_a_token(self, pushed: Environment, path: str, header: str | None) -> None:
        """A refusal does not reveal whether the repository exists."""
        client = pushed.registry()
        del client.headers["Authorization"]
        headers = {} if header is None else {"Authorization": header}
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.text == "Not Authorized\n"

    @pytest.mark.parametrize("path", [*PATHS, "/v2/team/app/tags/list", "/v2/_catalog", "/v2/"])
    def test_a_password_that_is_no_token(self, pushed: Environment, path: str) -> None:
        """Its refusal does not reveal whether the repository exists, either."""
        client = pushed.registry()
        assert_token_refused(client.get(path, headers={"Authorization": "Basic QVdTOng="}))

    @pytest.mark.parametrize("path", PATHS)
    def test_a_token_of_another_account(self, pushed: Environment, path: str) -> None:
        """A token of another account reaches that account's registry; with the host of this one it needs a policy of
        the owner.
        """
        stranger = pushed.registry(account=OTHER_ACCOUNT)
        assert stranger.get(path).status_code == 404
        host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"

        def ask() -> requests.Response:
            if pushed.endpoint_url is None:
                return stranger.get(f"https://{host}{path}")
            return stranger.get(path, headers={"Host": host})

        assert ask().status_code == 403
        pushed.client().set_repository_policy(repositoryName="team/app", policyText=POLICY)
        assert ask().status_code == 200
        pushed.client().delete_repository_policy(repositoryName="team/app")
        assert ask().status_code == 403

    @pytest.mark.parametrize("path", PATHS)
    def test_a_token_of_another_region(self, pushed: Environment, path: str) -> None:
        """A token of another Region reaches nothing here."""
        elsewhere = pushed.registry(region="eu-west-1")
        assert elsewhere.get(path).status_code == 404
        host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
        if pushed.endpoint_url is None:
            answer = elsewhere.get(f"https://{host}{path}")
        else:
            answer = elsewhere.get(path, headers={"Host": host})
        assert_token_refused(answer)

    def test_a_policy_for_reading_lets_nobody_write(self, pushed: Environment) -> None:
        """The policy allows no change of its repository, and nothing in another repository."""
        ecr = pushed.client()
        ecr.create_repository(repositoryName="team/other")
        ecr.set_repository_policy(repositoryName="team/app", policyText=POLICY)
        guest = pushed.client(account=OTHER_ACCOUNT)
        manifest = IMAGE.manifest.decode()
        for operation, parameters in (
            ("put_image", {"repositoryName": "team/app", "imageManifest": manifest}),
            (
                "batch_delete_image",
                {"repositoryName": "team/app", "imageIds": [{"imageTag": "1.0"}]},
            ),
            ("initiate_layer_upload", {"repositoryName": "team/app"}),
            ("delete_repository", {"repositoryName": "team/app", "force": True}),
            (
                "batch_get_image",
                {"repositoryName": "team/other", "imageIds": [{"imageTag": "1.0"}]},
            ),
        ):
            with pytest.raises(guest.exceptions.ClientError) as refusal:
                getattr(guest, operation)(registryId=ACCOUNT, **parameters)
            assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
        assert len(ecr.list_images(repositoryName="team/app")["imageIds"]) == 1

    def test_a_blob_of_another_repository(self, pushed: Environment) -> None:
        """A repository returns only blobs that it holds, though bytes are stored once."""
        pushed.client().create_repository(repositoryName="team/other")
        registry = pushed.registry()
        assert registry.get(f"/v2/team/app/blobs/{LAYER.digest}").status_code == 200
        assert registry.get(f"/v2/team/other/blobs/{LAYER.digest}").status_code == 404
        assert registry.head(f"/v2/team/other/blobs/{LAYER.digest}").status_code == 404

    def test_an_upload_of_another_repository(self, pushed: Environment) -> None:
        """An upload cannot be continued in another repository by its id."""
        pushed.client().create_repository(repositoryName="team/other")
        registry = pushed.registry()
        path = urlsplit(registry.post("/v2/team/app/blobs/uploads/").headers["Location"]).path
        other = path.replace("/team/app/", "/team/other/")
        assert registry.patch(other, data=b"x").status_code == 404
        assert registry.delete(other).status_code == 404
        assert registry.patch(path, data=b"x").status_code == 202


class TestDownloadUrls:
    """URLs of layers expire and are for one layer of one repository."""

    @pytest.fixture
    def url(self, kept: Environment) -> str:
        answer = kept.client().get_download_url_for_layer(
            repositoryName="team/app", layerDigest=LAYER.digest
        )
        return str(answer["downloadUrl"])

    def test_as_it_is(self, url: str) -> None:
        """A download URL needs no credentials."""
        assert requests.get(url, timeout=60).content == LAYER.content

    @shared
    @given(data=st.data())
    def test_any_part_altered(self, url: str, data: st.DataObject) -> None:
        """A URL with another name, digest or query is refused."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        path = parts.path
        part = data.draw(st.sampled_from([*query, "name", "digest"]))
        if part == "name":
            path = path.replace("/team/app/", "/team/apps/")
        elif part == "digest":
            path = path.replace(LAYER.digest, IMAGE.config.digest)
        else:
            query[part] = data.draw(altered(query[part]))
        answer = requests.get(
            f"{parts.scheme}://{parts.netloc}{path}?{urlencode(query)}", timeout=60
        )
        assert answer.status_code in (400, 401, 403, 404)
        assert LAYER.content not in answer.content

    @pytest.mark.parametrize("left_out", ["Registry", "Region", "Expires", "Signature"])
    def test_any_part_left_out(self, url: str, left_out: str) -> None:
        """A URL without a part of its query is refused."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        del query[f"X-Ecr-{left_out}"]
        answer = requests.get(
            f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query)}", timeout=60
        )
        assert answer.status_code in (401, 403)

    @given(
        name=st.sampled_from(["team/app", "team", "team/app2", ""]),
        digest=st.sampled_from([LAYER.digest, IMAGE.config.digest, ""]),
        key=st.sampled_from([KEY, KEY[::-1]]),
        ahead=st.integers(-7200, 7200),
    )
    def test_binds_all_of_it(self, name: str, digest: str, key: bytes, ahead: int) -> None:
        """The signature binds key, name and digest, and ends at its time."""
        with freeze_time("2026-01-01") as clock:
            query = signed_query("team/app", LAYER.digest)
            clock.tick(ahead)
            is_good = (name, digest, key) == ("team/app", LAYER.digest, KEY)
            if is_good and ahead < tokens.DOWNLOAD_LIFETIME:
                registry = tokens.read_download_query(key, query, name, digest)
                assert (registry.account_id, registry.region) == (ACCOUNT, REGION)
            else:
                expected = tokens.TokenExpired if is_good else tokens.TokenError
                with pytest.raises(expected):
                    tokens.read_download_query(key, query, name, digest)

    @given(secrets_=st.lists(st.sampled_from(['"', ",", "\n", "]", "\\", "a"]), max_size=6))
    def test_fields_do_not_run_into_one_another(self, secrets_: list[str]) -> None:
        """The end of one field cannot be read as the beginning of the next."""
        text = "".join(secrets_)
        query = {"X-Ecr-Registry": ACCOUNT, "X-Ecr-Region": REGION, "X-Ecr-Expires": str(int(FAR))}
        # Private, since names of repositories and digests cannot have these characters.
        one = tokens._download_signature(KEY, query, f"a{text}", "b")
        assert one != tokens._download_signature(KEY, query, "a", f"{text}b") or not text
        assert one != tokens._download_signature(KEY, query, f"a{text}b", "")


def signed_query(name: str, digest: str) -> dict[str, str]:
    """The query of a URL for a layer, from now on."""
    query = {
        "X-Ecr-Registry": ACCOUNT,
        "X-Ecr-Region": REGION,
        "X-Ecr-Expires": str(int(time.time()) + tokens.DOWNLOAD_LIFETIME),
    }
    # Private, since the names of these tests are of no repository, for which alone a URL is made.
    query["X-Ecr-Signature"] = tokens._download_signature(KEY, query, name, digest)
    return query


def test_errors_reveal_nothing_internal(
    kept: Environment, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of both protocols contain no path and no line of code."""
    path = str(data_dir)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(5, "Input/output error", path)

    registry, ecr = kept.registry(), kept.client()
    upload_id = ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        answer = registry.post(f"/v2/team/app/blobs/uploads/?digest={LAYER.digest}", data=b"x")
        with pytest.raises(ecr.exceptions.ServerException) as refusal:
            ecr.upload_layer_part(
                repositoryName="team/app",
                uploadId=upload_id,
                partFirstByte=0,
                partLastByte=0,
                layerPartBlob=b"x",
            )
    assert answer.status_code == 500
    for text in (path, "Traceback", "Errno", ".py"):
        assert text not in answer.text
        assert text not in str(refusal.value)
