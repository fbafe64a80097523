"""Requests to the API that no SDK would send, and their answers as they are on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import requests

from support.environments import Environment
from support.refusals import Refusal

TARGET = "AmazonEC2ContainerRegistry_V20150921"
CONTENT_TYPE = "application/x-amz-json-1.1"


@dataclass(frozen=True)
class Answer:
    """An answer of the API."""

    status: int
    headers: Any
    text: str

    @property
    def document(self) -> Any:
        """The body's JSON value."""
        return json.loads(self.text)

    @property
    def refusal(self) -> Refusal:
        """Return the error of a refusal, which must have AWS's form."""
        assert 400 <= self.status < 500, self.text
        assert self.headers["Content-Type"] == CONTENT_TYPE
        assert self.headers["x-amzn-RequestId"]
        document = self.document
        assert {type(document["__type"]), type(document["message"])} == {str}
        return Refusal(document["__type"], document["message"])


class RawClient:
    """Sends bytes to the API, signed with a signature that only looks like one."""

    def __init__(self, environment: Environment, url: str | None = None):
        self._url = url or environment.endpoint_url
        self._session = requests.Session()

    def send(
        self,
        operation: str,
        body: bytes | str | object = b"{}",
        *,
        region: str = "us-east-1",
        method: str = "POST",
        target: str | None = None,
        **headers: str | None,
    ) -> Answer:
        """Send a request. A body of another type than bytes or text is sent as JSON.

        Further headers are named with underscores; None takes a header out.
        """
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        sent = {
            "Authorization": (
                f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/ecr/aws4_request, "
                "SignedHeaders=host;x-amz-date, Signature=0"
            ),
            "Content-Type": CONTENT_TYPE,
            "X-Amz-Target": f"{TARGET}.{operation}" if target is None else target,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        response = self._session.request(
            method,
            self._url or f"https://api.ecr.{region}.amazonaws.com/",
            data=body,
            headers={name: value for name, value in sent.items() if value is not None},
            timeout=60,
        )
        return Answer(response.status_code, response.headers, response.text)
