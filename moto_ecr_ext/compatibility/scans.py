"""Rules of scanning."""

from __future__ import annotations

from moto_ecr_ext.settings import leniencies

from .answers import Answers


class ScanRules(Answers):
    """Which images are scanned, and what is found in them."""

    __slots__ = ()

    def accept_frequency(self, frequency: str, scan_type: str) -> bool:
        """Return True if a scan type may have a frequency of the other one."""
        return self._applies(
            leniencies.ANY_SCAN_FREQUENCIES, f"{frequency} for scan type {scan_type}"
        )

    def accept_repeated_frequency(self, frequency: str) -> bool:
        """Return True if two rules may have one frequency."""
        return self._applies(leniencies.ANY_SCAN_FREQUENCIES, f"two rules of {frequency}")

    def accept_any_image(self, about: str) -> bool:
        """Return True if operations of basic scanning work for every image and scan type."""
        return self._applies(leniencies.ANY_IMAGES_SCANNED, about)

    def count_scan_on_push(self, digest: str) -> bool:
        """Return True if a scan on push is the image's one scan in 24 hours."""
        return not self._applies(leniencies.UNCOUNTED_SCANS_ON_PUSH, digest)

    def show_scan_on_push(self, repository_name: str) -> bool:
        """Return True if a repository that is scanned on push says so."""
        return not self._applies(leniencies.UNSET_SCAN_ON_PUSH, repository_name)

    @property
    def make_up_findings(self) -> bool:
        """True if a scan without a program finds the same vulnerability in every image."""
        return self._is_on(leniencies.MADE_UP_FINDING)

    def make_up_finding_for(self, image_id: str) -> bool:
        """Return `make_up_findings`, for an image whose findings are described."""
        return self._applies(leniencies.MADE_UP_FINDING, image_id)

    def separate_names(self) -> bool:
        """Return True if an image without findings under one name may have some under another."""
        return self._applies(leniencies.MADE_UP_FINDING, "another name of the image")
