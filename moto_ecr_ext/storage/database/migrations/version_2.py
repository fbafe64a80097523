"""Version 2: replication, signing, pull-through cache rules and creation templates, and scans of two types."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    column,
    select,
    table,
)

_NAME = String().with_variant(String(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer(), "sqlite")
_JSON = JSON(none_as_null=True)


def _belongs_to(name: str) -> ForeignKey:
    return ForeignKey(name, ondelete="CASCADE")


def upgrade(op: Operations) -> None:
    """Add the tables that version 1 lacks, and the new columns of scans."""
    op.create_table(
        "creation_templates",
        Column("account_id", _NAME, primary_key=True),
        Column("region", _NAME, primary_key=True),
        Column("prefix", _NAME, primary_key=True),
        Column("created_at", Float, nullable=False),
        Column("updated_at", Float, nullable=False),
        Column("settings", _JSON, nullable=False),
    )
    op.create_table(
        "pull_through_cache_rules",
        Column("account_id", _NAME, primary_key=True),
        Column("region", _NAME, primary_key=True),
        Column("prefix", _NAME, primary_key=True),
        Column("upstream", String, nullable=False),
        Column("upstream_url", String, nullable=False),
        Column("upstream_prefix", String, nullable=False),
        Column("credential_arn", String),
        Column("custom_role_arn", String),
        Column("created_at", Float, nullable=False),
        Column("updated_at", Float, nullable=False),
    )
    op.create_table(
        "upstream_tags",
        Column("tag_id", _ID, _belongs_to("tags.id"), primary_key=True),
        Column("image_id", _ID, _belongs_to("images.id"), nullable=False),
        Column("checked_at", Float, nullable=False),
        Index("upstream_tags_of_image", "image_id"),
    )
    op.create_table(
        "signing_profiles",
        Column("arn", _NAME, primary_key=True),
        Column("private_key", Text, nullable=False),
        Column("certificate", Text, nullable=False),
    )
    op.create_table(
        "image_signings",
        Column("id", _ID, primary_key=True),
        Column("image_id", _ID, _belongs_to("images.id"), nullable=False),
        Column("profile_arn", _NAME, nullable=False),
        Column("status", String, nullable=False),
        Column("failure_code", String),
        Column("failure_reason", String),
        Column("started_at", Float, nullable=False),
        Column("times_seen", Integer, nullable=False),
        UniqueConstraint("image_id", "profile_arn"),
        Index("image_signings_by_status", "status"),
    )
    op.create_table(
        "pull_time_exclusions",
        Column("id", _ID, primary_key=True),
        Column("account_id", _NAME, nullable=False),
        Column("region", _NAME, nullable=False),
        Column("principal_arn", _NAME, nullable=False),
        Column("identity", _NAME, nullable=False),
        Column("created_at", Float, nullable=False),
        UniqueConstraint("account_id", "region", "principal_arn"),
    )
    op.create_table(
        "replications",
        Column("id", _ID, primary_key=True),
        Column("image_id", _ID, _belongs_to("images.id"), nullable=False),
        Column("account_id", _NAME, nullable=False),
        Column("region", _NAME, nullable=False),
        Column("status", String, nullable=False),
        Column("failure_code", String),
        Column("tags", _JSON, nullable=False),
        Column("started_at", Float, nullable=False),
        Column("times_seen", Integer, nullable=False),
        UniqueConstraint("image_id", "account_id", "region"),
        Index("replications_by_status", "status"),
    )
    op.create_table(
        "replication_backfills",
        Column("id", _ID, primary_key=True),
        Column("backfill_id", _NAME, nullable=False, unique=True),
        Column("account_id", _NAME, nullable=False),
        Column("region", _NAME, nullable=False),
        Column("destination_account_id", _NAME, nullable=False),
        Column("destination_region", _NAME, nullable=False),
        Column("status", String, nullable=False),
        Column("failure_code", String),
        Column("started_at", Float, nullable=False),
        Column("times_seen", Integer, nullable=False),
        Column("prepared_at", Float),
        Column("ended_at", Float),
        Index("replication_backfills_of_registry", "account_id", "region"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "backfill_results",
        Column("id", _ID, primary_key=True),
        Column(
            "backfill_row_id",
            _ID,
            _belongs_to("replication_backfills.id"),
            nullable=False,
            index=True,
        ),
        Column("repository_name", _NAME, nullable=False),
        Column("image_id", _ID, nullable=False),
        Column("digest", _NAME, nullable=False),
        Column("tag", _NAME),
        Column("is_index", Boolean, nullable=False),
        Column("status", String, nullable=False),
        Column("failure_code", String),
    )
    _replace_scans(op)


def _replace_scans(op: Operations) -> None:
    """Give the table of scans new columns. The scans of version 1 have all ended without findings."""
    connection = op.get_bind()
    rows = (
        connection.execute(
            select(
                column("image_id"),
                column("started_at"),
                column("completed_at"),
            ).select_from(table("scans"))
        )
        .mappings()
        .all()
    )
    enhanced = _images_of_enhanced_registries(connection)
    op.drop_table("scans")
    scans = op.create_table(
        "scans",
        Column("image_id", _ID, _belongs_to("images.id"), primary_key=True),
        Column("scan_type", String, primary_key=True),
        Column("status", String, nullable=False),
        Column("description", String),
        Column("started_at", Float, nullable=False),
        Column("completed_at", Float),
        Column("times_seen", Integer, nullable=False),
        Column("findings", _JSON),
        Column("severity_counts", _JSON),
        Index("scans_by_completion", "completed_at"),
    )
    op.bulk_insert(
        scans,
        [
            {
                **row,
                "scan_type": "ENHANCED" if row["image_id"] in enhanced else "BASIC",
                "status": "COMPLETE",
                "description": "The scan was completed successfully.",
                "times_seen": 0,
                "findings": [],
                "severity_counts": {},
            }
            for row in rows
        ],
    )


def _images_of_enhanced_registries(connection: Connection) -> set[int]:
    settings = table(
        "registry_settings",
        column("account_id"),
        column("region"),
        column("name"),
        column("value", _JSON),
    )
    repositories = table("repositories", column("id"), column("account_id"), column("region"))
    images = table("images", column("id"), column("repository_id"))
    configurations = connection.execute(
        select(images.c.id, settings.c.value)
        .join(repositories, repositories.c.id == images.c.repository_id)
        .join(
            settings,
            (settings.c.account_id == repositories.c.account_id)
            & (settings.c.region == repositories.c.region),
        )
        .where(settings.c.name == "scanning")
    )
    return {
        image_id
        for image_id, configuration in configurations
        if configuration["scanType"] == "ENHANCED"
    }
