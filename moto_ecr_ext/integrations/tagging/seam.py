"""Resource Groups Tagging API: repositories by their tags.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug

_TYPE = "ecr:repository"


def plug() -> Unplug:
    """Add repositories to the tagged resources.

    The service's backend asks this function of its module for the backends of other services, and asks each of those
    for its tagged resources. The function exists since moto 5.2.2; with earlier versions, repositories are not listed.
    """
    from moto.resourcegroupstaggingapi import models as backend_module

    models: Any = backend_module
    original = getattr(models, "iter_taggable_backends", None)
    if original is None:
        return lambda: None

    def iter_taggable_backends(account_id: str, region_name: str) -> Iterator[Any]:
        yield from original(account_id, region_name)
        yield _Repositories(account_id, region_name)

    models.iter_taggable_backends = iter_taggable_backends

    def unplug() -> None:
        models.iter_taggable_backends = original

    return unplug


class _Repositories:
    """The repositories of a registry in the form of moto's `TaggableResourcesMixin`.

    ECR's own operations have the same names, and other parameters.
    """

    def __init__(self, account_id: str, region: str):
        from moto_ecr_ext.models.lookup import backend_of

        self._registry = (account_id, region)
        self._backend = backend_of(account_id, region)

    def iter_tagged_resources(self) -> Iterator[Any]:
        from moto.core.resource_tagging import TaggedResource

        for each in self._backend.all_repositories():
            yield TaggedResource(each.repository_arn, each.resource_tags, _TYPE)

    def owns_arn(self, arn: str) -> bool:
        account_id, region = self._registry
        return arn.split(":")[2:5] == ["ecr", region, account_id]

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._backend.tag_resource(arn, pairs)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        self._backend.untag_resource(arn, tag_keys)
