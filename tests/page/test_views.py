"""The web page: its contents, their escaping, and the permission to change things by it."""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import Any
from urllib.parse import quote

import pytest
import requests

from moto_ecr_ext.oci.configuration import LARGEST_CONFIG
from moto_ecr_ext.testing import (
    OCI,
    Blob,
    Image,
    build_artifact,
    build_image,
    build_index,
    build_layer,
    faults,
    push,
    queue_scan_findings,
)
from moto_ecr_ext.testing.builder import assemble_image
from support.constants import ABSENT_DIGEST, OTHER_ACCOUNT
from support.environments import Environment
from support.page import REGISTRY, Page, Site, image_path, repository_path
from support.stored import everything_stored

NAME = "team/app"
FAULTS = "Calls fail on purpose"
PATH = repository_path(NAME)
# What would run, end an attribute or be another template's, wherever it is not escaped.
HOSTILE = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7777*7 }}&amp;javascript:alert(3)"
)
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
            "action": {"type": "expire"},
        }
    ]
}


def test_active_faults_are_a_banner(site: Site, image: Image) -> None:
    """Each page says which faults are active, and how often they have struck."""
    assert FAULTS not in site.read(PATH).text
    with faults.throttle("PutImage", repository="<b>team</b>"):
        text = site.read(PATH).text
        assert f"{FAULTS}, by 1 fault" in text
        assert '"repository": "<b>team</b>"' in text
        assert "0 strikes" in text
        assert FAULTS in site.read("storage").text
    assert FAULTS not in site.read(PATH).text


@pytest.fixture
def site(aws: Environment) -> Site:
    return Site(aws.endpoint_url)


@pytest.fixture
def image(ecr: Any) -> Image:
    """An image with two tags, in a repository."""
    ecr.create_repository(repositoryName=NAME)
    image = build_image(layers=2, layer_size=5000)
    push(ecr, NAME, image, tag="1.0")
    push(ecr, NAME, image, tag="latest")
    return image


