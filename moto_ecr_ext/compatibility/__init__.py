"""Where stock moto and AWS differ: what moto accepts or answers, AWS's rule, and what to write instead.

Each such place is a `Leniency`. The rule that is concerned asks it by name, at the moment when the answer matters:

    if claimed != digest and not MADE_UP_DIGESTS.applies(claimed):
        raise ImageDigestDoesNotMatchException(claimed, repository)

What was asked is noticed: the pytest plugin shows it with a test that fails, and without pytest the log has each
refusal once. The setting `compatibility` says which of them apply.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from moto_ecr_ext import settings

from .notices import report

_API = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_"
_GUIDE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/"


@dataclass(frozen=True)
class Leniency:
    """One place where stock moto and AWS differ.

    `moto` says what moto does, `aws` AWS's rule, which is on `page`, and `instead` what a test writes to hold on both.
    A `setting` that was given a value decides before the compatibility does: at "false" the leniency applies.
    """

    name: str
    moto: str
    aws: str
    page: str
    instead: str
    setting: settings.Setting | None = None
    is_refusal: ClassVar[bool] = True

    @property
    def is_on(self) -> bool:
        """Whether moto's way is to be taken."""
        explicit = self.setting.given() if self.setting else None
        return self in current().leniencies if explicit is None else explicit == "false"

    def applies(self, about: str = "") -> bool:
        """Return whether moto's way is to be taken for `about`, a few words; either way is noticed."""
        is_on = self.is_on
        report(self, about, is_on)
        return is_on

    def notice(self, about: str = "") -> None:
        """Say that AWS's way was taken for `about`."""
        report(self, about, applied=False)


class OtherAnswer(Leniency):
    """A place where AWS does not refuse, but does or answers something else."""

    is_refusal = False


PROJECT_ERROR_CODES = OtherAnswer(
    "project-error-codes",
    "Error.Code is this project's for three errors, as in other emulators (setting error_codes).",
    "Error.Code is ImageTagAlreadyExistsException for a tag that may not move, InvalidLayerException for a wrong "
    "digest, InvalidParameterException for a wrong nextToken.",
    f"{_API}PutImage.html#API_PutImage_Errors",
    "Compare Error.Code with AWS's, and set error_codes to aws.",
)


