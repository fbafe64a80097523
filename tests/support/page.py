"""Requests for the web page, and its answers."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import quote

import requests

from support.commands import PATIENCE
from support.constants import ACCOUNT, REGION

ROOT = "/moto-api/ecr/"
REGISTRY = f"registries/{ACCOUNT}/{REGION}"


class Page(HTMLParser):
    """The contents of an HTML page: its elements with their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All texts, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    @property
    def token(self) -> str:
        """The token of the first form that has one."""
        return next(
            str(each["value"])
            for name, each in self.elements
            if name == "input" and each.get("name") == "token"
        )


class Site:
    """The page of a server, or that of the test process under `mock_aws`."""

    def __init__(self, url: str | None) -> None:
        self.url = url or "http://motoapi.amazonaws.com"

    def address(self, path: str = "") -> str:
        """Return the URL of a page."""
        return f"{self.url}{ROOT}{path}"

    def get(self, path: str = "", **headers: str) -> requests.Response:
        """Ask for a page. Names of headers have underscores."""
        return self._ask("GET", path, None, headers)

    def read(self, path: str = "") -> Page:
        """Return a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    def post(self, path: str, form: dict[str, str], **headers: str) -> requests.Response:
        """Send a form. Names of headers have underscores."""
        return self._ask("POST", path, form, headers)

    @property
    def token(self) -> str:
        """The token of its forms."""
        return self.read(REGISTRY).token

    def _ask(
        self, method: str, path: str, form: dict[str, str] | None, headers: dict[str, str]
    ) -> requests.Response:
        return requests.request(
            method,
            self.address(path),
            data=form,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            timeout=PATIENCE,
            allow_redirects=False,
        )


def repository_path(name: str) -> str:
    """The path of a repository below the page's."""
    return f"{REGISTRY}/repositories/{name}"


def image_path(name: str, digest: str) -> str:
    """The path of an image below the page's."""
    return f"{repository_path(name)}/-/images/{quote(digest, safe=':')}"