def hostile_image() -> Image:
    """An image with a hostile text wherever one fits."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(HOSTILE))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, HOSTILE
        tar.addfile(link)
    layer = Blob(archive.getvalue(), OCI.layer_tar)
    config = {
        "architecture": HOSTILE,
        "os": HOSTILE,
        "author": HOSTILE,
        "created": HOSTILE,
        "config": {
            "Cmd": [HOSTILE],
            "Env": [HOSTILE],
            "Labels": {HOSTILE: HOSTILE},
            "ExposedPorts": {HOSTILE: {}},
            "User": {HOSTILE: 1},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        "history": [{"created_by": HOSTILE, "comment": HOSTILE}, 7, {"created_by": None}],
    }
    return assemble_image(
        OCI,
        config=Blob(json.dumps(config).encode(), OCI.config),
        layers=[layer],
        annotations={HOSTILE: HOSTILE},
    )


def assert_harmless(page: Page, times: int = 1) -> None:
    """Fail unless a page has no elements but its own, and shows the hostile text."""
    scripts = [attributes for name, attributes in page.elements if name == "script"]
    assert [re.sub(r"\?.*", "", str(each.get("src"))) for each in scripts] == [
        "/moto-api/ecr/static/page.js"
    ]
    for name, attributes in page.elements:
        assert name != "img"
        assert not [each for each in attributes if each.startswith("on") or each == "style"]
        for link in ("href", "src", "action"):
            assert not str(attributes.get(link, "")).lower().startswith("javascript:")
    assert page.text.count("<script>alert(1)</script>") >= times
    assert "54439" not in page.text


def test_a_registry_shows_its_repositories(ecr: Any, site: Site, image: Image) -> None:
    """The page lists repositories with images, tags and sizes; the list of registries counts them."""
    ecr.create_repository(repositoryName="other", imageTagMutability="IMMUTABLE")
    push(ecr, "other", image, tag="copy")
    text = site.read(REGISTRY).text
    assert "team/app 1 2 14.8 KB 14.8 KB just now" in text
    assert "other 1 1 14.8 KB 14.8 KB just now Immutable tags" in text
    assert "2 repositories · 2 images" in site.read("registries").text


def test_an_empty_server_says_how_to_begin(site: Site, aws: Environment) -> None:
    """The default registry without a repository shows the commands that log in and create one."""
    assert "No repositories yet" in site.read("registries").text
    assert site.get().headers["Location"] == f"/moto-api/ecr/{REGISTRY}"
    page = site.read(REGISTRY)
    assert "aws ecr create-repository --repository-name team/app" in page.text
    host = site.url.partition("://")[2]
    assert f"docker login --username AWS --password-stdin {host}" in page.text


def test_the_page_begins_in_the_only_registry(ecr: Any, site: Site, aws: Environment) -> None:
    """It is the one with repositories, and links the list. If several have some, the page begins with the list."""
    aws.client(region="eu-west-1").create_repository(repositoryName="team/app")
    answer = site.get()
    assert answer.status_code == 303
    path = answer.headers["Location"].removeprefix("/moto-api/ecr/")
    assert path == "registries/123456789012/eu-west-1"
    links = [each.get("href") for _, each in site.read(path).elements]
    assert "/moto-api/ecr/registries" in links
    listed = [each.get("href") for _, each in site.read("registries").elements]
    assert {f"/moto-api/ecr/{path}", f"/moto-api/ecr/{REGISTRY}"} <= set(listed)

    ecr.create_repository(repositoryName="team/app")

    assert site.get().headers["Location"] == "/moto-api/ecr/registries"


def test_repositories_are_searched_and_paged(ecr: Any, site: Site) -> None:
    """A page has fifty repositories, and links to the next and the previous one, within the search."""
    for number in range(120):
        ecr.create_repository(repositoryName=f"app-{number:03}")
    ecr.create_repository(repositoryName="other_percent")

    def names(page: Page) -> list[str]:
        return re.findall(r"(?:app-\d{3}|other_percent)(?= 0 0)", page.text)

    def follow(page: Page, rel: str) -> Page:
        [link] = [each["href"] for name, each in page.elements if each.get("rel") == rel]
        return site.read(str(link).removeprefix("/moto-api/ecr/"))

    first = site.read(f"{REGISTRY}?q=APP")
    second = follow(first, "next")
    third = follow(second, "next")
    assert names(first) == [f"app-{number:03}" for number in range(50)]
    assert names(second) == [f"app-{number:03}" for number in range(50, 100)]
    assert names(third) == [f"app-{number:03}" for number in range(100, 120)]
    assert names(follow(third, "prev")) == names(second)
    assert names(follow(follow(third, "prev"), "prev")) == names(first)
    assert names(site.read(f"{REGISTRY}?q=_p")) == ["other_percent"]
    assert names(site.read(f"{REGISTRY}?q=%25")) == []


def test_images_are_paged_and_searched(ecr: Any, site: Site, image: Image) -> None:
    """A page has a hundred images, the last one first; a tag, the beginning of a digest or a status selects some."""
    for number in range(150):
        other = image.manifest.decode() + " " * (number + 1)
        ecr.put_image(repositoryName=NAME, imageManifest=other, imageTag=f"build-{number:03}")
    untagged = ecr.put_image(repositoryName=NAME, imageManifest=image.manifest.decode() + "\n")

    def tags(page: Page) -> list[str]:
        return re.findall(r"build-\d{3}|(?<=\s)1\.0(?=\s)", page.text)

    def follow(page: Page, rel: str) -> Page:
        [link] = [each["href"] for name, each in page.elements if each.get("rel") == rel]
        return site.read(str(link).removeprefix("/moto-api/ecr/"))

    first = site.read(PATH)
    second = follow(first, "next")
    assert tags(first) == [f"build-{number:03}" for number in range(149, 50, -1)]
    assert tags(second) == [*(f"build-{number:03}" for number in range(50, -1, -1)), "1.0"]
    assert tags(follow(second, "prev")) == tags(first)
    assert tags(site.read(f"{PATH}?q=D-14")) == [f"build-14{number}" for number in range(9, -1, -1)]
    digest = untagged["image"]["imageId"]["imageDigest"]
    for beginning in (digest[:20], digest[7:15]):
        assert digest[7:19] in site.read(f"{PATH}?q={beginning}").text
    found = site.read(f"{PATH}?show=untagged").text
    assert digest[7:19] in found
    assert "build-" not in found
    assert "No image matches." in site.read(f"{PATH}?show=archived").text


def test_an_image_shows_its_layers_with_what_made_them(ecr: Any, site: Site, image: Image) -> None:
    """Each layer has its size, its command, and a page of its files."""
    page = site.read(image_path(NAME, image.digest))
    assert "layer 1 of 2" in page.text
    assert "linux/amd64" in page.text
    for layer in image.layers:
        assert layer.digest[7:19] in page.text
        path = f"{PATH}/-/layers/{layer.digest}"
        assert "5.0 KB" in site.read(path).text
    assert site.get(f"{PATH}/-/tags/1.0").headers["Location"].endswith(image.digest)


def test_layers_show_files_links_and_removals(ecr: Any, site: Site) -> None:
    """The page shows files, links and removals of a layer, compressed or not; it says if a layer is no archive."""
    ecr.create_repository(repositoryName=NAME)
    files = {"etc/app.conf": b"x" * 1500, "etc/.wh.old.conf": b"", "var/.wh..wh..opq": b""}
    for compression in ("gzip", "none"):
        layer = build_layer(files, compression=compression)
        push(ecr, NAME, build_image(layers=[layer], seed=compression), tag=compression)
        text = site.read(f"{PATH}/-/layers/{layer.digest}").text
        assert "etc/app.conf 1.5 KB rw-r--r-- 0:0" in text
        assert "etc/old.conf removed" in text
        assert "var emptied" in text
        assert "etc/app.conf" not in site.read(f"{PATH}/-/layers/{layer.digest}?q=old").text
    artifact = build_artifact(artifact_type="application/spdx+json", content=b"{}" * 600)
    push(ecr, NAME, artifact, tag="sbom")
    text = site.read(f"{PATH}/-/layers/{artifact.layers[0].digest}").text
    assert "is not a tar archive" in text


def test_a_large_layer_is_read_in_part(ecr: Any, site: Site) -> None:
    """A few bytes that decompress to many, and many files, do not keep the server busy."""
    ecr.create_repository(repositoryName=NAME)
    for files in (
        {"zeros": bytes(200_000_000), "last": b""},
        {f"file-{number}": b"" for number in range(2100)},
    ):
        layer = build_layer(files)
        push(ecr, NAME, build_image(layers=[layer], seed=len(files)), tag=f"n{len(files)}")
        text = site.read(f"{PATH}/-/layers/{layer.digest}").text
        assert (
            "The layer unpacks to more than" in text or "The first 2000 entries are shown." in text
        )


def test_an_index_shows_its_platforms(ecr: Any, site: Site) -> None:
    """An index links to the images that exist; they name the index."""
    ecr.create_repository(repositoryName=NAME)
    arm = build_image(architecture="arm64", variant="v8")
    index = build_index([build_image(), arm])
    push(ecr, NAME, index, tag="multi")
    page = site.read(image_path(NAME, index.digest))
    assert "linux/amd64" in page.text
    assert "linux/arm64/v8" in page.text
    assert any(
        str(each.get("href", "")).endswith(image_path(NAME, arm.digest))
        for _, each in page.elements
    )
    assert f"Listed by {index.digest[7:19]}" in site.read(image_path(NAME, arm.digest)).text


def test_an_image_shows_its_referrers(ecr: Any, site: Site, image: Image) -> None:
    """An image lists signatures and SBOMs by name, those of cosign's tags too."""
    for artifact_type in ("application/vnd.cyclonedx+json", "application/vnd.dev.sigstore.bundle"):
        push(ecr, NAME, build_artifact(artifact_type=artifact_type, subject=image))
    tag = image.digest.replace(":", "-") + ".sig"
    push(ecr, NAME, build_artifact(artifact_type="application/x", content=b"1"), tag=tag)
    text = site.read(image_path(NAME, image.digest)).text
    for kind in ("SBOM (CycloneDX)", "Signature (Sigstore)", "Signature (cosign)"):
        assert kind in text


