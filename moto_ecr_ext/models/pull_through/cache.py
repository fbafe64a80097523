"""The pull-through cache: pulls import images from an upstream registry.

An upstream that does not respond is an error only if no earlier pull imported the image.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
"""

from __future__ import annotations

from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ImageNotFoundException,
    ImageTagAlreadyExistsException,
    LimitExceededException,
    RepositoryNotFoundException,
)
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.pull_through import UnableToGetUpstreamImageException, UpstreamError
from moto_ecr_ext.hosts import repository_arn
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.oci.reference import Reference
from moto_ecr_ext.services.moto_process import require_moto
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.manifests import ManifestRow
from moto_ecr_ext.storage.turns import Turn, Turns

from .imports import Import, note_check, present_image
from .rules import PullThroughCacheRule, rule_for

# The seconds between two checks of the same tag.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
CHECK_INTERVAL = 24 * 60 * 60

# An import takes the turn of its registry, repository and reference. Concurrent pulls of the same image wait for it,
# and then find the image there.
_turns: Turns[tuple[str, ...], Turn] = Turns(Turn)


def is_due(image: ManifestRow) -> bool:
    """Return True if the upstream must be asked again for the tag of an image that was found."""
    return image.checked_at is not None and image.checked_at <= now() - CHECK_INTERVAL


def bring_in(
    registry: RegistryBackend,
    repository_name: str,
    reference: Reference,
    registry_id: str | None,
) -> bool:
    """Import an image that a rule covers, if it is missing or due for a check.

    Return False if no rule covers it, or the caller may not import it. Raises ImageNotFoundException, UpstreamError,
    UnableToGetUpstreamImageException and LimitExceededException if the repository does not have the image afterwards.
    """
    account_id = registry_id or registry.account_id
    with registry.store.database.read() as view:
        rule = rule_for(view, account_id, registry.region_name, repository_name)
        if rule is None:
            return False
        require_moto()  # It may read a secret, and it sends an event.
        if not may_import(registry, view, repository_name, account_id):
            return False
    owner = registry.registry(account_id, registry.region_name)
    with _turns.take((account_id, registry.region_name, repository_name, reference)):
        return _synchronize(owner, rule, repository_name, reference)


def may_import(
    registry: RegistryBackend, view: View, repository_name: str, account_id: str
) -> bool:
    """Return True if the caller may import into a repository. Create the repository if it is missing.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
    """
    actions, policy, tags = ["ecr:BatchImportUpstreamImage"], None, {}
    try:
        repository = registry.repository(view, repository_name, account_id)
        policy, tags = repository.policy_text, repository.resource_tags
    except RepositoryNotFoundException:
        actions.append("ecr:CreateRepository")
    for action in actions:
        try:
            with acting(action):
                arn = repository_arn(account_id, registry.region_name, repository_name)
                registry.authorize(view, arn)
                registry.check_access(view, account_id, repository_name, policy, tags)
        except AccessDeniedException:
            return False
    return True


def _synchronize(
    registry: RegistryBackend,
    rule: PullThroughCacheRule,
    repository_name: str,
    reference: Reference,
) -> bool:
    """Ask the upstream of a rule for an image of the registry, unless it is there and not due for a check.

    Return False for an archived image, which stays archived.
    """
    with registry.store.database.read() as view:
        present = present_image(registry, view, repository_name, reference)
    if present is not None and not is_due(present):
        return present.status == "ACTIVE"
    pull = Import(registry, rule, repository_name, reference)
    try:
        pull.run()
    except (
        UpstreamError,
        UnableToGetUpstreamImageException,
        ImageNotFoundException,
        LimitExceededException,
    ) as error:
        pull.announce_failure(error)
        if present is None:
            raise
    except ImageTagAlreadyExistsException as error:
        # With immutable tags, the image that was pulled first stays.
        pull.announce_failure(error)
        with registry.store.database.write() as transaction:
            repository = registry.repository(transaction, repository_name)
            note_check(transaction, repository, reference)
    return True
