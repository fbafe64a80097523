"""Rules of images and their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from moto_ecr_ext.exceptions import (
    ImageAlreadyExistsException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
)
from moto_ecr_ext.exceptions.base import ECRError, NamedRepository
from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.policies.wildcards import (
    NeedlessFilters,
    check_exclusion_filters,
    matches_expression,
    matches_tag_filter,
    missing_filters,
)
from moto_ecr_ext.settings import leniencies
from moto_ecr_ext.storage.database.transaction import View

from . import placeholders
from .answers import Answers
from .placeholders import Placeholder, PlaceholderText


class ImageRules(Answers):
    """What PutImage and the other operations on images accept and return."""

    __slots__ = ()

    @property
    def need_layers(self) -> bool:
        """True if the layers and images to which a manifest refers must exist, and its schema must be ECR's."""
        return not self._is_on(leniencies.MISSING_LAYERS)

    @property
    def may_be_placeholders(self) -> bool:
        """True if PutImage accepts texts that are not the manifests of their digests."""
        return any(
            map(
                self._is_on,
                (
                    leniencies.PLACEHOLDER_MANIFESTS,
                    leniencies.MADE_UP_DIGESTS,
                    leniencies.DIGESTS_OF_LAYERS,
                ),
            )
        )

    def accept_missing_layers(self) -> bool:
        """Return True if a manifest is accepted although something to which it refers does not exist."""
        return self._applies(leniencies.MISSING_LAYERS, "an image without its layers")

    def accept_digest(self, claimed: str) -> bool:
        """Return True if an image may have a digest that is not its manifest's."""
        return placeholders.is_storable(claimed) and self._applies(
            leniencies.MADE_UP_DIGESTS, claimed
        )

    def placeholder_for(self, content: bytes, given: str | None) -> Placeholder | None:
        """Return the image for a text that is not a manifest of the given media type. ECR has none.

        Raises InvalidParameterException with moto's message for a manifest without a media type, if that is moto's
        answer.
        """
        text = PlaceholderText(content)
        media_type = given or text.media_type
        if media_type is None and text.document is not None:
            if self._applies(leniencies.MISSING_MEDIA_TYPES, "a manifest without a media type"):
                raise InvalidParameterException(
                    "image manifest mediatype not provided in manifest or parameter"
                )
            return None
        if given is not None and given != text.media_type and text.is_manifest():
            leniency = leniencies.OTHER_MEDIA_TYPES
            about = f"{given} for a manifest of type {text.media_type}"
        else:
            leniency = leniencies.PLACEHOLDER_MANIFESTS
            about = f"the manifest {text.beginning}"
        media_type = media_type or placeholders.DEFAULT_MEDIA_TYPE
        if not (placeholders.is_storable(media_type) and self._applies(leniency, about)):
            return None
        return Placeholder.of(text, media_type)

    def stored(
        self, view: View, repository_id: int, manifest: Manifest, own: str, claimed: str | None
    ) -> tuple[Manifest, str]:
        """Return what PutImage stores for an accepted image, and its digest.

        It is the manifest under its `own` digest; in moto it is a placeholder if another digest was `claimed`, or if
        the repository has none of its layers.
        """
        if not isinstance(manifest, Placeholder):
            if claimed in (None, own) and not self._has_digest_of_layers(
                view, repository_id, manifest
            ):
                return manifest, own
            manifest = Placeholder.of(PlaceholderText(manifest.content), manifest.media_type)
        named = self._is_on(leniencies.DIGESTS_OF_LAYERS)
        of_layers = manifest.digest_of_layers if named else None
        digest = placeholders.free_digest(view, repository_id, own, (claimed, of_layers))
        return manifest, digest

    def _has_digest_of_layers(self, view: View, repository_id: int, manifest: Manifest) -> bool:
        if not manifest.blobs or self.need_layers:
            return False
        if placeholders.has_layers(view, repository_id, manifest):
            return False
        return self._applies(leniencies.DIGESTS_OF_LAYERS, "an image without its layers")

    def accept_repetition(self, tag: str | None) -> bool:
        """Return True if it is no error to push the same image again, with the same tag or none."""
        return tag is None and self._applies(
            leniencies.REPEATED_UNTAGGED_PUSHES, "the same image again, without a tag"
        )

    def refusal_of_move(self, digest: str, tag: str, repository: NamedRepository) -> ECRError:
        """Return the error for an immutable tag that would move to another image."""
        if self._applies(leniencies.IMMUTABLE_TAG_ERRORS, f"the tag {tag}"):
            return ImageAlreadyExistsException(digest, tag, repository)
        return ImageTagAlreadyExistsException(tag, repository.repository_name)

    def are_deleted_with_last_tag(self) -> bool:
        """Return True if an image is deleted when its last tag moves to another image."""
        return self._applies(
            leniencies.LAST_TAG_DELETES_IMAGE, "an image that has lost its last tag"
        )

    def are_deleted_by_digest_with_tag(self) -> bool:
        """Return True if a digest with one of its tags means the image. In ECR it means the tag."""
        return self._applies(leniencies.DIGEST_WITH_TAG_DELETES_IMAGE, "a digest with its tag")

    def failure_of_deletion(self, failure: str) -> str:
        """Return the code of BatchDeleteImage for a failure."""
        if failure == "ImageTagDoesNotMatchDigest" and self._applies(
            leniencies.DIGEST_WITH_TAG_DELETES_IMAGE, "a digest with a tag of another image"
        ):
            return "ImageNotFound"
        return failure

    def failure_of_malformed_tag(self, tag: str) -> str:
        """Return the failure code for a missing image whose tag is malformed."""
        return (
            "ImageNotFound"
            if self._applies(leniencies.ANY_TAGS, f"imageTag {tag}")
            else "InvalidImageTag"
        )

    def show_size_of_index(self) -> bool:
        """Return True if DescribeImages shows the size of an index."""
        return not self._applies(leniencies.UNSIZED_INDEXES, "the size of an index")

    def are_excluded_from_mutability(self, filters: Sequence[str], tag: str) -> bool:
        """Return True if one of the exclusion filters of a repository matches a tag."""
        in_ecr = any(matches_tag_filter(each, tag) for each in filters)
        in_moto = any(matches_expression(each, tag) for each in filters)
        if in_moto != in_ecr and self._applies(
            leniencies.REGULAR_EXPRESSION_FILTERS, ", ".join(filters)
        ):
            return in_moto
        return in_ecr

    def check_exclusion_filters(
        self, mutability: str, filters: Sequence[Mapping[str, str]] | None
    ) -> None:
        """Raise InvalidParameterException for exclusion filters that a repository may not have."""
        try:
            check_exclusion_filters(mutability, filters)
        except NeedlessFilters:
            if self._applies(leniencies.EXCLUSION_FILTER_ERRORS, mutability):
                raise missing_filters(mutability) from None
            raise
