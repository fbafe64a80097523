"""Pull-through cache rules. They map repositories to upstream registries."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from moto_ecr_ext import faults, settings
from moto_ecr_ext.arns import partition_of
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.exceptions import (
    ECRError,
    InvalidParameterException,
    LimitExceededException,
    ValidationException,
)
from moto_ecr_ext.exceptions.pull_through import (
    PullThroughCacheRuleAlreadyExistsException,
    PullThroughCacheRuleNotFoundException,
    UnableToGetUpstreamImageException,
    UpstreamAccessDenied,
    UpstreamMismatch,
    UpstreamNeedsCredentials,
    UpstreamUnavailable,
    UpstreamURLInvalid,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import cut_page, decode_token, refuse_pages_of
from moto_ecr_ext.models.repositories.prefixes import ROOT, prefixes_of, without_slash
from moto_ecr_ext.moto_services.secrets_manager import NoCredentials, read_credentials, read_secret
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import RowRefused, Transaction, View
from moto_ecr_ext.storage.rows.pull_through import RuleRow
from moto_ecr_ext.upstream.client import Credentials, UpstreamRegistry
from moto_ecr_ext.upstream.registries import (
    ECR,
    ECR_PUBLIC_PREMIUM,
    Upstream,
    upstream_of_url,
)

# China and GovCloud: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
_PARTITIONS_WITHOUT_RULES = ("aws-cn", "aws-us-gov")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ROLE = r":iam::[0-9]{12}:role/[\x21-\x7e]+"
_CUSTOM_ROLE = re.compile(f"arn:aws[a-z-]*{_ROLE}")
_UPSTREAM_ROLE = re.compile(f"arn:aws{_ROLE}")


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
    upstream_role_arn: str | None
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
            upstream_role_arn=row.upstream_role_arn,
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
        upstream_role_arn: str | None = None,
        upstream_repository_prefix: str | None = None,
    ) -> PullThroughCacheRule:
        """Create a rule for the upstream of the URL.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
        """
        account_id = registry_id or self.account_id
        if partition_of(self.region_name) in _PARTITIONS_WITHOUT_RULES:
            raise ValidationException("This feature is disabled")
        upstream = _supported_upstream(upstream_registry_url, upstream_registry)
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
            upstream_role_arn=upstream_role_arn,
            created_at=at,
            updated_at=at,
        )
        _check_prefixes(rule)
        _check_authentication(rule)
        if credential_arn is not None:
            read_secret(credential_arn, account_id, self.region_name)
        with self.store.database.write() as transaction:
            self.check_access(transaction, account_id, "*")
            _insert(transaction, rule)
        return rule

    def update_pull_through_cache_rule(
        self,
        ecr_repository_prefix: str,
        registry_id: str | None = None,
        credential_arn: str | None = None,
        custom_role_arn: str | None = None,
        upstream_role_arn: str | None = None,
    ) -> PullThroughCacheRule:
        """Replace the credentials or the roles of a rule.

        An update without roles takes them from a rule for `ecr-public-premium`, which is then read as ECR.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html
        """
        given = {
            "credential_arn": credential_arn,
            "custom_role_arn": custom_role_arn,
            "upstream_role_arn": upstream_role_arn,
        }
        if credential_arn is not None:
            read_secret(credential_arn, registry_id or self.account_id, self.region_name)
        with self.store.database.write() as transaction:
            rule = self._rule(transaction, ecr_repository_prefix, registry_id)
            changes: dict[str, Any] = given
            if rule.upstream_registry != ECR_PUBLIC_PREMIUM:
                changes = {name: value for name, value in given.items() if value is not None}
            if not changes:
                raise InvalidParameterException.at(
                    "credentialArn", "Member must not be null where customRoleArn is null"
                )
            changed = replace(rule, **changes, updated_at=timestamp())
            _check_authentication(changed)
            rows.pull_through.update_rule(
                transaction,
                rule.registry_id,
                rule.region,
                rule.ecr_repository_prefix,
                **changes,
                updated_at=changed.updated_at,
            )
            return changed

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
            "upstreamRoleArn": rule.upstream_role_arn,
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
    check_upstream(rule)
    url = mapped_url(rule.upstream_registry)
    if url is None:
        raise UpstreamUnavailable(
            f"The upstream registry {rule.upstream_registry_url} cannot be reached: "
            f"the setting {settings.UPSTREAMS.name} ({settings.UPSTREAMS.variable}) has no address for "
            f"{rule.upstream_registry}."
        )
    return UpstreamRegistry(rule.upstream_registry_url, url, _credentials(rule))


def check_upstream(rule: PullThroughCacheRule) -> None:
    """Raise the error of an upstream registry that denies access, or is not reached, by a fault."""
    if not faults.active:
        return
    if faults.strikes_at("upstream_denied", rule.registry_id, rule.region):
        raise UpstreamAccessDenied(rule.upstream_registry_url)
    if faults.strikes_at("upstream_unavailable", rule.registry_id, rule.region):
        raise UpstreamUnavailable(
            f"The upstream registry {rule.upstream_registry_url} cannot be reached."
        )


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


def _supported_upstream(url: str, name: str | None) -> Upstream:
    """Return the upstream of a URL. Raises UpstreamURLInvalid, and UpstreamMismatch if it has another name."""
    upstream = upstream_of_url(url)
    if upstream is None:
        raise UpstreamURLInvalid(url)
    if name not in (None, upstream.name):
        raise UpstreamMismatch
    return upstream


def _insert(transaction: Transaction, rule: PullThroughCacheRule) -> None:
    """Store a new rule. Raises LimitExceededException and PullThroughCacheRuleAlreadyExistsException."""
    most = settings.quota("pull_through_cache_rules")
    if len(_rules(transaction, rule.registry_id, rule.region)) >= most:
        raise LimitExceededException(
            f"The registry has {most} pull through cache rules, which is the limit."
        )
    row = {
        "account_id": rule.registry_id,
        "region": rule.region,
        "prefix": rule.ecr_repository_prefix,
        "upstream": rule.upstream_registry,
        "upstream_url": rule.upstream_registry_url,
        "upstream_prefix": rule.upstream_repository_prefix,
        "credential_arn": rule.credential_arn,
        "custom_role_arn": rule.custom_role_arn,
        "upstream_role_arn": rule.upstream_role_arn,
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
    }
    try:
        rows.pull_through.insert_rule(transaction, row)
    except RowRefused:
        raise PullThroughCacheRuleAlreadyExistsException from None


def _check_prefixes(rule: PullThroughCacheRule) -> None:
    """Raise InvalidParameterException if the prefix ROOT has an upstream prefix."""
    if rule.ecr_repository_prefix == ROOT and rule.upstream_repository_prefix != ROOT:
        raise InvalidParameterException.at(
            "upstreamRepositoryPrefix", "Must not be specified when ecrRepositoryPrefix is ROOT"
        )


def _check_authentication(rule: PullThroughCacheRule) -> None:
    """Raise InvalidParameterException for credentials or roles that are missing, needless or malformed.

    A rule needs one role if its upstream is another account's ECR. For ECR Public's paid images it can have two, the
    second in the partition `aws`, and no credentials. Other rules have no role.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private.html
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
    """
    upstream = rule.upstream_registry
    if upstream == ECR_PUBLIC_PREMIUM:
        _refuse("credentialArn", rule.credential_arn, upstream)
        _require("customRoleArn", rule.custom_role_arn, "upstreamRoleArn", rule.upstream_role_arn)
        _require("upstreamRoleArn", rule.upstream_role_arn, "customRoleArn", rule.custom_role_arn)
    else:
        _refuse("upstreamRoleArn", rule.upstream_role_arn, upstream)
        if upstream != ECR:
            _refuse("customRoleArn", rule.custom_role_arn, upstream)
        elif rule.custom_role_arn is None and not rule.upstream_registry_url.startswith(
            rule.registry_id
        ):
            raise InvalidParameterException.at(
                "customRoleArn", "Must be specified for an upstream registry of another account"
            )
    if rule.custom_role_arn is not None and not _CUSTOM_ROLE.fullmatch(rule.custom_role_arn):
        raise InvalidParameterException.at("customRoleArn", "Must be the ARN of an IAM role")
    if rule.upstream_role_arn is not None and not _UPSTREAM_ROLE.fullmatch(rule.upstream_role_arn):
        raise InvalidParameterException.at(
            "upstreamRoleArn", "Must be the ARN of an IAM role in the partition aws"
        )


def _refuse(member: str, value: str | None, upstream: str) -> None:
    if value is not None:
        raise InvalidParameterException.at(
            member, f"Must not be specified for the upstream registry {upstream}"
        )


def _require(member: str, value: str | None, other: str, other_value: str | None) -> None:
    if value is None and other_value is not None:
        raise InvalidParameterException.at(member, f"Member must not be null where {other} is not")