def test_findings_are_shown_and_stay_queued(ecr: Any, site: Site, image: Image) -> None:
    """Findings are shown with the worst first, and DescribeImageScanFindings returns them as before."""
    findings = [
        {"name": "CVE-1", "severity": "LOW", "uri": "javascript:alert(1)"},
        {"name": "CVE-2", "severity": "CRITICAL", "uri": "https://cve.example/2"},
    ]
    queue_scan_findings(ecr, NAME, findings, tag="1.0")
    ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "1.0"})
    page = site.read(image_path(NAME, image.digest))
    assert re.search("CVE-2 Critical.*CVE-1 Low", page.text)
    links = [each.get("href") for _, each in page.elements]
    assert "https://cve.example/2" in links
    assert "javascript:alert(1)" not in links
    found = ecr.describe_image_scan_findings(repositoryName=NAME, imageId={"imageTag": "1.0"})
    assert len(found["imageScanFindings"]["findings"]) == 2


def test_reading_changes_nothing(ecr: Any, site: Site, image: Image) -> None:
    """Reading a page records no pull, counts toward no scan, and stores no preview."""
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps(POLICY))
    before = everything_stored()
    assert site.get().status_code == 303
    for path in (
        "registries",
        "storage",
        "requests",
        "requests.json",
        "search?q=app",
        REGISTRY,
        PATH,
        f"{PATH}/-/lifecycle",
        image_path(NAME, image.digest),
        f"{PATH}/-/layers/{image.layers[0].digest}",
    ):
        assert site.get(path).status_code == 200
    assert everything_stored() == before


