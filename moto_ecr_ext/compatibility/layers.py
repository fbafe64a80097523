"""Rules of layers and their uploads."""

from __future__ import annotations

from collections.abc import Sequence

from moto_ecr_ext.settings import leniencies

from .answers import Answers


class LayerRules(Answers):
    """What the operations on layers accept and return."""

    __slots__ = ()

    def accept_range(self, last_byte: int) -> bool:
        """Return True if a part may have another length than its range."""
        return self._applies(leniencies.UNCHECKED_PART_RANGES, f"partLastByte {last_byte}")

    def accept_empty_upload(self) -> bool:
        """Return True if an upload without parts becomes a layer."""
        return self._applies(leniencies.EMPTY_LAYERS, "an upload without parts")

    def accept_small_parts(self) -> bool:
        """Return True if every part may be small."""
        return self._applies(leniencies.SMALL_LAYER_PARTS, "a part of less than 5 MiB")

    def accept_digests(self, digests: Sequence[str]) -> bool:
        """Return True if none of the given digests need be that of the bytes."""
        return self._applies(leniencies.UNCHECKED_LAYER_DIGESTS, ", ".join(digests))

    def accept_existing_layer(self, digest: str) -> bool:
        """Return True if it is no error to upload a layer that the repository has."""
        return self._applies(leniencies.REPEATED_LAYERS, digest)

    def fail_if_missing(self, digest: str) -> bool:
        """Return True if a missing layer is a failure of BatchCheckLayerAvailability. In ECR it is an answer."""
        return self._applies(leniencies.MISSING_LAYERS_AS_FAILURES, digest)