MISSING_LAYERS = Leniency(
    "missing-layers",
    "PutImage accepts a manifest whose layers were never uploaded.",
    "The repository must hold all layers and images that a manifest names (setting verify_layers).",
    f"{_API}PutImage.html",
    "Push the layers too: moto_ecr_ext.testing.push(ecr, repository, build_image(), tag).",
    setting=settings.VERIFY_LAYERS,
)
PLACEHOLDER_MANIFESTS = Leniency(
    "placeholder-manifests",
    "PutImage accepts any text as a manifest.",
    "A manifest has the form of its media type: a config, layers, and digests that are digests.",
    f"{_GUIDE}image-manifest-formats.html",
    "Push a real image: moto_ecr_ext.testing.push(ecr, repository, build_image(), tag).",
)
MADE_UP_DIGESTS = Leniency(
    "made-up-digests",
    "PutImage keeps the `imageDigest` that it is given.",
    "An image's digest is the sha256 of its manifest's text; another one is refused.",
    f"{_API}PutImage.html",
    "Leave `imageDigest` out, and read the digest from PutImage's answer.",
)
DIGESTS_OF_LAYERS = OtherAnswer(
    "digests-of-layers",
    "An image whose layers were never uploaded has the sha256 of its layers' digests, joined, for a digest.",
    "An image's digest is the sha256 of its manifest's text.",
    f"{_API}ImageIdentifier.html",
    "Read the digest from PutImage's answer.",
)
OTHER_MEDIA_TYPES = Leniency(
    "other-media-types",
    "PutImage keeps the `imageManifestMediaType` that it is given, whatever the manifest says.",
    "The media type that is given must be the manifest's own.",
    f"{_API}PutImage.html",
    "Leave `imageManifestMediaType` out if the manifest has a `mediaType`.",
)
MISSING_MEDIA_TYPES = OtherAnswer(
    "missing-media-types",
    "A manifest without a media type is refused with a text of moto's.",
    "It is refused as a manifest with invalid JSON syntax.",
    f"{_API}PutImage.html",
    "Expect InvalidParameterException, whatever its text.",
)
REPEATED_UNTAGGED_PUSHES = Leniency(
    "repeated-untagged-pushes",
    "PutImage of an image without a tag may be repeated.",
    "The same image again is refused with ImageAlreadyExistsException.",
    f"{_API}PutImage.html",
    "Put each image once, or expect ImageAlreadyExistsException.",
)
IMMUTABLE_TAG_ERRORS = OtherAnswer(
    "immutable-tag-errors",
    "A tag that may not move is refused with the exception ImageAlreadyExistsException.",
    "It is refused with ImageTagAlreadyExistsException.",
    f"{_GUIDE}image-tag-mutability.html",
    "Expect client.exceptions.ImageTagAlreadyExistsException.",
)
UNSIZED_INDEXES = OtherAnswer(
    "unsized-indexes",
    "DescribeImages gives no `imageSizeInBytes` for an index or manifest list.",
    "It is the size of the largest image that the index lists.",
    f"{_API}ImageDetail.html",
    "Do not expect that the size is missing.",
)
LAST_TAG_DELETES_IMAGE = OtherAnswer(
    "last-tag-deletes-image",
    "An image is deleted when its last tag moves to another image.",
    "It stays, untagged, until it is deleted.",
    f"{_API}ListImages.html",
    "List with the filter TAGGED, or expect the untagged image.",
)
DIGEST_WITH_TAG_DELETES_IMAGE = OtherAnswer(
    "digest-with-tag-deletes-image",
    "BatchDeleteImage with a digest and one of its tags deletes the image; with another tag it finds none.",
    "It removes the tag; a tag of another image is ImageTagDoesNotMatchDigest.",
    f"{_API}BatchDeleteImage.html",
    "Give the digest alone to delete the image.",
)
REGULAR_EXPRESSION_FILTERS = OtherAnswer(
    "regular-expression-filters",
    "Exclusion filters of tag mutability are regular expressions for the beginning of a tag.",
    "Only `*` is special, and the whole tag counts.",
    f"{_GUIDE}image-tag-mutability.html",
    "Write `dev*` for `dev.*`.",
)
IGNORED_REGISTRY_IDS = Leniency(
    "ignored-registry-ids",
    "PutImage, BatchGetImage and BatchDeleteImage ignore `registryId`.",
    "It names the account whose registry is meant, which has to have the repository.",
    f"{_API}BatchDeleteImage.html",
    "Leave `registryId` out, or give the account of the test (123456789012).",
)
FOREIGN_REGISTRIES = Leniency(
    "foreign-registries",
    "CreateRepository and DescribeRepositories take any account's `registryId`.",
    "The policy of the other registry has to let the caller in.",
    f"{_GUIDE}registry-permissions.html",
    "Set a registry policy there first, or create the repository as that account.",
)
SHORT_REGISTRY_IDS = Leniency(
    "short-registry-ids",
    "A `registryId` has any number of digits.",
    "It has twelve.",
    f"{_API}DescribeRepositories.html",
    "Give twelve digits, such as 123456789012.",
)
CONSTANT_TOKEN = OtherAnswer(
    "constant-token",
    "The password is `<account>-auth-token`, and expired in 2015.",
    "A token is signed and good for twelve hours.",
    f"{_API}AuthorizationData.html",
    "Decode `authorizationToken`: it is `AWS:` and a password. Compare `expiresAt` with the time.",
)
SMALL_LAYER_PARTS = Leniency(
    "small-layer-parts",
    "Parts of a layer have any size.",
    "Each part but the last has 5 MiB or more.",
    f"{_API}CompleteLayerUpload.html",
    "Upload small layers in one part.",
)
EMPTY_LAYERS = Leniency(
    "empty-layers",
    "A layer upload without any part is completed.",
    "It is refused with EmptyUploadException.",
    f"{_API}CompleteLayerUpload.html",
    "Upload a part first.",
)
UNCHECKED_LAYER_DIGESTS = Leniency(
    "unchecked-layer-digests",
    "CompleteLayerUpload ignores the digests that it is given.",
    "One of them has to be the digest of the bytes.",
    f"{_API}CompleteLayerUpload.html",
    "Give the sha256 of the layer's bytes.",
)
UNCHECKED_PART_RANGES = Leniency(
    "unchecked-part-ranges",
    "UploadLayerPart ignores `partLastByte`.",
    "The range has as many bytes as the part.",
    f"{_API}UploadLayerPart.html",
    "Give partFirstByte + len(part) - 1.",
)
REPEATED_LAYERS = Leniency(
    "repeated-layers",
    "CompleteLayerUpload of a layer that is there already succeeds.",
    "It is refused with LayerAlreadyExistsException.",
    f"{_API}CompleteLayerUpload.html",
    "Ask BatchCheckLayerAvailability before, or expect LayerAlreadyExistsException.",
)
ANY_UPLOAD_IDS = OtherAnswer(
    "any-upload-ids",
    "Any text may be an upload id, of an upload that is not found.",
    "An upload id that is no UUID is refused with InvalidParameterException.",
    f"{_API}UploadLayerPart.html",
    "Take a random UUID for an upload that is not there.",
)
MISSING_LAYERS_AS_FAILURES = OtherAnswer(
    "missing-layers-as-failures",
    "BatchCheckLayerAvailability has a layer that is not there among `failures`.",
    "It is in `layers`, as UNAVAILABLE.",
    f"{_API}Layer.html",
    "Look for `layerAvailability`.",
)
MADE_UP_FINDING = OtherAnswer(
    "made-up-finding",
    "Each scan finds CVE-9999-9999, unless the test has queued findings for what it asks.",
    "A scan finds what is in the image.",
    f"{_API}DescribeImageScanFindings.html",
    "Queue the findings: moto_ecr_ext.testing.queue_scan_findings.",
)
UNSET_SCAN_ON_PUSH = OtherAnswer(
    "unset-scan-on-push",
    "`scanOnPush` of BatchGetRepositoryScanningConfiguration is always false.",
    "It is true if a rule of the registry, or the repository, scans on push.",
    f"{_API}RepositoryScanningConfiguration.html",
    "Compare `scanFrequency`.",
)
ANY_SCAN_FREQUENCIES = Leniency(
    "any-scan-frequencies",
    "Enhanced scanning has MANUAL rules, and basic scanning CONTINUOUS_SCAN.",
    "MANUAL is for basic scanning only, CONTINUOUS_SCAN for enhanced scanning only.",
    f"{_API}RegistryScanningRule.html",
    "Leave such rules out: what no rule matches is scanned manually, or not at all.",
)
ANY_IMAGES_SCANNED = Leniency(
    "any-images-scanned",
    "StartImageScan takes an image of any kind, whatever the registry's scan type.",
    "It takes images with an operating system, where the scan type is BASIC.",
    f"{_API}StartImageScan.html",
    "Scan an image, not an index or an artifact, in a registry with basic scanning.",
)
UNCOUNTED_SCANS_ON_PUSH = Leniency(
    "uncounted-scans-on-push",
    "StartImageScan takes an image that was scanned on push today.",
    "An image is scanned once in 24 hours, on push or by StartImageScan.",
    f"{_GUIDE}image-scanning-basic.html",
    "Leave StartImageScan out in a repository that scans on push.",
)
TWO_REGISTRY_POLICY_ACTIONS = OtherAnswer(
    "two-registry-policy-actions",
    "A registry policy has no actions but ecr:CreateRepository and ecr:ReplicateImage.",
    "It may have every action of ECR.",
    f"{_GUIDE}registry-permissions.html",
    "Do not expect a refusal.",
)
ONE_REPLICATION_RULE = OtherAnswer(
    "one-replication-rule",
    "A second replication rule is refused.",
    "A configuration has up to 25 rules.",
    f"{_API}ReplicationConfiguration.html",
    "Do not expect a refusal.",
)
LOOSE_LIFECYCLE_POLICIES = Leniency(
    "loose-lifecycle-policies",
    "A lifecycle policy may have rules that contradict themselves or each other.",
    "Tag lists go with tagged images only, `countUnit` with days only, and priorities differ.",
    f"{_GUIDE}lifecycle_policy_parameters.html",
    "Correct the policy.",
)
POLICY_TEXTS_AS_GIVEN = OtherAnswer(
    "policy-texts-as-given",
    "A policy is answered as it was given.",
    "Policies of repositories and registries are written anew, lifecycle policies without whitespace.",
    f"{_API}GetRepositoryPolicy.html",
    "Compare json.loads of both, and what a list of one or an account's ARN means.",
)
LOOSE_POLICIES = Leniency(
    "loose-policies",
    "A policy of a repository or registry is checked as one of IAM.",
    "Its actions are ECR's, and that of a repository has no Resource.",
    f"{_GUIDE}repository-policies.html",
    "Leave out what ECR's policies do not have.",
)
MADE_UP_KMS_KEYS = Leniency(
    "made-up-kms-keys",
    "A KMS key is any text, and is answered as it was given.",
    "It has to exist, where KMS has any keys, and is answered as its ARN.",
    f"{_API}EncryptionConfiguration.html",
    "Create the key: kms.create_key()['KeyMetadata']['Arn'].",
)
WHOLE_LISTS = OtherAnswer(
    "whole-lists",
    "A list is whole unless `maxResults` is given.",
    "A list without `maxResults` ends after 100 entries, with a `nextToken`.",
    f"{_API}DescribeImages.html",
    "Use a paginator: ecr.get_paginator('describe_images').",
)

