"""Referrers of cached images, which are imported from the upstream registry when they are listed.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
"""

from __future__ import annotations

from contextlib import closing, suppress

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import ECRError, ImageNotFoundException, RepositoryNotFoundException
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.pull_through import (
    UnableToListUpstreamImageReferrersException,
    UpstreamAccessDenied,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.process import this_process
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.turns import Turn, Turns
from moto_ecr_ext.upstream.registries import ECR

from .cache import import_members, key_of_image, may_import
from .imports import Import, present_image, reading_as_role, upstream_ecr
from .rules import PullThroughCacheRule, mapped_url, rule_for, upstream_registry_of

# The seconds between two checks of the referrers of an image. The source is the page above.
REFERRER_CHECK_INTERVAL = 6 * 60 * 60
# The largest number of referrers that are imported of one subject.
_MOST = 10_000

_turns: Turns[tuple[str, ...], Turn] = Turns(Turn)


def import_due_referrers(
    registry: RegistryBackend, repository_name: str, digest: Digest, registry_id: str | None
) -> None:
    """Import the referrers that the upstream has of a cached image, unless it was asked within the last six hours.

    The time of the check is kept in this process. Raises UnableToListUpstreamImageReferrersException if the referrers
    cannot be listed and none were imported before.
    """
    account_id = registry_id or registry.account_id
    with registry.store.database.read() as view:
        rule = rule_for(view, account_id, registry.region_name, repository_name)
        if rule is None:
            return
        this_process().need_moto()
        key = key_of_image(registry, view, repository_name, digest, account_id)
        if key is None or not may_import(registry, view, repository_name, account_id):
            return
    checks = registry.store.referrer_checks
    owner = registry.registry(account_id, registry.region_name)
    with _turns.take((account_id, registry.region_name, repository_name, digest)):
        checked_at = checks.get(key)
        if checked_at is not None and checked_at > now() - REFERRER_CHECK_INTERVAL:
            return
        try:
            _synchronize(owner, rule, repository_name, digest)
        except ECRError as error:
            if not _has_referrers(owner, repository_name, digest):
                raise UnableToListUpstreamImageReferrersException(error.message) from error
            return
        checks.put(key, now())


def _synchronize(
    registry: RegistryBackend, rule: PullThroughCacheRule, repository_name: str, subject: Digest
) -> None:
    for digest in _upstream_referrers(registry, rule, repository_name, subject):
        with registry.store.database.read() as view:
            is_there = present_image(registry, view, repository_name, digest) is not None
        if not is_there:
            # The referrer may have been deleted since it was listed.
            with suppress(ImageNotFoundException):
                pull = Import(registry, rule, repository_name, digest)
                pull.run()
                import_members(pull)


def _upstream_referrers(
    registry: RegistryBackend, rule: PullThroughCacheRule, repository_name: str, subject: Digest
) -> list[Digest]:
    """Return the digests of a subject's referrers in the upstream registry of a rule."""
    name = rule.upstream_name(repository_name)
    if rule.upstream_registry != ECR or mapped_url(ECR) is not None:
        with closing(upstream_registry_of(rule)) as upstream:
            return upstream.referrers(name, subject)
    source, account_id = upstream_ecr(registry, rule)
    with registry.store.database.read() as view:
        try:
            with reading_as_role(rule, "ecr:BatchGetImage"):
                repository = source.repository(view, name, account_id)
        except RepositoryNotFoundException:
            return []
        except AccessDeniedException:
            raise UpstreamAccessDenied(rule.upstream_registry_url) from None
        found = rows.manifests.referrers(
            view, repository.id, subject, None, status="ACTIVE", after=0, count=_MOST
        )
    return [Digest(each.digest) for each in found]


def _has_referrers(registry: RegistryBackend, repository_name: str, digest: Digest) -> bool:
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
        return bool(
            rows.manifests.referrers(
                view, repository.id, digest, None, status="ANY", after=0, count=1
            )
        )