def test_every_text_is_escaped(ecr: Any, site: Site) -> None:
    """Labels, annotations, commands, variables, names of files, findings and searches are escaped."""
    ecr.create_repository(repositoryName=NAME)
    image = hostile_image()
    push(ecr, NAME, image, tag="1.0")
    finding = {"name": HOSTILE, "severity": "HIGH", "description": HOSTILE, "uri": HOSTILE}
    queue_scan_findings(ecr, NAME, [finding], tag="1.0")
    ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "1.0"})
    assert_harmless(site.read(image_path(NAME, image.digest)), times=10)
    assert_harmless(site.read(f"{PATH}/-/layers/{image.layers[0].digest}"), times=2)
    quoted = requests.utils.quote(HOSTILE)
    assert_harmless(site.read(f"search?q={quoted}"))
    assert_harmless(site.read(f"{REGISTRY}?q={quoted}"))
    missing = site.get(f"{PATH}/-/tags/{quoted.replace('/', '%2F')}")
    assert missing.status_code == 404
    assert "<script>alert" not in missing.text


def test_what_is_very_long_is_cut_off(ecr: Any, site: Site) -> None:
    """A configuration of many steps, labels and variables is a page of bounded size."""
    ecr.create_repository(repositoryName=NAME)
    config = {
        "config": {
            "Labels": {f"label-{number}": "" for number in range(10_000)},
            "Env": ["A=1"] * 10_000,
        },
        "history": [{"created_by": "step", "empty_layer": True}] * 10_000,
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    image = assemble_image(OCI, config=Blob(json.dumps(config).encode(), OCI.config), layers=[])
    push(ecr, NAME, image, tag="1.0")
    text = site.read(image_path(NAME, image.digest)).text
    for left_out in ("steps", "labels", "variables"):
        assert f"9 500 more {left_out} not shown." in text


def push_config(ecr: Any, config: bytes) -> Image:
    """Push an image with a configuration."""
    ecr.create_repository(repositoryName=NAME)
    image = assemble_image(OCI, config=Blob(config, OCI.config), layers=[])
    push(ecr, NAME, image, tag="1.0")
    return image


def test_halves_of_characters(ecr: Any, site: Site) -> None:
    """A configuration may have halves of characters anywhere, as JSON allows; the page shows a replacement."""
    half = "before \ud800 behind"
    config = {
        "author": half,
        "config": {"Labels": {half: half}, "Env": [half]},
        "history": [{"created_by": half}],
    }
    image = push_config(ecr, json.dumps(config).encode())
    assert site.read(image_path(NAME, image.digest)).text.count("before ? behind") >= 5


def test_a_deep_configuration(ecr: Any, site: Site) -> None:
    """The indents of a deep configuration do not make the page many times as long as it is."""
    depth = 800
    config = b'{"a":' * depth + b"1" + b"}" * depth
    image = push_config(ecr, config)
    answer = site.get(image_path(NAME, image.digest))
    assert answer.status_code == 200
    assert len(answer.content) < 100_000


@pytest.mark.parametrize(
    ("size", "is_shown"), [(LARGEST_CONFIG, True), (LARGEST_CONFIG + 1, False)]
)
def test_a_configuration_has_a_limit(ecr: Any, site: Site, size: int, is_shown: bool) -> None:
    """A configuration of the largest size is shown; beyond it the page shows the rest of the image."""
    config = json.dumps({"os": "linux", "architecture": "riscv64"}).encode()
    image = push_config(ecr, config.ljust(size))
    text = site.read(image_path(NAME, image.digest)).text
    assert image.digest in text
    assert ("linux/riscv64" in text) is is_shown


def test_placeholders_are_escaped(aws: Environment, ecr: Any, site: Site) -> None:
    """A placeholder, which may be any text with moto's leniencies, is escaped."""
    aws.configure(compatibility="moto")
    ecr.create_repository(repositoryName=NAME)
    ecr.put_image(repositoryName=NAME, imageManifest=HOSTILE, imageTag="1.0")
    answer = site.get(f"{PATH}/-/tags/1.0")
    assert answer.status_code == 303
    path = answer.headers["Location"].removeprefix("/moto-api/ecr/")
    assert_harmless(site.read(path))


def test_answers_forbid_what_a_page_does_not_need(site: Site) -> None:
    """Scripts and styles are the page's own files; framing and caching are forbidden."""
    for path, status in (("registries", 200), ("registries/1", 404), ("static/page.js", 200)):
        answer = site.get(path)
        assert answer.status_code == status
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert site.get().headers["Cache-Control"] == "no-store"
    assert "immutable" in site.get("static/page.css").headers["Cache-Control"]
    for path in ("static/page.py", "static/..%2fapp.py"):
        assert site.get(path).status_code == 404


# Each changes something.
FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "deletion": (f"{PATH}/-/tags/latest/delete", {}),
    "scan": (f"{PATH}/-/images/DIGEST/scan", {}),
    "lifecycle": (f"{PATH}/-/lifecycle", {"preview": "PREVIEW"}),
    "password": (f"{REGISTRY}/login", {}),
}
FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    "another port": {"Origin": "http://localhost:1"},
    "another port, without an origin": {"Sec_Fetch_Site": "same-site"},
    "a site of an unknown kind": {"Sec_Fetch_Site": "unknown"},
    "a sandbox": {"Origin": "null"},
    "a form that is followed": {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Sec_Fetch_Dest": "document",
    },
}


