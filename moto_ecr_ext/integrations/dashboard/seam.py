"""moto's dashboard, and /moto-api/data.json: repositories and images."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug

# The page shows all rows in one table.
_MOST_ROWS = 1000


def plug() -> Unplug:
    """Show the contents of the store under the names of moto's own classes.

    The page reads this dict of classes by service and name, and shows the attributes of each one's `instances_tracked`,
    to which a reset assigns an empty list.
    """
    from moto.core.model_instances import model_data

    names = {"Repository": _repositories, "Image": _images}
    before = {name: model_data["ecr"].get(name) for name in names}
    for name, rows in names.items():
        model_data["ecr"][name] = _Model(rows)

    def unplug() -> None:
        for name, model in before.items():
            if model is None:
                del model_data["ecr"][name]
            else:
                model_data["ecr"][name] = model

    return unplug


class _Model:
    """A stand-in for a class of moto with instances in the store."""

    def __init__(self, rows: Any):
        self._rows = rows

    @property
    def instances_tracked(self) -> list[_Row]:
        return [_Row(each) for each in islice(self._rows(), _MOST_ROWS)]

    @instances_tracked.setter
    def instances_tracked(self, instances: list[Any]) -> None:
        """Ignore the assignment: a reset empties the store."""


class _Row:
    """A row of the page, with its attributes."""

    def __init__(self, attributes: dict[str, Any]):
        self.__dict__.update(attributes)


def _registries() -> Iterator[Any]:
    from moto.core.models import DEFAULT_ACCOUNT_ID

    from moto_ecr_ext.models.lookup import backend_of

    # Any backend knows all registries.
    for account_id, region in backend_of(DEFAULT_ACCOUNT_ID, "us-east-1").registries():
        yield backend_of(account_id, region)


def _repositories() -> Iterator[dict[str, Any]]:
    for backend in _registries():
        for each in backend.all_repositories():
            yield {
                "account_id": each.registry_id,
                "arn": each.repository_arn,
                "created_at": each.created_at,
                "image_tag_mutability": each.image_tag_mutability,
                "name": each.repository_name,
                "region_name": each.region,
                "registry_id": each.registry_id,
                "tags": each.resource_tags,
                "uri": each.repository_uri,
            }


def _images() -> Iterator[dict[str, Any]]:
    for backend in _registries():
        for repository in backend.all_repositories():
            for each in backend.all_images(repository.repository_name):
                yield {
                    "image_digest": each.image_digest,
                    "image_manifest_mediatype": each.image_manifest_media_type,
                    "image_pushed_at": each.image_pushed_at,
                    "image_size_in_bytes": each.image_size_in_bytes,
                    "image_tags": each.image_tags or [],
                    "registry_id": each.registry_id,
                    "repository": each.repository_name,
                }
