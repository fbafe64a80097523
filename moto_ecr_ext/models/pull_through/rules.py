"""Pull-through cache rules. They map repositories to upstream registries."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.exceptions import ECRError, InvalidParameterException, LimitExceededException
from moto_ecr_ext.exceptions.pull_through import (
    PullThroughCacheRuleAlreadyExistsException,
    PullThroughCacheRuleNotFoundException,
    UnableToGetUpstreamImageException,
    UnsupportedUpstreamRegistryException,
    UpstreamNeedsCredentials,
    UpstreamUnavailable,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import cut_page, decode_token, refuse_pages_of
from moto_ecr_ext.models.repositories.prefixes import ROOT, prefixes_of, without_slash
from moto_ecr_ext.services.secrets_manager import NoCredentials, read_credentials, read_secret
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import RowRefused, View
from moto_ecr_ext.storage.rows.pull_through import RuleRow
from moto_ecr_ext.upstream.client import Credentials, UpstreamRegistry
from moto_ecr_ext.upstream.registries import ECR, upstream_of_url

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class PullThroughCacheRule:
    """A rule. The attributes are the members of ECR's `PullThroughCacheRule`, times in seconds since the epoch."""

    registry_id: str
    region: str
    ecr_repository_prefix: str
    upstream_registry: str
    upstream_registry_url: str
    upstream_repository_prefix: str
    credential_arn: str | None
    custom_role_arn: str | None
    created_at: float
    updated_at: float

    @classmethod
    def of(cls, row: RuleRow) -> PullThroughCacheRule:
        """Return the rule of a row."""
        return cls(
            registry_id=row.account_id,
            region=row.region,
            ecr_repository_prefix=row.prefix,
            upstream_registry=row.upstream,
            upstream_registry_url=row.upstream_url,
            upstream_repository_prefix=row.upstream_prefix,
            credential_arn=row.credential_arn,
            custom_role_arn=row.custom_role_arn,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    def upstream_name(self, repository_name: str) -> str:
        """Return the upstream name of a repository that the rule covers.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
        """
        rest = repository_name
        if self.ecr_repository_prefix != ROOT:
            rest = repository_name.removeprefix(f"{self.ecr_repository_prefix}/")
        if self.upstream_repository_prefix == ROOT:
            return rest
        return f"{self.upstream_repository_prefix}/{rest}"


class PullThroughRulesBackend(RegistryBackend):
    """Operations on pull-through cache rules."""

    def create_pull_through_cache_rule(
        self,
        ecr_repository_prefix: str,
        upstream_registry_url: str,
        registry_id: str | None = None,
        upstream_registry: str | None = None,
        credential_arn: str | None = None,
        custom_role_arn: str | None = None,
        upstream_repository_prefix: str | None = None,
    ) -> PullThroughCacheRule:
        """Create a rule for the upstream of the URL. Unlike on AWS, there are rules in China and GovCloud too.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
        """
        account_id = registry_id or self.account_id
        upstream = upstream_of_url(upstream_registry_url)
        if upstream is None or upstream_registry not in (None, upstream.name):
            raise UnsupportedUpstreamRegistryException
        if upstream.needs_credentials and credential_arn is None:
            raise UpstreamNeedsCredentials
        at = timestamp()
        rule = PullThroughCacheRule(
            registry_id=account_id,
            region=self.region_name,
            ecr_repository_prefix=without_slash(ecr_repository_prefix),
            upstream_registry=upstream.name,
            upstream_registry_url=upstream_registry_url,
            upstream_repository_prefix=without_slash(upstream_repository_prefix or ROOT),
            credential_arn=credential_arn,
            custom_role_arn=custom_role_arn,
            created_at=at,
            updated_at=at,
        )
        if rule.ecr_repository_prefix == ROOT and rule.upstream_repository_prefix != ROOT:
            raise InvalidParameterException.at(
                "upstreamRepositoryPrefix",
                "Must not be specified when ecrRepositoryPrefix is ROOT",
            )
        _check_role(rule)
        if credential_arn is not None:
            read_secret(credential_arn, account_id, self.region_name)
        with self.store.database.write() as transaction:
            self.check_access(transaction, account_id, "*")
            most = settings.quota("pull_through_cache_rules")
            if len(_rules(transaction, account_id, self.region_name)) >= most:
                raise LimitExceededException(
                    f"The registry has {most} pull through cache rules, which is the limit."
                )
            try:
                rows.pull_through.insert_rule(
                    transaction,
                    {
                        "account_id": rule.registry_id,
                        "region": rule.region,
                        "prefix": rule.ecr_repository_prefix,
                        "upstream": rule.upstream_registry,
                        "upstream_url": rule.upstream_registry_url,
                        "upstream_prefix": rule.upstream_repository_prefix,
                        "credential_arn": rule.credential_arn,
                        "custom_role_arn": rule.custom_role_arn,
                        "created_at": rule.created_at,
                        "updated_at": rule.updated_at,
                    },
                )
            except RowRefused:
                raise PullThroughCacheRuleAlreadyExistsException from None
        return rule

    def update_pull_through_cache_rule(
        self,
        ecr_repository_prefix: str,
        registry_id: str | None = None,
        credential_arn: str | None = None,
        custom_role_arn: str | None = None,
    ) -> PullThroughCacheRule:
        """Replace the credentials or the role of a rule.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html
        """
        given = {"credential_arn": credential_arn, "custom_role_arn": custom_role_arn}
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            raise InvalidParameterException.at(
                "credentialArn", "Member must not be null where customRoleArn is null"
            )
        if credential_arn is not None:
            read_secret(credential_arn, registry_id or self.account_id, self.region_name)
        with self.store.database.write() as transaction:
            rule = self._rule(transaction, ecr_repository_prefix, registry_id)
            if custom_role_arn is not None:
                _check_role(replace(rule, custom_role_arn=custom_role_arn))
            rows.pull_through.update_rule(
                transaction,
                rule.registry_id,
                rule.region,
                rule.ecr_repository_prefix,
                **changes,
                updated_at=timestamp(),
            )
            return self._rule(transaction, ecr_repository_prefix, registry_id)

    def delete_pull_through_cache_rule(
        self, ecr_repository_prefix: str, registry_id: str | None = None
    ) -> PullThroughCacheRule:
        """Delete a rule. Images that it imported stay.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeletePullThroughCacheRule.html
        """
        with self.store.database.write() as transaction:
            rule = self._rule(transaction, ecr_repository_prefix, registry_id)
            rows.pull_through.delete_rule(
                transaction, rule.registry_id, rule.region, rule.ecr_repository_prefix
            )
        return rule

    def describe_pull_through_cache_rules(
        self,
        registry_id: str | None = None,
        ecr_repository_prefixes: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Return rules in the order of their prefixes, or the named ones in the order of the request.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html
        """
        with self.store.database.read() as view:
            if ecr_repository_prefixes:
                refuse_pages_of("ecrRepositoryPrefixes", next_token, max_results)
                named = dict.fromkeys(map(without_slash, ecr_repository_prefixes))
                return {
                    "pullThroughCacheRules": [
                        self._rule(view, prefix, registry_id) for prefix in named
                    ]
                }
            account_id = registry_id or self.account_id
            self.check_access(view, account_id, "*")
            found = _rules(view, account_id, self.region_name)
        listing = "pull through cache rules"
        [after] = decode_token(listing, next_token, (str,)) or [""]
        rest = [rule for rule in found if rule.ecr_repository_prefix > after]
        page, token = cut_page(
            listing, rest, max_results, lambda rule: [rule.ecr_repository_prefix]
        )
        return {
            "pullThroughCacheRules": page,
            "nextToken": token,
        }

    def validate_pull_through_cache_rule(
        self, ecr_repository_prefix: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Check if the upstream registry accepts the rule's credentials. A rule without credentials is valid.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ValidatePullThroughCacheRule.html
        """
        with self.store.database.read() as view:
            rule = self._rule(view, ecr_repository_prefix, registry_id)
        failure = None
        if rule.credential_arn is not None:
            try:
                registry = upstream_registry_of(rule)
                try:
                    registry.log_in()
                finally:
                    registry.close()
            except ECRError as error:
                failure = error.message
        return {
            "ecrRepositoryPrefix": rule.ecr_repository_prefix,
            "registryId": rule.registry_id,
            "upstreamRegistryUrl": rule.upstream_registry_url,
            "credentialArn": rule.credential_arn,
            "customRoleArn": rule.custom_role_arn,
            "upstreamRepositoryPrefix": rule.upstream_repository_prefix,
            "isValid": failure is None,
            "failure": failure,
        }

    def _rule(self, view: View, prefix: str, registry_id: str | None) -> PullThroughCacheRule:
        """Return a rule. Raises PullThroughCacheRuleNotFoundException and AccessDeniedException."""
        account_id = registry_id or self.account_id
        self.check_access(view, account_id, "*")
        row = rows.pull_through.rule(view, account_id, self.region_name, without_slash(prefix))
        if row is None:
            raise PullThroughCacheRuleNotFoundException
        return PullThroughCacheRule.of(row)


def rule_for(
    view: View, account_id: str, region: str, repository_name: str
) -> PullThroughCacheRule | None:
    """Return the rule with the longest prefix among those of a registry that cover a repository."""
    by_prefix = {rule.ecr_repository_prefix: rule for rule in _rules(view, account_id, region)}
    found = (by_prefix[each] for each in prefixes_of(repository_name) if each in by_prefix)
    return next(found, None)


def _rules(view: View, account_id: str, region: str) -> list[PullThroughCacheRule]:
    found = rows.pull_through.rules_of_registry(view, account_id, region)
    return [PullThroughCacheRule.of(row) for row in found]


def upstream_registry_of(rule: PullThroughCacheRule) -> UpstreamRegistry:
    """Return the upstream registry of a rule, at its address in the setting `upstreams`. The caller closes it.

    Raises UpstreamUnavailable if the setting has no address for it, and UnableToGetUpstreamImageException if the rule's
    credentials cannot be read.
    """
    url = mapped_url(rule.upstream_registry)
    if url is None:
        raise UpstreamUnavailable(
            f"The upstream registry {rule.upstream_registry_url} cannot be reached: "
            f"the setting {settings.UPSTREAMS.name} ({settings.UPSTREAMS.variable}) has no address for "
            f"{rule.upstream_registry}."
        )
    return UpstreamRegistry(rule.upstream_registry_url, url, _credentials(rule))


def mapped_url(upstream_registry: str) -> str | None:
    """Return the address of an upstream registry, by its name in ECR, from the setting `upstreams`."""
    return settings.parse_upstreams(settings.UPSTREAMS.get()).get(upstream_registry)


def _credentials(rule: PullThroughCacheRule) -> Credentials | None:
    if rule.credential_arn is None:
        return None
    try:
        user_name, token = read_credentials(rule.credential_arn, rule.registry_id, rule.region)
    except NoCredentials:
        raise UnableToGetUpstreamImageException(
            "The secret must be a JSON object with username and accessToken."
        ) from None
    except ECRError as error:
        raise UnableToGetUpstreamImageException(error.message) from None
    return Credentials(user_name, token)


def _check_role(rule: PullThroughCacheRule) -> None:
    """Raise InvalidParameterException for a missing or a needless role.

    A rule needs a role if, and only if, its upstream is another account's ECR.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private.html
    """
    role = rule.custom_role_arn
    if role is None:
        if rule.upstream_registry == ECR and not rule.upstream_registry_url.startswith(
            rule.registry_id
        ):
            raise InvalidParameterException.at(
                "customRoleArn", "Must be specified for an upstream registry of another account"
            )
    elif rule.upstream_registry != ECR:
        raise InvalidParameterException.at(
            "customRoleArn",
            f"Must not be specified for the upstream registry {rule.upstream_registry}",
        )
    elif not _ROLE.fullmatch(role):
        raise InvalidParameterException.at("customRoleArn", "Must be the ARN of an IAM role")
