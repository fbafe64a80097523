"""The character that PostgreSQL cannot keep in a text, U+0000, wherever a request has text."""

from __future__ import annotations

import pytest

from support.constants import ABSENT_DIGEST
from support.environments import Environment


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/app/tags/list?last=a%00", 405),
        ("GET", "/v2/_catalog?last=%00", 405),
        ("GET", "/v2/a%00pp/tags/list", 400),
        ("GET", "/v2/app/manifests/a%00b", 400),
        ("DELETE", "/v2/app/manifests/a%00b", 400),
        ("GET", f"/v2/app/referrers/{ABSENT_DIGEST}?artifactType=a%00", 200),
        ("GET", "/v2/app/blobs/uploads/a%00b", 404),
        ("GET", f"/v2/app/blobs/{ABSENT_DIGEST}%00", 400),
        ("POST", f"/v2/app/blobs/uploads/?mount={ABSENT_DIGEST}&from=a%00", 202),
        ("POST", f"/v2/app/blobs/uploads/?mount={ABSENT_DIGEST}%00&from=app", 202),
    ],
)
def test_it_is_refused_or_nothing_has_it(
    aws: Environment, method: str, path: str, status: int
) -> None:
    """U+0000 is refused or not stored, and never causes an internal error."""
    aws.client().create_repository(repositoryName="app")
    assert aws.registry().request(method, path).status_code == status
