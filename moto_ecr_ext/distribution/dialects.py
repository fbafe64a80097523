"""Every difference between ECR and the OCI specification on the wire.

The registry follows OCI Distribution Specification 1.1. With the setting `quirks=aws` it answers as ECR does.
"""

from __future__ import annotations

from collections.abc import Mapping

from moto_ecr_ext import exceptions as aws
from moto_ecr_ext import settings
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.images.by_reference import Condition
from moto_ecr_ext.models.images.ecr_schema import check_ecr_schema
from moto_ecr_ext.models.layers.open_upload import OpenUpload, Upload
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.oci.reference import Tag

# A page of ECR has at most this many names. Under the specification, a client that asks for more gets this
# many and a Link.
MAX_PAGE_SIZE = 1000
_LARGEST_WITH_LENGTH = 2048


class Dialect:
    """The OCI specification, unchanged."""

    # Codes that replace those in the table of `errors`.
    error_codes: Mapping[type[aws.ECRError], str] = {}

    # "Pushing a blob in chunks": the status of an accepted chunk.
    chunk_status = 202

    # "Pushing Manifests": the answer names the manifest's URL in Location.
    locates_manifests = True

    # "Checking if content exists in the registry": the Content-Type of a blob's HEAD.
    blob_type_of_head = "application/octet-stream"

    # "Pushing blobs": the header that names the upload beside Location, as in registries before the
    # specification.
    upload_header: str | None = "Docker-Upload-UUID"

    # "Listing Tags": extra headers of a list of tags. Answers are JSON by default.
    tag_list_headers: Mapping[str, str] = {}

    # "Listing Tags": the most tags of a list without `n`, and whether its Link names that number.
    tags_of_a_page = MAX_PAGE_SIZE
    names_size_in_link = True

    # The text at a path without an endpoint, in place of an error in JSON.
    not_found_page: bytes | None = None

    # Development version, "Registry Proxying": answers repeat the parameter `ns` in OCI-Namespace.
    answers_with_namespace = True

    # Development version, "Pushing a blob in chunks": the parameter `digest-algorithm`.
    knows_digest_algorithms = True

    def change_manifest_headers(self, headers: dict[str, str], method: str) -> None:
        """Change the headers of a pulled manifest: "Pulling manifests".

        The specification wants Docker-Content-Digest on a GET and a HEAD, since its development version on both. An
        ETag is allowed.
        """

    def is_chunked(self, content: bytes) -> bool:
        """Return True if the answer to a GET of this manifest is sent in chunks, without its length."""
        return False

    def list_tags(
        self, backend: ECRBackend, name: str, last: str, count: int, registry_id: str
    ) -> dict[str, str]:
        """Return at most `count` tags in lexical order after `last`: "Listing Tags".

        Each has the `last` of a page behind it: itself.
        """
        return {tag: tag for tag in backend.list_tags(name, last, count, registry_id)}

    def last_byte(self, upload: Upload) -> int:
        """Return the end of Range in answers about an upload: "Pushing a blob in chunks"."""
        return upload.last_byte

    def check_upload(self, upload: OpenUpload) -> None:
        """Raise an error if an upload cannot be committed.

        The specification allows any, even without bytes or with small chunks.
        """

    def page_size(self, wanted: int) -> int:
        """Return the most names in the answer to `n=wanted`: "Listing Tags". 0 means an empty list."""
        return min(wanted, MAX_PAGE_SIZE)

    def delete_tag(
        self, backend: ECRBackend, name: str, tag: Tag, registry_id: str, condition: Condition
    ) -> None:
        """Delete a tag: "Deleting tags". The manifest stays, even without a tag."""
        backend.delete_manifest(name, tag, registry_id, condition)

    def mount(
        self, backend: ECRBackend, name: str, source: str, digest: Digest, registry_id: str
    ) -> bool:
        """Mount a blob that the caller may read: "Mounting a blob from another repository".

        Return True if it was mounted.
        """
        return backend.mount_blob(name, source, digest, registry_id)

    def check_manifest(self, manifest: Manifest) -> None:
        """Raise an error for a manifest that the image specification allows but ECR refuses.

        The specification refuses none.
        """

    def check_repeated_push(self, repository: Repository, tag: str) -> None:
        """Raise an error for an image that is pushed again under its tag.

        The specification allows it: clients repeat requests.
        """


