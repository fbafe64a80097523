"""Every endpoint of the OCI Distribution Specification, by its number there: status and headers.

Version 1.1, "Endpoints" (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md);
end-14 is later, `_catalog` older.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from moto_ecr_ext.distribution.routes import ROUTES
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import OCI, build_artifact, build_image
from support.environments import Environment
from support.registry_client import JSON, RegistrySession, RepositoryClient

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NEW = b"a blob that is new"
LOOSE = b"a blob of no image"


@dataclass(frozen=True)
class Endpoint:
    """A request, and what answers it. Texts name facts of the registry in braces.

    `answers` are headers, `<uuid>` in them standing for any; `failures` are paths of the same
    endpoint for something that is not there, with their status and code.
    """

    method: str
    path: str
    status: int
    answers: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)


OF_BLOB = {
    "Docker-Content-Digest": "{layer}",
    "ETag": '"{layer}"',
    "Content-Length": "{layer_size}",
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
}
OF_MANIFEST = {
    "Docker-Content-Digest": "{image}",
    "ETag": '"{image}"',
    "Content-Length": "{image_size}",
    "Content-Type": OCI.manifest,
}
NO_BLOB = {
    "/v2/team/app/blobs/{nothing}": (404, "BLOB_UNKNOWN"),
    "/v2/team/none/blobs/{layer}": (404, "NAME_UNKNOWN"),
    "/v2/team/app/blobs/sha256:1234": (400, "DIGEST_INVALID"),
    "/v2/Team/blobs/{layer}": (400, "NAME_INVALID"),
}
NO_MANIFEST = {
    "/v2/team/app/manifests/v2": (404, "MANIFEST_UNKNOWN"),
    "/v2/team/app/manifests/{nothing}": (404, "MANIFEST_UNKNOWN"),
    "/v2/team/none/manifests/v1": (404, "NAME_UNKNOWN"),
    "/v2/team/app/manifests/sha256:1234": (400, "DIGEST_INVALID"),
}
NO_UPLOAD = {
    "/v2/team/app/blobs/uploads/0b1c2d3e-0000-4000-8000-000000000000?digest={new}": (
        404,
        "BLOB_UPLOAD_UNKNOWN",
    ),
    "/v2/team/none/blobs/uploads/{upload}?digest={new}": (404, "NAME_UNKNOWN"),
}
NO_REPOSITORY = {"/v2/team/none/blobs/uploads/": (404, "NAME_UNKNOWN")}
CREATED = {
    "Location": "{url}/v2/team/app/blobs/{new}",
    "Docker-Content-Digest": "{new}",
    "Content-Length": "0",
}
STARTED = {
    "Location": "{url}/v2/team/app/blobs/uploads/<uuid>",
    "Range": "0-0",
    "Docker-Upload-UUID": "<uuid>",
    "Content-Length": "0",
}
RESUMED = {
    "Location": "{url}/v2/team/app/blobs/uploads/{upload}",
    "Docker-Upload-UUID": "{upload}",
}

ENDPOINTS = {
    "end-1 Determining Support": Endpoint("GET", "/v2/", 200, {"Content-Length": "0"}),
    "end-1 Determining Support, without the slash": Endpoint("GET", "/v2", 200),
    "end-1 Determining Support, HEAD": Endpoint("HEAD", "/v2/", 200),
    "end-2 Pulling blobs": Endpoint(
        "GET", "/v2/team/app/blobs/{layer}", 200, OF_BLOB, failures=NO_BLOB
    ),
    "end-2 Checking if content exists in the registry": Endpoint(
        "HEAD", "/v2/team/app/blobs/{layer}", 200, OF_BLOB, failures=NO_BLOB
    ),
    "end-2 Pulling blobs, a range": Endpoint(
        "GET",
        "/v2/team/app/blobs/{layer}",
        206,
        {**OF_BLOB, "Content-Range": "bytes 10-19/{layer_size}", "Content-Length": "10"},
        headers={"Range": "bytes=10-19"},
    ),
    "end-3 Pulling manifests, by tag": Endpoint(
        "GET", "/v2/team/app/manifests/v1", 200, OF_MANIFEST, failures=NO_MANIFEST
    ),
    "end-3 Pulling manifests, by digest": Endpoint(
        "GET", "/v2/team/app/manifests/{image}", 200, OF_MANIFEST
    ),
    "end-3 Checking if content exists in the registry, by tag": Endpoint(
        "HEAD", "/v2/team/app/manifests/v1", 200, OF_MANIFEST, failures=NO_MANIFEST
    ),
    "end-3 Checking if content exists in the registry, by digest": Endpoint(
        "HEAD", "/v2/team/app/manifests/{image}", 200, OF_MANIFEST
    ),
    "end-4a POST then PUT": Endpoint(
        "POST", "/v2/team/app/blobs/uploads/", 202, STARTED, failures=NO_REPOSITORY
    ),
    "end-4b Single POST": Endpoint(
        "POST",
        "/v2/team/app/blobs/uploads/?digest={new}",
        201,
        CREATED,
        body=NEW.decode(),
        failures={
            "/v2/team/app/blobs/uploads/?digest={nothing}": (400, "DIGEST_INVALID"),
            "/v2/team/app/blobs/uploads/?digest=sha256:1234": (400, "DIGEST_INVALID"),
            "/v2/team/none/blobs/uploads/?digest={new}": (404, "NAME_UNKNOWN"),
        },
    ),
    "end-5 Pushing a blob in chunks": Endpoint(
        "PATCH",
        "/v2/team/app/blobs/uploads/{upload}",
        202,
        {**RESUMED, "Range": "0-17", "Content-Length": "0"},
        headers={"Content-Range": "4-17"},
        body=NEW.decode()[4:],
        failures=NO_UPLOAD,
    ),
    "end-5 Pushing a blob in chunks, out of order": Endpoint(
        "PATCH",
        "/v2/team/app/blobs/uploads/{upload}",
        416,
        {**RESUMED, "Range": "0-3", "Content-Type": JSON},
        headers={"Content-Range": "5-17"},
        body=NEW.decode()[5:],
    ),
    "end-6 POST then PUT": Endpoint(
        "PUT",
        "/v2/team/app/blobs/uploads/{upload}?digest={new}",
        201,
        CREATED,
        body=NEW.decode()[4:],
        failures={
            **NO_UPLOAD,
            "/v2/team/app/blobs/uploads/{upload}?digest={nothing}": (400, "DIGEST_INVALID"),
            "/v2/team/app/blobs/uploads/{upload}": (400, "DIGEST_INVALID"),
        },
    ),
    "end-7 Pushing Manifests, by tag": Endpoint(
        "PUT",
        "/v2/team/app/manifests/v2",
        201,
        {
            "Location": "{url}/v2/team/app/manifests/{image}",
            "Docker-Content-Digest": "{image}",
            "Content-Length": "0",
        },
        headers={"Content-Type": OCI.manifest},
        body="{image_manifest}",
        failures={
            "/v2/team/none/manifests/v1": (404, "NAME_UNKNOWN"),
            "/v2/team/app/manifests/{nothing}": (400, "DIGEST_INVALID"),
            "/v2/team/app/manifests/sha256:1234": (400, "DIGEST_INVALID"),
            "/v2/team/app/manifests/not+a+tag": (405, "UNSUPPORTED"),
        },
    ),
    "end-7 Pushing Manifests with Subject, by digest": Endpoint(
        "PUT",
        "/v2/team/app/manifests/{artifact}",
        201,
        {
            "Location": "{url}/v2/team/app/manifests/{artifact}",
            "Docker-Content-Digest": "{artifact}",
            "OCI-Subject": "{image}",
        },
        headers={"Content-Type": OCI.manifest},
        body="{artifact_manifest}",
    ),
    "end-8a Listing Tags": Endpoint(
        "GET",
        "/v2/team/app/tags/list",
        200,
        {"Content-Type": JSON},
        failures={
            "/v2/team/none/tags/list": (404, "NAME_UNKNOWN"),
            "/v2/Team/tags/list": (400, "NAME_INVALID"),
        },
    ),
    "end-8b Listing Tags, in pages": Endpoint(
        "GET",
        "/v2/team/app/tags/list?n=1",
        200,
        {
            "Content-Type": JSON,
            "Link": '<{url}/v2/team/app/tags/list?n=1&last=latest>; rel="next"',
        },
        failures={
            "/v2/team/none/tags/list?n=1": (404, "NAME_UNKNOWN"),
            "/v2/team/app/tags/list?n=one": (405, "UNSUPPORTED"),
        },
    ),
    "end-9 Deleting tags": Endpoint(
        "DELETE",
        "/v2/team/app/manifests/v1",
        202,
        {"Content-Length": "0"},
        failures=NO_MANIFEST,
    ),
    "end-9 Deleting Manifests": Endpoint("DELETE", "/v2/team/app/manifests/{image}", 202),
    "end-10 Deleting Blobs": Endpoint(
        "DELETE",
        "/v2/team/app/blobs/{loose}",
        202,
        {"Content-Length": "0"},
        failures={**NO_BLOB, "/v2/team/app/blobs/{layer}": (405, "UNSUPPORTED")},
    ),
    "end-11 Mounting a blob from another repository": Endpoint(
        "POST",
        "/v2/team/base/blobs/uploads/?mount={layer}&from=team/app",
        201,
        {"Location": "{url}/v2/team/base/blobs/{layer}", "Docker-Content-Digest": "{layer}"},
        failures={
            "/v2/team/none/blobs/uploads/?mount={layer}&from=team/app": (404, "NAME_UNKNOWN")
        },
    ),
    "end-11 Mounting a blob that is not there": Endpoint(
        "POST", "/v2/team/app/blobs/uploads/?mount={nothing}&from=team/base", 202, STARTED
    ),
    "end-12a Listing Referrers": Endpoint(
        "GET",
        "/v2/team/app/referrers/{image}",
        200,
        {"Content-Type": OCI.index},
        failures={
            "/v2/team/none/referrers/{image}": (404, "NAME_UNKNOWN"),
            "/v2/team/app/referrers/sha256:1234": (400, "DIGEST_INVALID"),
        },
    ),
    "end-12b Listing Referrers, filtered": Endpoint(
        "GET",
        "/v2/team/app/referrers/{image}?artifactType=application/example",
        200,
        {"Content-Type": OCI.index, "OCI-Filters-Applied": "artifactType"},
    ),
    "end-13 Pushing a blob in chunks, status": Endpoint(
        "GET",
        "/v2/team/app/blobs/uploads/{upload}",
        204,
        {**RESUMED, "Range": "0-3"},
        failures=NO_UPLOAD,
    ),
    "end-14 Cancel a blob upload": Endpoint(
        "DELETE", "/v2/team/app/blobs/uploads/{upload}", 204, failures=NO_UPLOAD
    ),
    "Listing Repositories": Endpoint(
        "GET",
        "/v2/_catalog?n=1",
        200,
        {"Content-Type": JSON, "Link": '<{url}/v2/_catalog?n=1&last=team%2Fapp>; rel="next"'},
        failures={"/v2/_catalog?n=-1": (405, "UNSUPPORTED")},
    ),
}
# For each path its methods; every other is refused.
METHODS = {
    "/v2/": "GET",
    "/v2/_catalog": "GET",
    "/v2/team/app/tags/list": "GET",
    "/v2/team/app/referrers/{image}": "GET",
    "/v2/team/app/manifests/v1": "DELETE, GET, PUT",
    "/v2/team/app/blobs/{layer}": "DELETE, GET, HEAD",
    "/v2/team/app/blobs/uploads/": "POST",
    "/v2/team/app/blobs/uploads/{upload}": "DELETE, GET, PATCH, PUT",
}
FAILURES = [
    pytest.param(endpoint, path, id=f"{name}: {path}")
    for name, endpoint in ENDPOINTS.items()
    for path in endpoint.failures
]
REFUSED = [
    pytest.param(path, method, id=f"{method} {path}")
    for path, allowed in METHODS.items()
    for method in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")
    if method not in (*allowed.split(", "), *(["HEAD"] if "GET" in allowed else []))
]

IMAGE = build_image(layers=1)
ARTIFACT = build_artifact(artifact_type="application/example", subject=IMAGE)

Fill = Callable[[str], str]


@pytest.fixture
def fill(aws: Environment, ecr: Any, repository: RepositoryClient) -> Fill:
    """A registry with one of everything; gives a function that puts its facts into a text."""
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    ecr.create_repository(repositoryName="team/base")
    repository.push(IMAGE, "v1")
    repository.put_manifest(IMAGE, "latest")
    repository.push_blobs(ARTIFACT)
    upload = repository.start_upload()
    repository.patch(upload, data=NEW[:4])
    repository.push_blob(LOOSE)
    return filling(aws.registry_url(), upload.rpartition("/")[2])


def filling(url: str, upload: str) -> Fill:
    """A function that puts the facts of a registry into a text."""
    facts = {
        "url": url,
        "image": IMAGE.digest,
        "image_size": str(IMAGE.size),
        "image_manifest": IMAGE.manifest.decode(),
        "artifact": ARTIFACT.digest,
        "artifact_manifest": ARTIFACT.manifest.decode(),
        "layer": IMAGE.layers[0].digest,
        "layer_size": str(IMAGE.layers[0].size),
        "loose": Digest.of(LOOSE),
        "new": Digest.of(NEW),
        "nothing": Digest.of(b"nothing has this digest"),
        "upload": upload,
    }
    return lambda text: re.sub(r"\{(\w+)\}", lambda each: facts[each[1]], text)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_success(session: RegistrySession, fill: Fill, name: str) -> None:
    """The endpoint answers with the status and the headers that the specification has for it."""
    endpoint = ENDPOINTS[name]
    response = session.request(
        endpoint.method,
        fill(endpoint.path),
        headers=endpoint.headers,
        data=fill(endpoint.body).encode(),
    )
    assert response.status_code == endpoint.status, response.text
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    for header, value in endpoint.answers.items():
        pattern = re.escape(fill(value)).replace("<uuid>", UUID)
        assert re.fullmatch(pattern, response.headers[header]), (
            f"{header}: {response.headers[header]}"
        )


@pytest.mark.parametrize(("endpoint", "path"), FAILURES)
def test_failure(session: RegistrySession, fill: Fill, endpoint: Endpoint, path: str) -> None:
    """Missing and malformed resources are answered with their status and code."""
    response = session.request(
        endpoint.method, fill(path), headers=endpoint.headers, data=fill(endpoint.body).encode()
    )
    status, code = endpoint.failures[path]
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == JSON
    if endpoint.method != "HEAD":
        assert [error["code"] for error in response.json()["errors"]] == [code]


@pytest.mark.parametrize(("path", "method"), REFUSED)
def test_other_methods(session: RegistrySession, path: str, method: str) -> None:
    """A method that an endpoint lacks answers 405 and lists the allowed ones."""
    fill = filling(url="", upload="0b1c2d3e-0000-4000-8000-000000000000")
    response = session.request(method, fill(path))
    assert response.status_code == 405
    assert response.headers["Allow"] == METHODS[path]
    if method != "HEAD":
        assert response.json() == {
            "errors": [{"code": "UNSUPPORTED", "message": f"{method} is not supported here"}]
        }


@pytest.mark.parametrize(
    "path",
    ["/v2/team/app", "/v2/team/app/", "/v2/team/app/tags", "/v2/team/app/blobs/", "/v2/tags/list"],
)
def test_other_paths(session: RegistrySession, repository: RepositoryClient, path: str) -> None:
    """A path without an endpoint answers 404, as an error of the registry."""
    response = session.get(path)
    assert response.status_code == 404
    assert response.json() == {
        "errors": [{"code": "UNSUPPORTED", "message": f"There is nothing at {path}"}]
    }


@pytest.mark.parametrize(
    "name", [name for name, endpoint in ENDPOINTS.items() if endpoint.status == 201]
)
def test_location(session: RegistrySession, fill: Fill, name: str) -> None:
    """The Location of a created resource can be pulled."""
    endpoint = ENDPOINTS[name]
    created = session.request(
        endpoint.method,
        fill(endpoint.path),
        headers=endpoint.headers,
        data=fill(endpoint.body).encode(),
    )
    pulled = session.get(created.headers["Location"])
    assert pulled.status_code == 200
    assert Digest.of(pulled.content) == created.headers["Docker-Content-Digest"]


def test_the_table_has_every_endpoint() -> None:
    """Each route of the registry has a row above, and its methods are the ones tested."""
    tested = {(endpoint.method, fill_template(endpoint.path)) for endpoint in ENDPOINTS.values()}
    assert {(route.method, route.template) for route in ROUTES} <= tested
    for path, allowed in METHODS.items():
        assert allowed == ", ".join(
            sorted(route.method for route in ROUTES if route.template == fill_template(path))
        )
    assert {route.template for route in ROUTES} == {fill_template(path) for path in METHODS}


def fill_template(path: str) -> str:
    """The template of the route that a path of the tables is for."""
    path = re.sub(r"/team/(app|base)/", "/<name>/", path.partition("?")[0])
    for kind, placeholder in {
        "manifests": "reference",
        "blobs/uploads": "session",
        "referrers": "digest",
        "blobs(?!/uploads)": "digest",
    }.items():
        path = re.sub(rf"/({kind})/[^/]+$", rf"/\1/<{placeholder}>", path)
    return path
