"""Uses of the page in a browser: with the mouse, by the keyboard, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from moto_ecr_ext.testing import push
from support.browser import Browser
from support.commands import PATIENCE, Server
from support.page import REGISTRY, Site, image_path, repository_path
from support.page_content import application

IMAGE = application("1.4.2")
PATH = image_path("team/app", IMAGE.digest)


@pytest.fixture(autouse=True)
def _window(browser: Browser) -> None:
    browser.set(1200, 800)


def wait_until(browser: Browser, script: str) -> None:
    """Return once a script returns true."""
    deadline = monotonic() + PATIENCE
    while not browser.run(script):
        assert monotonic() < deadline, f"{script} is not true in:\n{browser.driver.page_source}"


def tags_of(server: Server) -> list[str]:
    """The tags of the image."""
    [found] = server.client().describe_images(
        repositoryName="team/app", imageIds=[{"imageDigest": IMAGE.digest}]
    )["imageDetails"]
    return found.get("imageTags", [])


@pytest.mark.parametrize(
    ("path", "what", "expected"),
    [
        (PATH, "the digest", IMAGE.digest),
        (PATH, "the URI", "{address}/team/app:1.4.2"),
        (repository_path("team/app"), "the URI", "{address}/team/app"),
        (
            REGISTRY,
            "the login line",
            "aws ecr get-login-password --region us-east-1 --endpoint-url http://{address} | "
            "docker login --username AWS --password-stdin {address}",
        ),
    ],
)
def test_copying(
    shown: Server, site: Site, browser: Browser, path: str, what: str, expected: str
) -> None:
    """A button copies the text beside it, and announces it to screen readers."""
    browser.allow_clipboard(site.url)
    browser.open(site.address(path))
    button = f'button[aria-label="Copy {what}"]'
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    browser.find(button).click()
    wait_until(browser, "return document.getElementById('said').textContent === 'Copied.'")
    copied = browser.run_async("navigator.clipboard.readText().then(arguments[0])")
    assert copied == expected.format(address=shown.address)


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(browser: Browser, request: pytest.FixtureRequest) -> Iterator[None]:
    """The page's own scripts run, or they do not."""
    browser.allow_scripts(request.param)
    yield
    browser.allow_scripts(True)


def test_a_tag_is_deleted_once_that_was_confirmed(
    shown: Server, site: Site, browser: Browser, scripts: None
) -> None:
    """The cross asks; the button behind it deletes. The image stays, with its other tags."""
    browser.open(site.address(PATH))
    assert not browser.find(".confirm button").is_displayed()
    browser.find('summary[aria-label="Delete tag 1.4…"]').click()
    assert tags_of(shown) == ["1.4.2", "1.4", "stable"]
    browser.find(".confirm[open] button").click()
    wait_until(browser, "return document.body.innerText.includes('The tag was deleted.')")
    assert tags_of(shown) == ["1.4.2", "stable"]


def test_everything_is_reached_by_the_keyboard(shown: Server, site: Site, browser: Browser) -> None:
    """Tab and Enter come to a tag's deletion; Escape leaves it, with the focus where it was."""
    browser.open(site.address(PATH))
    label = "document.activeElement.getAttribute('aria-label')"
    for _ in range(60):
        browser.press("TAB")
        if browser.run(f"return {label}") == "Delete tag stable…":
            break
    browser.press("ENTER")
    assert browser.run("return document.querySelectorAll('.confirm[open]').length") == 1
    browser.press("ESCAPE")
    assert browser.run("return document.querySelectorAll('.confirm[open]').length") == 0
    assert browser.run(f"return {label}") == "Delete tag stable…"
    browser.press("ENTER")
    browser.press("TAB")
    browser.press("ENTER")
    wait_until(browser, "return document.body.innerText.includes('The tag was deleted.')")
    assert tags_of(shown) == ["1.4.2", "1.4"]


def test_it_begins_in_the_only_registry(program: Server, site: Site, browser: Browser) -> None:
    """The first view has the repositories; "Registries" leads to the list, which has the way back."""
    program.client().create_repository(repositoryName="team/app")
    browser.open(site.address())
    assert browser.find("h1").text == "Repositories"
    browser.find("nav.trail a").click()
    wait_until(browser, "return document.querySelector('h1').innerText === 'Registries'")
    browser.find("a.card").click()
    wait_until(browser, "return document.querySelector('h1').innerText === 'Repositories'")


def test_the_search_has_a_key(shown: Server, site: Site, browser: Browser) -> None:
    """A slash goes to the search, which finds repositories, tags and digests."""
    browser.open(site.address())
    for text, found in (("front", "team/frontend"), ("1.3.1", "team/app:1.3.1")):
        browser.press("/")
        browser.type(text)
        browser.press("ENTER")
        wait_until(browser, f"return document.title.includes('{text}')")
        assert found in browser.find("main").text
        browser.open(site.address())


def test_a_policy_is_run_after_its_preview(shown: Server, site: Site, browser: Browser) -> None:
    """The preview lists the images to delete, and the button behind it deletes them."""
    browser.open(site.address(repository_path("team/app")))
    browser.find('a[href$="/-/lifecycle"]').click()
    wait_until(browser, "return document.title.startsWith('Lifecycle')")
    names = [each.text for each in browser.find_all("main .tag")]
    assert names == ["1.3.0", "1.3.1", "1.4.0"]
    browser.find(".confirm summary").click()
    browser.find(".confirm button").click()
    wait_until(browser, "return document.body.innerText.includes('The lifecycle policy has run.')")
    listed = shown.client().list_images(repositoryName="team/app", filter={"tagStatus": "TAGGED"})
    left = {each["imageTag"] for each in listed["imageIds"]}
    assert left == {"1.4.2", "1.4", "stable", "1.4.2-multi"}


def test_a_scan_is_started(program: Server, site: Site, browser: Browser) -> None:
    """The button starts a scan, and its result is on the page."""
    ecr = program.client()
    ecr.create_repository(repositoryName="team/app")
    push(ecr, "team/app", IMAGE, tag="1.4.2")
    browser.open(site.address(PATH))
    browser.find('form[action$="/scan"] button').click()
    wait_until(browser, "return document.body.innerText.includes('The scan has begun.')")
    scan = ecr.describe_image_scan_findings(
        repositoryName="team/app", imageId={"imageTag": "1.4.2"}
    )
    assert scan["imageScanStatus"]["status"] == "COMPLETE"


def test_requests_appear_as_they_come(program: Server, site: Site, browser: Browser) -> None:
    """A request of the API and one of the registry are on the page without a reload."""
    browser.open(site.address("requests"))
    program.client().create_repository(repositoryName="team/new")
    program.registry("GET", "/v2/team/new/tags/list")
    wait_until(browser, "return document.querySelector('.live').innerText.includes('tags/list')")
    text = browser.find(".live").text
    assert "CreateRepository" in text
    assert browser.find_all(".live tr.new")