UNVERIFIED_IMAGES = Leniency(
    "unverified-images",
    "Lambda functions, Batch jobs and ECS tasks may have images that ECR does not have.",
    "The image must be there, and the service must be allowed to pull it (setting verify_images).",
    "https://docs.aws.amazon.com/lambda/latest/dg/images-create.html",
    "Push the image: moto_ecr_ext.testing.push(ecr, repository, build_image(), tag).",
    setting=settings.VERIFY_IMAGES,
)
ECR_ERRORS_OF_FUNCTIONS = OtherAnswer(
    "ecr-errors-of-functions",
    "Lambda answers ECR's own error for an image that is not there, if MOTO_LAMBDA_STUB_ECR is false.",
    "It answers InvalidParameterValueException: the source image does not exist.",
    "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#API_CreateFunction_Errors",
    "Expect InvalidParameterValueException.",
)
ALL: tuple[Leniency, ...] = tuple(
    value
    for value in list(globals().values())
    if isinstance(value, Leniency) and value is not PROJECT_ERROR_CODES
)
_BY_NAME = {each.name: each for each in ALL}


@dataclass(frozen=True)
class Compatibility:
    """The leniencies that apply."""

    leniencies: frozenset[Leniency]


STRICT = Compatibility(frozenset())
# `verify_layers` and `verify_images` are off unless they are switched on.
AWS = Compatibility(frozenset({MISSING_LAYERS, UNVERIFIED_IMAGES}))
MOTO = Compatibility(frozenset(ALL))

