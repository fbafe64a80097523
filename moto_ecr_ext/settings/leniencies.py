"""The values of the setting `compatibility`: the differences between stock moto and AWS, by name.

Each is a `Leniency`: moto's behaviour, AWS's rule, and how to write a test for both. What moto answers is in
`compatibility/`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

_API = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_"
_GUIDE = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/"


@dataclass(frozen=True)
class Leniency:
    """One difference between stock moto and AWS.

    `moto` describes moto's behaviour, `aws` AWS's rule, whose source is `page`, and `instead` how to write a test for
    both. `sign` is a word that a test contains if it can fail because of the difference.
    """

    name: str
    moto: str
    aws: str
    page: str
    instead: str
    sign: str = ""
    is_refusal: ClassVar[bool] = True


class OtherAnswer(Leniency):
    """A difference in which AWS does not refuse a call, but does or returns something else."""

    is_refusal = False


PROJECT_ERROR_CODES = OtherAnswer(
    "project-error-codes",
    "Error.Code is this project's for three errors, as in other emulators (setting error_codes).",
    "Error.Code is ImageTagAlreadyExistsException for an immutable tag, InvalidLayerException for a wrong "
    "digest, InvalidParameterException for a wrong nextToken.",
    f"{_API}PutImage.html#API_PutImage_Errors",
    "Compare Error.Code with AWS's, and set error_codes to aws.",
)


MISSING_LAYERS = Leniency(
    "missing-layers",
    "PutImage accepts a manifest whose layers were never uploaded.",
    "PutImage answers LayersNotFoundException, or ReferencedImagesNotFoundException (setting verify_layers=true).",
    f"{_API}PutImage.html",
    "Push the layers too: moto_ecr_ext.testing.push(ecr, repository, build_image(), tag).",
)
PLACEHOLDER_MANIFESTS = Leniency(
    "placeholder-manifests",
    "PutImage accepts any text as a manifest.",
    "A manifest must have the form of its media type: a config, layers, and well-formed digests.",
    f"{_GUIDE}image-manifest-formats.html",
    "Push a real image: moto_ecr_ext.testing.push(ecr, repository, build_image(), tag).",
)
MADE_UP_DIGESTS = Leniency(
    "made-up-digests",
    "PutImage stores the given `imageDigest`.",
    "The digest of an image is the sha256 of its manifest; any other one is refused.",
    f"{_API}PutImage.html",
    "Omit `imageDigest`, and read the digest from PutImage's response.",
)
DIGESTS_OF_LAYERS = OtherAnswer(
    "digests-of-layers",
    "The digest of an image whose layers were never uploaded is the sha256 of its layers' joined digests.",
    "The digest of an image is the sha256 of its manifest.",
    f"{_API}ImageIdentifier.html",
    "Read the digest from PutImage's response.",
)
OTHER_MEDIA_TYPES = Leniency(
    "other-media-types",
    "PutImage stores the given `imageManifestMediaType`, even if the manifest has another one.",
    "The given media type must be that of the manifest.",
    f"{_API}PutImage.html",
    "Omit `imageManifestMediaType` if the manifest has a `mediaType`.",
)
MISSING_MEDIA_TYPES = OtherAnswer(
    "missing-media-types",
    "A manifest without a media type is refused with moto's error text.",
    "It is refused as a manifest with invalid JSON syntax.",
    f"{_API}PutImage.html",
    "Expect InvalidParameterException; do not compare its text.",
)
REPEATED_UNTAGGED_PUSHES = Leniency(
    "repeated-untagged-pushes",
    "PutImage of an untagged image may be repeated.",
    "The same image again is refused with ImageAlreadyExistsException.",
    f"{_API}PutImage.html",
    "Put each image once, or expect ImageAlreadyExistsException.",
)
ANY_TAGS = Leniency(
    "any-tags",
    "A tag may have any characters, such as `feature/x`.",
    "It has letters, digits, hyphens, underscores and dots.",
    f"{_API}PutImage.html",
    "Use a tag such as `feature-x`. The registry protocol cannot address any other.",
)
IMMUTABLE_TAG_ERRORS = OtherAnswer(
    "immutable-tag-errors",
    "Moving an immutable tag is refused with ImageAlreadyExistsException.",
    "It is refused with ImageTagAlreadyExistsException.",
    f"{_GUIDE}image-tag-mutability.html",
    "Expect client.exceptions.ImageTagAlreadyExistsException.",
)
UNSIZED_INDEXES = OtherAnswer(
    "unsized-indexes",
    "DescribeImages returns no `imageSizeInBytes` for an index or manifest list.",
    "It is the size of the largest image that the index lists.",
    f"{_API}ImageDetail.html",
    "Expect a size, or do not compare it.",
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
    "BatchDeleteImage with a digest and one of its tags deletes the image; with another tag it reports ImageNotFound.",
    "It removes the tag; for a tag of another image it reports ImageTagDoesNotMatchDigest.",
    f"{_API}BatchDeleteImage.html",
    "Give only the digest to delete the image.",
)
REGULAR_EXPRESSION_FILTERS = OtherAnswer(
    "regular-expression-filters",
    "Exclusion filters of tag mutability are regular expressions for the beginning of a tag.",
    "`*` is the only wildcard, and a filter must match the whole tag.",
    f"{_GUIDE}image-tag-mutability.html",
    "Write `dev*` for `dev.*`.",
)
EXCLUSION_FILTER_ERRORS = OtherAnswer(
    "exclusion-filter-errors",
    "Exclusion filters without a mutability that has exclusions are refused with the text for missing filters.",
    "The text says that they are not allowed.",
    f"{_API}CreateRepository.html",
    "Expect InvalidParameterException; do not compare its text.",
)
IGNORED_REGISTRY_IDS = Leniency(
    "ignored-registry-ids",
    "PutImage, BatchGetImage and BatchDeleteImage ignore `registryId`.",
    "It selects the account whose registry must have the repository.",
    f"{_API}BatchDeleteImage.html",
    "Omit `registryId`, or give the account of the test (123456789012).",
)
FOREIGN_REGISTRIES = Leniency(
    "foreign-registries",
    "CreateRepository and DescribeRepositories accept any `registryId`, and others that of a repository so made.",
    "The policy of the other registry must allow the action.",
    f"{_GUIDE}registry-permissions.html",
    "Set a registry policy there first, or create the repository as that account.",
)
SHORT_REGISTRY_IDS = Leniency(
    "short-registry-ids",
    "A `registryId` may have any number of digits.",
    "It has twelve.",
    f"{_API}DescribeRepositories.html",
    "Give twelve digits, such as 123456789012.",
)
CONSTANT_TOKEN = OtherAnswer(
    "constant-token",
    "The password is `<account>-auth-token`, and expired in 2015.",
    "A token is signed, and valid for twelve hours.",
    f"{_API}AuthorizationData.html",
    "Decode `authorizationToken`: it is `AWS:` and a password. Compare `expiresAt` with the time.",
)
SMALL_LAYER_PARTS = Leniency(
    "small-layer-parts",
    "Parts of a layer may have any size.",
    "Each part except the last must have at least 5 MiB.",
    f"{_API}CompleteLayerUpload.html",
    "Upload small layers in one part.",
)
EMPTY_LAYERS = Leniency(
    "empty-layers",
    "CompleteLayerUpload accepts an upload without parts.",
    "It is refused with EmptyUploadException.",
    f"{_API}CompleteLayerUpload.html",
    "Upload a part first.",
)
UNCHECKED_LAYER_DIGESTS = Leniency(
    "unchecked-layer-digests",
    "CompleteLayerUpload ignores the given digests.",
    "One of them must be the digest of the bytes.",
    f"{_API}CompleteLayerUpload.html",
    "Give the sha256 of the layer's bytes.",
)
UNCHECKED_PART_RANGES = Leniency(
    "unchecked-part-ranges",
    "UploadLayerPart ignores `partLastByte`.",
    "The range must have as many bytes as the part.",
    f"{_API}UploadLayerPart.html",
    "Set `partLastByte` to partFirstByte + len(part) - 1.",
)
REPEATED_LAYERS = Leniency(
    "repeated-layers",
    "CompleteLayerUpload succeeds for a layer that exists already.",
    "It is refused with LayerAlreadyExistsException.",
    f"{_API}CompleteLayerUpload.html",
    "Call BatchCheckLayerAvailability before, or expect LayerAlreadyExistsException.",
)
ANY_UPLOAD_IDS = OtherAnswer(
    "any-upload-ids",
    "An upload id may be any text; its upload is not found.",
    "An upload id that is not a UUID is refused with InvalidParameterException.",
    f"{_API}UploadLayerPart.html",
    "Use a random UUID for a missing upload.",
)
MISSING_LAYERS_AS_FAILURES = OtherAnswer(
    "missing-layers-as-failures",
    "BatchCheckLayerAvailability reports a missing layer in `failures`.",
    "It is in `layers`, as UNAVAILABLE.",
    f"{_API}Layer.html",
    "Look for `layerAvailability`.",
    sign="failures",  # Every push asks for layers that are not there yet.
)
MADE_UP_FINDING = OtherAnswer(
    "made-up-finding",
    "Each scan finds CVE-9999-9999, unless the test has queued findings for the image.",
    "A scan finds the vulnerabilities of the image.",
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
    "Enhanced scanning has MANUAL rules, basic scanning CONTINUOUS_SCAN, and several rules may have one frequency.",
    "MANUAL is for basic scanning only, CONTINUOUS_SCAN for enhanced scanning only, and each is for one rule.",
    f"{_API}RegistryScanningRule.html",
    "Omit such rules: repositories that match no rule are scanned manually, or not at all.",
)
ANY_IMAGES_SCANNED = Leniency(
    "any-images-scanned",
    "StartImageScan accepts an image of any kind, with any scan type of the registry.",
    "It accepts images with an operating system, if the scan type is BASIC.",
    f"{_API}StartImageScan.html",
    "Scan an image, not an index or an artifact, in a registry with basic scanning.",
)
UNCOUNTED_SCANS_ON_PUSH = Leniency(
    "uncounted-scans-on-push",
    "StartImageScan accepts an image that was scanned on push today.",
    "An image is scanned once in 24 hours, on push or by StartImageScan.",
    f"{_GUIDE}image-scanning-basic.html",
    "Omit StartImageScan in a repository that scans on push.",
)
TWO_REGISTRY_POLICY_ACTIONS = OtherAnswer(
    "two-registry-policy-actions",
    "A registry policy may have the actions ecr:CreateRepository and ecr:ReplicateImage only.",
    "It may have every action of ECR.",
    f"{_GUIDE}registry-permissions.html",
    "Do not expect an error.",
)
ONE_REPLICATION_RULE = OtherAnswer(
    "one-replication-rule",
    "A second replication rule is refused.",
    "A configuration may have up to 25 rules.",
    f"{_API}ReplicationConfiguration.html",
    "Do not expect an error.",
)
LOOSE_LIFECYCLE_POLICIES = Leniency(
    "loose-lifecycle-policies",
    "A lifecycle policy may have rules that contradict themselves or each other.",
    "Tag lists are for tagged images only, `countUnit` for days only, and priorities must differ.",
    f"{_GUIDE}lifecycle_policy_parameters.html",
    "Correct the policy.",
)
POLICY_TEXTS_AS_GIVEN = OtherAnswer(
    "policy-texts-as-given",
    "A policy is returned as it was given.",
    "Policies of repositories and registries are returned in ECR's form, lifecycle policies without whitespace and "
    "with their rules by priority.",
    f"{_API}GetRepositoryPolicy.html",
    "Compare parsed JSON, and accept a list of one and an account's ARN for their short forms.",
)
LOOSE_POLICIES = Leniency(
    "loose-policies",
    "A policy of a repository or registry is checked like an IAM policy.",
    "It may have ECR's actions only, and a repository's policy no Resource.",
    f"{_GUIDE}repository-policies.html",
    "Omit other actions, and the Resource of a repository's policy.",
)
MADE_UP_KMS_KEYS = Leniency(
    "made-up-kms-keys",
    "A KMS key may be any text, and is returned as it was given.",
    "If KMS has any keys, it must exist; its ARN is returned.",
    f"{_API}EncryptionConfiguration.html",
    "Create the key: kms.create_key()['KeyMetadata']['Arn'].",
)
WHOLE_LISTS = OtherAnswer(
    "whole-lists",
    "A list is complete unless `maxResults` is given.",
    "A list without `maxResults` ends after 100 entries, with a `nextToken`.",
    f"{_API}DescribeImages.html",
    "Use a paginator: ecr.get_paginator('describe_images').",
)

UNVERIFIED_IMAGES = Leniency(
    "unverified-images",
    "Lambda functions, Batch jobs and ECS tasks may have images that ECR does not have.",
    "The image must exist, and the service must be allowed to pull it (setting verify_images).",
    "https://docs.aws.amazon.com/lambda/latest/dg/images-create.html",
    "Push the image: moto_ecr_ext.testing.push(ecr, repository, build_image(), tag).",
)
ECR_ERRORS_OF_FUNCTIONS = OtherAnswer(
    "ecr-errors-of-functions",
    "Lambda returns ECR's error for a missing image, if MOTO_LAMBDA_STUB_ECR is false.",
    "It returns InvalidParameterValueException: the source image does not exist.",
    "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#API_CreateFunction_Errors",
    "Expect InvalidParameterValueException.",
)
ALL: tuple[Leniency, ...] = tuple(
    value
    for value in list(globals().values())
    if isinstance(value, Leniency) and value is not PROJECT_ERROR_CODES
)
_BY_NAME = {each.name: each for each in ALL}


STRICT: frozenset[Leniency] = frozenset()
# `verify_layers` and `verify_images` are off by default.
AWS = frozenset({MISSING_LAYERS, UNVERIFIED_IMAGES})
MOTO = frozenset(ALL)

_NAMED = {"aws": AWS, "moto": MOTO, "strict": STRICT}


@lru_cache
def parse_compatibility(text: str) -> frozenset[Leniency]:
    """Return the leniencies of `aws`, `moto` or `strict`, or of a list behind `moto:`. Raises ValueError.

    A list names the leniencies that apply. If its first name begins with `-`, all others apply.
    """
    name, colon, listed = (each.strip() for each in text.lower().partition(":"))
    if name not in _NAMED or (colon and name != "moto"):
        raise ValueError(
            f"it must be one of {', '.join(_NAMED)}, or moto: and names of leniencies, separated by commas"
        )
    if not colon:
        return _NAMED[name]
    names = [each.strip() for each in listed.split(",") if each.strip()]
    if not names:
        raise ValueError("moto: needs the name of a leniency")
    chosen = set(MOTO if names[0].startswith("-") else AWS)
    for each in names:
        leniency = leniency_of(each.removeprefix("-"))
        if each.startswith("-"):
            chosen.discard(leniency)
        else:
            chosen.add(leniency)
    return frozenset(chosen)


def leniency_of(name: str) -> Leniency:
    """Return the leniency of a name. Raises ValueError for an unknown name, with the closest name."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    nearest = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0)[0]
    raise ValueError(f"there is no leniency {name}; did you mean {nearest}?")