@pytest.fixture
def forms(ecr: Any, site: Site, image: Image) -> dict[str, tuple[str, dict[str, str]]]:
    """The page's form for each change, without the token."""
    push(ecr, NAME, build_image(seed="newer"), tag="2.0")
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps(POLICY))
    page = site.read(f"{PATH}/-/lifecycle")
    [preview] = [str(each["value"]) for _, each in page.elements if each.get("name") == "preview"]
    return {
        name: (
            path.replace("DIGEST", image.digest),
            {key: value.replace("PREVIEW", preview) for key, value in form.items()},
        )
        for name, (path, form) in FORMS.items()
    }


@pytest.mark.parametrize("name", FORMS)
def test_a_change_needs_the_token(site: Site, forms: Any, name: str) -> None:
    """A change with a missing token, a wrong one or one in the query is refused, and changes nothing."""
    path, form = forms[name]
    token = site.token
    before = everything_stored()
    for answer in (
        site.post(path, form),
        site.post(path, {**form, "token": "0" * 64}),
        site.post(path, {**form, "token": "\xe9"}),
        site.post(f"{path}?token={token}", form),
    ):
        assert answer.status_code == 403
        assert "This form is from another page" in answer.text
        assert "docker login" not in answer.text
    assert everything_stored() == before


