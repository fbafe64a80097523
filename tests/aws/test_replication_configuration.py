"""PutReplicationConfiguration, and DescribeRegistry, which shows it."""

from __future__ import annotations

from typing import Any

import pytest

from moto_ecr_ext import service_model
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.refusals import Refusal, invalid, refusal
from support.stored import everything_stored


def destination(region: str = "eu-west-1", registry_id: str = ACCOUNT) -> dict[str, str]:
    """A destination of a rule."""
    return {"region": region, "registryId": registry_id}


def rule(*destinations: dict[str, str], prefixes: tuple[str, ...] = ()) -> dict[str, Any]:
    """A rule for repositories of these prefixes, or for all."""
    filters = [{"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in prefixes]
    return {
        "destinations": list(destinations),
        **({"repositoryFilters": filters} if filters else {}),
    }


def put(ecr: Any, *rules: dict[str, Any]) -> None:
    """Put a configuration, which both operations must show."""
    configuration = {"rules": list(rules)}
    answer = ecr.put_replication_configuration(replicationConfiguration=configuration)
    assert answer["replicationConfiguration"] == configuration
    assert ecr.describe_registry()["replicationConfiguration"] == configuration


def test_a_configuration_is_replaced_as_a_whole(ecr: Any) -> None:
    """An empty configuration ends replication."""
    put(ecr, rule(destination(), prefixes=("prod", "team/")), rule(destination("us-west-2")))
    put(ecr, rule(destination("us-west-2")))
    put(ecr)


def test_the_registry_itself_is_no_destination(ecr: Any) -> None:
    """A rule that names the registry itself is refused, in any place; the stored configuration stays."""
    put(ecr, rule(destination()))
    before = everything_stored()
    configuration = {
        "rules": [rule(destination()), rule(destination("us-west-2"), destination("us-east-1"))]
    }
    assert refusal(
        ecr.put_replication_configuration, replicationConfiguration=configuration
    ) == invalid(
        "replicationConfiguration",
        "Replication destination cannot be the same as the source registry",
    )
    assert everything_stored() == before


def test_another_account_in_the_same_region_is_one(ecr: Any) -> None:
    """Destinations can be another account in this Region, or this account in another Region."""
    put(ecr, rule(destination("us-east-1", OTHER_ACCOUNT), destination("eu-west-1")))


def most_rules() -> int:
    """25, or fewer if the model of this botocore has fewer."""
    model = service_model.operation("PutReplicationConfiguration")
    assert model is not None
    rules = model.input_shape.members["replicationConfiguration"].members["rules"]
    return int(rules.metadata["max"])


def test_as_many_rules_as_ecr_has(ecr: Any) -> None:
    """A configuration has at most as many rules as documented:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
    """
    count = most_rules()
    rules = [rule(destination(), prefixes=(f"team-{number}",)) for number in range(count)]
    put(ecr, *rules)
    assert refusal(
        ecr.put_replication_configuration,
        replicationConfiguration={"rules": [*rules, rule(destination("us-west-2"))]},
    ) == invalid(
        "replicationConfiguration.rules", f"Member must have length less than or equal to {count}"
    )


def test_as_many_destinations_as_ecr_has(ecr: Any) -> None:
    """A configuration has at most 25 different destinations over all rules; a repeated one does not count."""
    accounts = [destination("us-east-1", f"{number:012}") for number in range(26)]
    put(ecr, rule(*accounts[:20]), rule(*accounts[:25]))
    before = everything_stored()
    assert refusal(
        ecr.put_replication_configuration,
        replicationConfiguration={"rules": [rule(*accounts[:20]), rule(*accounts[10:])]},
    ) == Refusal(
        "ValidationException", "A replication configuration has at most 25 unique destinations"
    )
    assert everything_stored() == before


@pytest.mark.skipif(
    "StartReplicationBackfill" not in service_model.operation_names(),
    reason="this botocore does not know deleteReplication",
)
def test_deletions_are_replicated_where_a_rule_says_so(ecr: Any) -> None:
    """The configuration is shown as it was put; members that were omitted stay absent."""
    put(
        ecr,
        {**rule(destination()), "deleteReplication": {"enabled": True}},
        {**rule(destination("us-west-2")), "deleteReplication": {"enabled": False}},
        rule(destination("us-west-1")),
    )
