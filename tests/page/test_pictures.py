"""How the page looks: in light and dark, and on a telephone.

`MOTO_ECR_TEST_PICTURES` names a directory for the pictures; docs/pictures/ has two of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from support.browser import Browser
from support.commands import running_server
from support.page import REGISTRY, Site, image_path, repository_path
from support.page_content import application, show_newer, show_older

IMAGE = application("1.4.2")
PLACES = {
    "registries": "registries",
    "repositories": REGISTRY,
    "repository": repository_path("team/app"),
    "image": image_path("team/app", IMAGE.digest),
    "layer": f"{repository_path('team/app')}/-/layers/{IMAGE.blobs[-1].digest}",
    "lifecycle": f"{repository_path('team/app')}/-/lifecycle",
    "storage": "storage",
    "requests": "requests",
    "search": "search?q=1.4",
    "missing": "registries/12/us-east-1",
}
WINDOWS = {
    "light": (1200, 800, "light"),
    "dark": (1200, 800, "dark"),
    "narrow": (360, 740, "light"),
    "narrow-dark": (360, 740, "dark"),
}
# Those that docs/reference/page.rst has.
IN_THE_DOCS = {("repository", "light"), ("image", "dark")}
HEIGHT_IN_THE_DOCS = 1130

# Every text that is seen, with its colour and what it stands on; https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio.
CONTRASTS = """
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}
function over(top, below) {
  return [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
}
function ground(element) {
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    layers.unshift(rgba(getComputedStyle(each).backgroundColor));
  }
  return layers.reduce((below, top) => over(top, below), [255, 255, 255, 1]);
}
function luminance(colour) {
  const [r, g, b] = colour.slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  const below = ground(element);
  const shown = over(rgba(getComputedStyle(element).color), below);
  const [dark, light] = [luminance(below), luminance(shown)].sort((a, b) => a - b);
  const ratio = (light + 0.05) / (dark + 0.05);
  if (ratio < 4.5) found.push(`${walker.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
}
return found;
"""


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page of a server that was first used some days ago."""
    directory = str(tmp_path_factory.mktemp("pictures") / "registry")
    then = datetime.now(timezone.utc) - timedelta(days=5)
    with running_server("--data-dir", directory, clock=then) as server:
        show_older(server)
    with running_server("--data-dir", directory) as server:
        show_newer(server)
        yield Site(server.url)


@pytest.mark.parametrize("window", WINDOWS)
def test_every_page_fits_its_window_and_can_be_read(
    aged: Site, browser: Browser, pictures: Path, window: str
) -> None:
    """No page scrolls sideways, each text has WCAG's contrast AA, and the browser reports no error."""
    browser.set(*WINDOWS[window])
    for name, path in PLACES.items():
        browser.open(aged.address(path))
        browser.picture(pictures / f"{name}-{window}.png")
        if (name, window) in IN_THE_DOCS:
            browser.picture(pictures / f"{name}.png", HEIGHT_IN_THE_DOCS)
        width = browser.run("return document.documentElement.scrollWidth")
        complaints = [each for each in browser.complaints if "404" not in each]
        assert (name, width, complaints) == (name, WINDOWS[window][0], [])
        assert (name, browser.run(CONTRASTS)) == (name, [])


def test_nothing_comes_from_elsewhere(aged: Site, browser: Browser) -> None:
    """A page loads a style sheet, a script and a picture from its own server only."""
    for path in PLACES.values():
        browser.open(aged.address(path))
        asked = browser.run(
            "return performance.getEntriesByType('resource').map((each) => each.name)"
        )
        assert asked
        assert [each for each in asked if not each.startswith(aged.address())] == []