class ECRDialect(Dialect):
    """ECR's deviations from the specification."""

    error_codes: Mapping[type[aws.ECRError], str] = {
        # https://github.com/mapbox/ecs-conex/issues/50
        aws.ManifestBlobUnknown: "BLOB_UPLOAD_UNKNOWN",
        # https://github.com/google/go-containerregistry/issues/1568
        aws.ImageDigestDoesNotMatchException: "MANIFEST_INVALID",
        # https://github.com/bazelbuild/rules_docker/issues/298
        aws.InvalidLayerException: "BLOB_UPLOAD_INVALID",
    }

    # https://github.com/aws/containers-roadmap/issues/2831
    chunk_status = 201

    # No recorded answer to the PUT of a manifest has Location.
    locates_manifests = False

    # Recorded for configurations and layers alike.
    blob_type_of_head = "application/vnd.docker.container.image.v1+json"

    # Recorded answers of ECR have no such header.
    upload_header = None

    # In the example of https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    tag_list_headers: Mapping[str, str] = {"Content-Type": "text/plain; charset=utf-8"}

    # Recorded Links have no `n`.
    tags_of_a_page = 100
    names_size_in_link = False

    not_found_page = b"404 page not found\n"

    # ECR is not known to read these parameters.
    answers_with_namespace = False
    knows_digest_algorithms = False

    def change_manifest_headers(self, headers: dict[str, str], method: str) -> None:
        """Remove ETag, and the digest of a GET (https://github.com/aws/containers-roadmap/issues/1931).

        Every recorded answer has an empty header `Sizes`.
        """
        del headers["ETag"]
        if method == "GET":
            del headers["Docker-Content-Digest"]
        headers["Sizes"] = ""

    def is_chunked(self, content: bytes) -> bool:
        """Return True for more than 2 KiB: the buffer of Go's server, whose page for unknown paths is ECR's, too."""
        return len(content) > _LARGEST_WITH_LENGTH

    def list_tags(
        self, backend: ECRBackend, name: str, last: str, count: int, registry_id: str
    ) -> dict[str, str]:
        """Return at most `count` tags, in an order that is not lexical. Each has an opaque `last`.

        Raises InvalidParameterException for a `last` that is not from a Link.
        """
        try:
            return backend.list_tags_by_digest(name, last or None, count, registry_id)
        except aws.UnknownPage:
            raise aws.InvalidParameterException.at(
                "last", "Member must be that of a Link"
            ) from None

    def last_byte(self, upload: Upload) -> int:
        """Return the end of the first chunk, even after later chunks.

        https://github.com/aws/containers-roadmap/issues/2831
        """
        return super().last_byte(upload) if upload.first_part is None else upload.first_part - 1

    def check_upload(self, upload: OpenUpload) -> None:
        """Raise the error of CompleteLayerUpload for an upload without bytes, or with a small chunk before the last.

        https://github.com/devcontainers/cli/issues/814,
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html ("Minimum layer part size")
        """
        upload.check_parts()

    def page_size(self, wanted: int) -> int:
        """Return `wanted`. Raises InvalidParameterException outside 1 to 1000.

        https://github.com/google/go-containerregistry/issues/681
        """
        if wanted > MAX_PAGE_SIZE:
            raise aws.InvalidParameterException.at(
                "maxResults", f"Member must have value less than or equal to {MAX_PAGE_SIZE}"
            )
        if wanted < 1:
            raise aws.InvalidParameterException.at(
                "maxResults", "Member must have value greater than or equal to 1"
            )
        return wanted

    def delete_tag(
        self, backend: ECRBackend, name: str, tag: Tag, registry_id: str, condition: Condition
    ) -> None:
        """Delete a tag, and the image with its last tag, as BatchDeleteImage does.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
        """
        backend.delete_tag_and_last_image(name, tag, registry_id, condition)

    def mount(
        self, backend: ECRBackend, name: str, source: str, digest: Digest, registry_id: str
    ) -> bool:
        """Mount a blob under ECR's conditions. Return True if it was mounted.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
        """
        return backend.mount_layer_of_image(name, source, digest, registry_id)

    def check_manifest(self, manifest: Manifest) -> None:
        """Raise the error of PutImage for a manifest that violates ECR's own schema."""
        check_ecr_schema(manifest)

    def check_repeated_push(self, repository: Repository, tag: str) -> None:
        """Raise ImageTagAlreadyExistsException if the tag is immutable, though it would not move.

        https://github.com/aws/containers-roadmap/issues/2179
        """
        if repository.is_immutable(tag):
            raise aws.ImageTagAlreadyExistsException(tag, repository.repository_name)


OCI = Dialect()
ECR = ECRDialect()


def current_dialect() -> Dialect:
    """Return the dialect that the setting `quirks` names.

    Each request asks. It reads no other setting, since reading each takes 3 % of a small request.
    """
    return ECR if settings.QUIRKS.get() == "aws" else OCI