@pytest.mark.parametrize("name", FORMS)
def test_foreign_pages_change_nothing(site: Site, forms: Any, name: str) -> None:
    """Changes of foreign pages are refused even with the token."""
    path, form = forms[name]
    form["token"] = site.token
    before = everything_stored()
    for headers in (*FOREIGN.values(), {"Origin": site.url, "Sec_Fetch_Site": "cross-site"}):
        answer = site.post(path, form, **headers)
        assert answer.status_code == 403
        assert "docker login" not in answer.text
    assert everything_stored() == before


@pytest.mark.parametrize("name", FORMS)
def test_the_page_itself_may(site: Site, forms: Any, name: str) -> None:
    """The page itself changes with its token, and the headers that a browser sends with its forms."""
    path, form = forms[name]
    own = {"Origin": site.url, "Sec_Fetch_Site": "same-origin"}
    before = everything_stored()
    answer = site.post(path, {**form, "token": site.token}, **own)
    if name == "password":
        assert re.search(r"echo \S+ \| docker login --username AWS", answer.text)
    else:
        assert answer.status_code == 303
        assert everything_stored() != before


def test_foreign_pages_read_no_token(site: Site) -> None:
    """moto's server allows every origin to read; the page does not. A link to it is followed."""
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": site.url, "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "unknown"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ):
        answer = site.get(REGISTRY, **headers)
        assert answer.status_code == 403
        assert 'name="token"' not in answer.text
    link = {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Sec_Fetch_Dest": "document",
    }
    assert site.get(REGISTRY, **link).status_code == 200


def test_what_is_got_changes_nothing(site: Site, forms: Any) -> None:
    """Each form has a separate path for POST; other methods are refused with the list of allowed ones."""
    token = site.token
    before = everything_stored()
    for name, (path, form) in forms.items():
        answer = site.get(f"{path}?token={token}&preview={form.get('preview', '')}")
        assert answer.status_code == (200 if name == "lifecycle" else 405)
    answer = site.post(PATH, {"token": token})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert everything_stored() == before


def test_a_deleted_tag_leaves_its_image(ecr: Any, site: Site, image: Image) -> None:
    """The image stays, also when its last tag is deleted."""
    for tag in ("1.0", "latest"):
        answer = site.post(f"{PATH}/-/tags/{tag}/delete", {"token": site.token})
        assert answer.headers["Location"].endswith(f"{image.digest}?done=deleted")
    [found] = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert found["imageDigest"] == image.digest
    assert "imageTags" not in found
    assert site.post(f"{PATH}/-/tags/1.0/delete", {"token": site.token}).status_code == 404


def test_a_policy_runs_as_its_preview_was(ecr: Any, site: Site, forms: Any) -> None:
    """If an image has come since, nothing is done, and the answer is a new preview."""
    path, form = forms["lifecycle"]
    form["token"] = site.token
    push(ecr, NAME, build_image(seed="newest"), tag="3.0")
    before = everything_stored()
    answer = site.post(path, form)
    assert answer.status_code == 409
    assert "The images have changed since the preview." in answer.text
    assert everything_stored() == before
    [form["preview"]] = [
        str(each["value"])
        for _, each in Page(answer.text).elements
        if each.get("name") == "preview"
    ]
    assert site.post(path, form).status_code == 303
    [left] = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert left["imageTags"] == ["3.0"]


