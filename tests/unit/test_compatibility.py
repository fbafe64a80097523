"""The setting `compatibility`: its values, its precedence, and the reports about it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext import settings
from moto_ecr_ext.compatibility import notices
from moto_ecr_ext.compatibility.rules import Rules
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.settings import SettingError
from moto_ecr_ext.settings.leniencies import (
    ALL,
    AWS,
    CONSTANT_TOKEN,
    DIGESTS_OF_LAYERS,
    LAST_TAG_DELETES_IMAGE,
    MADE_UP_DIGESTS,
    MISSING_LAYERS,
    MOTO,
    PROJECT_ERROR_CODES,
    STRICT,
    WHOLE_LISTS,
    parse_compatibility,
)
from moto_ecr_ext.testing import build_image, push


@pytest.fixture(autouse=True)
def _not_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for setting in settings.ALL:
        monkeypatch.delenv(setting.variable, raising=False)
    moto_ecr_ext.uninstall()
    yield
    moto_ecr_ext.uninstall()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aws", AWS),
        ("moto", {*ALL}),
        ("MOTO", {*ALL}),
        ("strict", set()),
        ("moto: made-up-digests", {*AWS, MADE_UP_DIGESTS}),
        ("moto:made-up-digests,constant-token", {*AWS, MADE_UP_DIGESTS, CONSTANT_TOKEN}),
        (" moto : whole-lists , ", {*AWS, WHOLE_LISTS}),
        ("moto: -whole-lists", {*ALL} - {WHOLE_LISTS}),
        ("moto: -whole-lists, -constant-token", {*ALL} - {WHOLE_LISTS, CONSTANT_TOKEN}),
        ("moto: whole-lists, -missing-layers", {*AWS, WHOLE_LISTS} - {MISSING_LAYERS}),
    ],
)
def test_values(text: str, expected: set[object]) -> None:
    """A name stands for leniencies; a list adds its names to AWS's defaults, or removes them from moto's."""
    assert parse_compatibility(text) == expected
    with moto_ecr_ext.install(compatibility=text):
        assert current_rules().leniencies - {PROJECT_ERROR_CODES} == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stock", "it must be one of aws, moto, strict, or moto: and names of leniencies"),
        ("aws: whole-lists", "it must be one of aws, moto, strict, or moto: and names"),
        ("moto:", "moto: needs the name of a leniency"),
        ("moto: constant-tokens", "no leniency constant-tokens; did you mean constant-token?"),
        ("moto: -digests", "there is no leniency digests; did you mean "),
        ("moto: everything", "there is no leniency everything; did you mean "),
    ],
)
def test_other_values_are_refused(text: str, reason: str) -> None:
    """An unknown name is refused with the nearest one, wherever the value comes from; nothing is installed."""
    with pytest.raises(SettingError, match=re.escape(reason)):
        moto_ecr_ext.install(compatibility=text)
    with (
        mock_aws(config={"ecr": {"compatibility": text}}),
        pytest.raises(SettingError, match=re.escape(reason)),
    ):
        current_rules()


@pytest.mark.parametrize("strict", ["strict", " Strict "])
def test_strict_is_aws_to_the_letter(strict: str) -> None:
    """`strict` selects AWS's error codes, registry protocol and layers; an explicit setting takes precedence."""
    with moto_ecr_ext.install(compatibility=strict):
        assert settings.ERROR_CODES.get() == "aws"
        assert settings.QUIRKS.get() == "aws"
        assert settings.VERIFY_LAYERS.get() == "true"
        assert current_rules().leniencies == STRICT
        with mock_aws(config={"ecr": {"error_codes": "project", "verify_layers": False}}):
            assert settings.ERROR_CODES.get() == "project"
            assert MISSING_LAYERS in current_rules().leniencies
    for other in ("aws", "moto"):
        with moto_ecr_ext.install(compatibility=other):
            for setting in (settings.ERROR_CODES, settings.QUIRKS, settings.VERIFY_LAYERS):
                assert setting.get() == setting.default