_NAMED = {"aws": AWS, "moto": MOTO, settings.STRICT: STRICT}


def current() -> Compatibility:
    """Return the leniencies that the setting `compatibility` names."""
    return parse_compatibility(settings.COMPATIBILITY.get())


@lru_cache
def parse_compatibility(text: str) -> Compatibility:
    """Return the leniencies of `aws`, `moto` or `strict`, or of a list behind `moto:`. Raises ValueError.

    A list has the names of those that apply. One that begins with a `-` has the names of those that do not.
    """
    name, colon, listed = (each.strip() for each in text.lower().partition(":"))
    if name not in _NAMED or (colon and name != "moto"):
        raise ValueError(
            f"it must be one of {', '.join(_NAMED)}, or moto: and names of leniencies with commas"
        )
    if not colon:
        return _NAMED[name]
    names = [each.strip() for each in listed.split(",") if each.strip()]
    if not names:
        raise ValueError("there is no name behind moto:")
    chosen = set((MOTO if names[0].startswith("-") else AWS).leniencies)
    for each in names:
        leniency = leniency_of(each.removeprefix("-"))
        if each.startswith("-"):
            chosen.discard(leniency)
        else:
            chosen.add(leniency)
    return Compatibility(frozenset(chosen))


def leniency_of(name: str) -> Leniency:
    """Return the leniency of a name. Raises ValueError, which says the nearest name."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    nearest = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0)[0]
    raise ValueError(f"there is no leniency {name}; did you mean {nearest}?")