def test_a_policy_runs_in_its_repository_alone(ecr: Any, site: Site, forms: Any) -> None:
    """A run in one repository leaves the policies of others until they are due."""
    ecr.create_repository(repositoryName="other")
    for seed in ("a", "b"):
        push(ecr, "other", build_image(seed=seed), tag=seed)
    ecr.put_lifecycle_policy(repositoryName="other", lifecyclePolicyText=json.dumps(POLICY))
    path, form = forms["lifecycle"]
    assert site.post(path, {**form, "token": site.token}).status_code == 303
    assert len(ecr.describe_images(repositoryName="other")["imageDetails"]) == 2


MISSING = {
    f"registries/{OTHER_ACCOUNT}/nowhere-1": 404,
    "registries/12/us-east-1": 404,
    f"{REGISTRY}/repositories/absent": 404,
    f"{REGISTRY}/repositories/absent/-/lifecycle": 404,
    f"{PATH}/-/images/{ABSENT_DIGEST}": 404,
    f"{PATH}/-/images/nothing": 404,
    f"{PATH}/-/layers/{ABSENT_DIGEST}": 404,
    f"{PATH}/-/layers/nothing": 404,
    f"{PATH}/-/tags/absent": 404,
    f"{PATH}/-/lifecycle": 404,
    f"{PATH}?show=nothing": 400,
    f"{PATH}?before=nothing": 400,
    f"{PATH}?before=9999999999999999999": 400,
    f"{PATH}?q=%00": 400,
    "search?q=a%00b": 400,
    "requests.json?after=x": 400,
}


@pytest.mark.parametrize("path", MISSING)
def test_bad_requests(ecr: Any, site: Site, image: Image, path: str) -> None:
    """A bad request has a page with a sentence, and changes nothing."""
    before = everything_stored()
    answer = site.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        MISSING[path],
        "text/html; charset=utf-8",
    )
    assert "moto_ecr_ext" in answer.text
    assert everything_stored() == before


def test_a_scan_that_may_not_begin(ecr: Any, site: Site, image: Image) -> None:
    """The page shows ECR's refusal of a scan."""
    form = {"token": site.token}
    path = f"{image_path(NAME, image.digest)}/scan"
    assert site.post(path, form).status_code == 303
    answer = site.post(path, form)
    assert answer.status_code == 400
    assert "The scan quota per image has been exceeded." in answer.text


def test_the_storage_counts_shared_bytes_once(ecr: Any, site: Site, image: Image) -> None:
    """A blob of two repositories is stored once."""
    ecr.create_repository(repositoryName="other")
    push(ecr, "other", image, tag="copy")
    text = site.read("storage").text
    assert re.search(r"Stored 14\.8 KB .* Held by repositories 29\.6 KB", text)
    assert "Saved by sharing 14.8 KB 50 %" in text
    assert "team/app" in text


def test_the_search_is_of_all_registries(
    aws: Environment, ecr: Any, site: Site, image: Image
) -> None:
    """The search finds repositories and tags by a part of their name, digests by their beginning, in all registries."""
    other = aws.client(region="eu-west-1")
    other.create_repository(repositoryName="apps/elsewhere")
    text = site.read("search?q=APP").text
    assert "team/app" in text
    assert "apps/elsewhere 123456789012 · eu-west-1" in text
    for words in ("late", image.digest[:16], image.digest[7:16]):
        assert image.digest[7:19] in site.read(f"search?q={words}").text
    assert "No repository, tag or digest matches." in site.read("search?q=zzz").text