@pytest.mark.parametrize("compatibility", ["aws", "moto", "strict"])
@pytest.mark.parametrize("verify", ["true", "false"])
def test_verify_layers_wins(compatibility: str, verify: str) -> None:
    """An explicit `verify_layers` takes precedence over the compatibility."""
    with moto_ecr_ext.install(compatibility=compatibility, verify_layers=verify):
        assert (MISSING_LAYERS in current_rules().leniencies) is (verify == "false")


def test_leniencies_are_complete() -> None:
    """Each leniency has sentences, a page of AWS, and a name that a list can have."""
    assert {*ALL} == MOTO
    assert len({each.name for each in ALL}) == len(ALL)
    for each in ALL:
        assert re.fullmatch("[a-z]+(-[a-z]+)+", each.name)
        for sentence in (each.moto, each.aws, each.instead):
            assert sentence[0].isupper() or sentence[0] == "`", sentence
            assert sentence.endswith((".", "']")), sentence
        assert re.match(r"https://docs\.aws\.amazon\.com/(AmazonECR|lambda)/latest/", each.page), (
            each.name
        )


def test_the_log_says_it_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a listener the log has each kind of refusal once, and no other answers."""
    # Private: the plugin of this run listens, and other tests have caused notices.
    monkeypatch.setattr(notices, "_listeners", [])
    monkeypatch.setattr(notices, "_logged", set())
    text = (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    )
    with moto_ecr_ext.install(), mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_repository(repositoryName="app")
        ecr.get_authorization_token()
        for digest in ("sha256:aa", "sha256:bb"):
            with pytest.raises(ecr.exceptions.ImageDigestDoesNotMatchException):
                ecr.put_image(repositoryName="app", imageManifest=text, imageDigest=digest)

    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert record.getMessage() == (
        "PutImage: sha256:aa is refused, as on AWS. The digest of an image is the sha256 of its manifest; "
        "any other one is refused. Omit `imageDigest`, and read the digest from PutImage's response. Stock moto "
        'accepts it, and so does the setting compatibility=moto, or "moto: made-up-digests". This is logged once.'
    )


def test_rules_are_chosen_once_for_the_same_settings() -> None:
    """Calls with the same settings share one object of rules; another value of one of the four settings has others."""
    with moto_ecr_ext.install(compatibility="aws"):
        first = current_rules()
        assert current_rules() is first
        for setting, value in (
            ("compatibility", "moto"),
            ("verify_layers", "true"),
            ("verify_images", "true"),
            ("error_codes", "aws"),
        ):
            with mock_aws(config={"ecr": {setting: value}}):
                assert current_rules() is not first
        assert current_rules() is first


def test_a_notice_is_one_line() -> None:
    """Quotes of users' input are shortened and have no line breaks."""
    heard: list[notices.Notice] = []
    with notices.listening(heard.append):
        Rules(STRICT).images.accept_digest("a\r\nb" + 200 * "c")
    assert heard[0].about == "a b" + 97 * "c"
    assert not heard[0].applied


def test_irrelevant_leniencies_cause_no_notice() -> None:
    """A real image causes no notice about images without layers, nor does a tag that moves while the image has
    another.
    """
    heard: list[notices.Notice] = []
    with notices.listening(heard.append), moto_ecr_ext.install(), mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_repository(repositoryName="app")
        for seed, tags in ((1, ("a", "b")), (2, ("a",))):
            for tag in tags:
                push(ecr, "app", build_image(seed=seed), tag=tag)
        about_images = {DIGESTS_OF_LAYERS, LAST_TAG_DELETES_IMAGE}
        assert not [each for each in heard if each.leniency in about_images]

        push(ecr, "app", build_image(seed=2), tag="b")
        assert LAST_TAG_DELETES_IMAGE in {each.leniency for each in heard}


def test_a_member_is_named() -> None:
    """A refusal before the operation begins names the operation and its member."""
    heard: list[notices.Notice] = []
    with notices.listening(heard.append), moto_ecr_ext.install(), mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        with pytest.raises(ecr.exceptions.InvalidParameterException):
            ecr.get_authorization_token(registryIds=["123"])
    assert (heard[0].action, heard[0].about) == ("GetAuthorizationToken", "registryId 123")
