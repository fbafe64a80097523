"""The pull-through cache: pulls import images from an upstream registry.

An upstream that does not respond is an error only if no earlier pull imported the image. The images that an index lists
follow it beside the requests; a client that pulls one of them first does not wait for the others.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from moto_ecr_ext.arns import repository_arn
from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ImageNotFoundException,
    ImageTagAlreadyExistsException,
    LimitExceededException,
    RepositoryNotFoundException,
    TemplateNeedsRole,
)
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.pull_through import UnableToGetUpstreamImageException, UpstreamError
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.by_reference import find_manifest
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import parse_manifest
from moto_ecr_ext.oci.media_types import INDEX_TYPES
from moto_ecr_ext.oci.reference import Reference
from moto_ecr_ext.process import this_process
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.manifests import ManifestRow
from moto_ecr_ext.storage.turns import Turn, Turns

from .imports import Import, NotWanted, note_check, present_image
from .rules import rule_for

# The seconds between two checks of the same tag.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
CHECK_INTERVAL = 24 * 60 * 60
# The greatest number of seconds that `await_members` waits.
_PATIENCE = 5.0

# The failures of an import that are announced, and leave what is cached.
_FAILURES = (
    UpstreamError,
    UnableToGetUpstreamImageException,
    ImageNotFoundException,
    LimitExceededException,
    TemplateNeedsRole,
)

# An import takes the turn of its registry, repository and reference. Concurrent pulls of the same image wait for it,
# and then find the image there.
_turns: Turns[tuple[str, ...], Turn] = Turns(Turn)


def is_due(image: ManifestRow) -> bool:
    """Return True if the upstream must be asked again for the tag of an image that was found."""
    return image.checked_at is not None and image.checked_at <= now() - CHECK_INTERVAL


def import_if_due(
    registry: RegistryBackend,
    repository_name: str,
    reference: Reference,
    registry_id: str | None,
) -> bool:
    """Import an image that a rule covers, if it is missing or due for a check.

    Return False if no rule covers it, or the caller may not import it. Raises ImageNotFoundException, UpstreamError,
    UnableToGetUpstreamImageException, LimitExceededException and TemplateNeedsRole if the repository does not have the
    image afterwards.
    """
    account_id = registry_id or registry.account_id
    with registry.store.database.read() as view:
        rule = rule_for(view, account_id, registry.region_name, repository_name)
        if rule is None:
            return False
        this_process().need_moto()  # It may read a secret, and it sends an event.
        if not may_import(registry, view, repository_name, account_id):
            return False
    owner = registry.registry(account_id, registry.region_name)
    return _synchronize(Import(owner, rule, repository_name, reference))


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


def _synchronize(pull: Import) -> bool:
    """Make an import, unless the image is there and not due for a check.

    Return False for an archived image, which stays archived.
    """
    registry, name, reference = pull.registry, pull.repository_name, pull.reference
    with _turns.take((*_group(registry, name), reference)):
        with registry.store.database.read() as view:
            present = present_image(registry, view, name, reference)
        if present is not None and not is_due(present):
            return present.status == "ACTIVE"
        try:
            pull.run()
            import_members(pull)
        except _FAILURES as error:
            pull.announce_failure(error)
            if present is None:
                raise
        except ImageTagAlreadyExistsException as error:
            # With immutable tags, the image that was pulled first stays.
            pull.announce_failure(error)
            with registry.store.database.write() as transaction:
                repository = registry.repository(transaction, name)
                note_check(transaction, repository, reference)
    return True


def import_members(pull: Import) -> None:
    """Import the missing members of the index that was imported, if it is one, beside the requests.

    A failure is announced. It leaves the index and the other members; the next check of the index tries again.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
    """
    registry, name = pull.registry, pull.repository_name
    with registry.store.database.read() as view:
        try:
            repository, index = find_manifest(registry, view, name, pull.reference)
        except (RepositoryNotFoundException, ImageNotFoundException):
            return  # It was deleted meanwhile.
        if index.media_type not in INDEX_TYPES:
            return
        missing = _missing_members(view, repository, index)
    key, digest = _key(repository, index), Digest(index.digest)

    def is_wanted(view: View) -> bool:
        return key_of_image(registry, view, name, digest, registry.account_id) == key

    for member in missing:
        follower = Import(registry, pull.rule, name, member, is_wanted)
        import_it = partial(_import_member, follower)
        registry.store.beside.add(_group(registry, name), (key, member), import_it)


def _missing_members(view: View, repository: Repository, index: ManifestRow) -> list[Digest]:
    """Return the members of an index that its repository does not have."""
    listed = parse_manifest(index.manifest, index.media_type).children
    members = list(dict.fromkeys(each.digest for each in listed))
    there = {image.digest for image in rows.images.sizes(view, repository.id, members)}
    return [Digest(each) for each in members if each not in there]


def _import_member(pull: Import) -> None:
    with suppress(NotWanted, *_FAILURES):
        _synchronize(pull)


def await_members(registry: RegistryBackend, repository_name: str, registry_id: str | None) -> None:
    """Wait until the members of a repository's indexes are imported, before its images are listed.

    With a slow upstream this ends after some seconds, and the list has only those members that are there, as on AWS.
    """
    registry.store.beside.wait(_group(registry, repository_name, registry_id), _PATIENCE)


def _group(
    registry: RegistryBackend, repository_name: str, account_id: str | None = None
) -> tuple[str, str, str]:
    """Return the key of a repository of this registry, or of the registry of another account in the Region."""
    return account_id or registry.account_id, registry.region_name, repository_name


def key_of_image(
    registry: RegistryBackend, view: View, repository_name: str, digest: Digest, account_id: str
) -> str | None:
    """Return a key of an image that no later image has; None if the image is not there."""
    try:
        return _key(*find_manifest(registry, view, repository_name, digest, account_id))
    except (RepositoryNotFoundException, ImageNotFoundException):
        return None


def _key(repository: Repository, image: ManifestRow) -> str:
    # The number of a deleted repository may be used again.
    return f"{repository.id}/{repository.created_at}/{image.id}"