def test_what_was_copied_can_be_searched_for(ecr: Any, site: Site, image: Image) -> None:
    """The search accepts URIs and ARNs, as the page copies them, and parts that people type."""
    ecr.create_repository(repositoryName="team/other")
    push(ecr, "team/other", image, tag="1.0")
    [repository] = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    uri = repository["repositoryUri"]
    of_image = (
        *(f"{uri}:1.0", f"{NAME}:1.0", f"{uri}@{image.digest}", f"{NAME}@{image.digest[:20]}"),
        f"{uri}:1.0@{image.digest}",
    )
    for text in of_image:
        found = site.read(f"search?q={quote(text)}").text
        assert image.digest[7:19] in found, text
        assert "team/other" not in found
    for text in (uri, repository["repositoryArn"]):
        found = site.read(f"search?q={quote(text)}").text
        assert f"{NAME} 123456789012 · us-east-1" in found, text
        assert "team/other" not in found
    ecr.create_repository(repositoryName="quay.io/app")
    push(ecr, "quay.io/app", image, tag="2.0")
    assert "quay.io/app:2.0" in site.read("search?q=quay.io/app:2.0").text
    assert "No repository, tag or digest" in site.read(f"search?q={NAME}:9").text
    assert "No repository, tag or digest" in site.read("search?q=team_app:1.0").text


def test_the_default_registry(
    ecr: Any, site: Site, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default registry is that of clients that name none, as in the server's login lines."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert "123456789012 eu-central-1 No repositories yet" in site.read("registries").text
    for region in ("us-east-1", "nowhere-1"):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        assert "No repositories yet" not in site.read("registries").text
        missing = site.get("registries/1")
        assert (missing.status_code, "There is no such page." in missing.text) == (404, True)


def test_beyond_the_last_page(ecr: Any, site: Site, image: Image) -> None:
    """A page beyond the last one does not say that the repository is empty: its images may have been deleted."""
    for path in (f"{PATH}?before=0", f"{PATH}?after={10**18 - 1}", f"{PATH}?before=0&q=1.0"):
        text = site.read(path).text
        assert "There are no images beyond this page. To the first page" in text
        assert "No images yet" not in text
    for path in (f"{REGISTRY}?after=zzz", f"{REGISTRY}?before=a", f"{REGISTRY}?after=zzz&q=team"):
        text = site.read(path).text
        assert "There are no repositories beyond this page. To the first page" in text
        assert "No repositories yet" not in text


def test_a_slash_at_the_end(ecr: Any, site: Site, image: Image) -> None:
    """A slash at the end of a path is accepted, as people type one."""
    for path in (PATH, REGISTRY):
        assert site.read(f"{path}/").text == site.read(path).text


def test_the_last_requests_are_listed(aws: Environment, ecr: Any, site: Site, image: Image) -> None:
    """The list has requests of the API and of the registry, with status, registry or digest; a number omits earlier
    ones.
    """
    before = site.get("requests.json").json()["last"]
    ecr.describe_repositories()
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.list_images(repositoryName="absent")
    session = aws.registry()
    session.get(f"{aws.registry_url()}/v2/{NAME}/manifests/1.0")
    session.get(f"{aws.registry_url()}/v2/{NAME}/manifests/<script>alert(1)<%2Fscript>")
    listed = site.get(f"requests.json?after={before}").json()["requests"]
    assert [(each["what"], each["status"], each["about"]) for each in listed] == [
        ("DescribeRepositories", 200, "123456789012 us-east-1"),
        ("ListImages", 400, "absent 123456789012 us-east-1"),
        ("GetAuthorizationToken", 200, "123456789012 us-east-1"),
        (f"GET /v2/{NAME}/manifests/1.0", 200, image.digest),
        (f"GET /v2/{NAME}/manifests/<script>alert(1)</script>", 404, ""),
    ]
    page = site.read("requests")
    assert_harmless(page)
    assert f"GET /v2/{NAME}/manifests/1.0 200" in page.text


def test_motos_dashboard_links_to_the_page(server: Environment) -> None:
    """The navigation of moto's dashboard has a link to the page."""
    page = Page(requests.get(f"{server.endpoint_url}/moto-api/", timeout=60).text)
    assert "/moto-api/ecr/" in [each.get("href") for _, each in page.elements]
