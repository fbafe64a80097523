"""The tables of all registries: their columns, keys and relations.

Times are in seconds since the epoch. The rows of a repository, and those of an image, are deleted with it (foreign keys
cascade). Bytes of blobs are in the blob store, never here. Manifests are here, since a request needs them whole.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

# Increased with every change of a table.
SCHEMA_VERSION = 4
# Versions before this one were never released.
FIRST_SCHEMA_VERSION = 3

metadata = MetaData()

# Names and digests sort by their bytes on every engine, as SQLite does and as tag listings require
# (OCI Distribution 1.1, "Listing Tags": lexical order).
_NAME = String().with_variant(String(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer(), "sqlite")
_JSON = JSON(none_as_null=True)


def _belongs_to(column: Column[int]) -> ForeignKey:
    return ForeignKey(column, ondelete="CASCADE")


# Values of the whole store: its schema version, and the keys that sign passwords.
store = Table(
    "store",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("value", Text, nullable=False),
)

# Settings of one registry, one row each: its policy, its scanning, replication and signing configuration.
registry_settings = Table(
    "registry_settings",
    metadata,
    Column("account_id", _NAME, primary_key=True),
    Column("region", _NAME, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("value", _JSON, nullable=False),
)

# Templates for repositories that a push, a replication or a pull creates. The prefix has no `/` at its end;
# `settings` has the members of the API as given.
creation_templates = Table(
    "creation_templates",
    metadata,
    Column("account_id", _NAME, primary_key=True),
    Column("region", _NAME, primary_key=True),
    Column("prefix", _NAME, primary_key=True),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("settings", _JSON, nullable=False),
)

# The prefixes have no `/` at their end; they may be the word ROOT.
pull_through_cache_rules = Table(
    "pull_through_cache_rules",
    metadata,
    Column("account_id", _NAME, primary_key=True),
    Column("region", _NAME, primary_key=True),
    Column("prefix", _NAME, primary_key=True),
    Column("upstream", String, nullable=False),
    Column("upstream_url", String, nullable=False),
    Column("upstream_prefix", String, nullable=False),
    Column("credential_arn", String),
    Column("custom_role_arn", String),
    Column("upstream_role_arn", String),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
)

repositories = Table(
    "repositories",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _NAME, nullable=False),
    Column("region", _NAME, nullable=False),
    Column("name", _NAME, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("tag_mutability", String, nullable=False),
    Column("tag_mutability_exclusion_filters", _JSON),
    Column("scan_on_push", Boolean, nullable=False),
    Column("encryption", _JSON, nullable=False),
    Column("resource_tags", _JSON, nullable=False),
    Column("policy", Text),
    Column("lifecycle_policy", Text),
    Column("lifecycle_evaluated_at", Float),
    Column("lifecycle_due_at", Float),
    UniqueConstraint("account_id", "region", "name"),
)

# Membership: the blobs that a repository holds.
repository_blobs = Table(
    "repository_blobs",
    metadata,
    Column("repository_id", _ID, _belongs_to(repositories.c.id), primary_key=True),
    Column("digest", _NAME, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Index("repository_blobs_by_digest", "digest"),
    sqlite_with_rowid=False,
)

# Upload sessions. `received` is the number of acknowledged bytes; the blob store may have more.
uploads = Table(
    "uploads",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("repository_id", _ID, _belongs_to(repositories.c.id), nullable=False, index=True),
    Column("started_at", Float, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("first_part", BigInteger),
    Column("smallest_part", BigInteger),
    Column("last_part", BigInteger),
)

# Images. A placeholder stands for an image, and has a text in place of a manifest; its digest may be any
# text. It is found by `text_digest`, the digest of its text, which is NULL for all other images.
images = Table(
    "images",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("repository_id", _ID, _belongs_to(repositories.c.id), nullable=False),
    Column("digest", _NAME, nullable=False),
    Column("media_type", String, nullable=False),
    Column("artifact_type", String),
    Column("subject", _NAME),
    Column("size", BigInteger),
    Column("pushed_at", Float, nullable=False),
    Column("last_pulled_at", Float),
    Column("status", String, nullable=False),
    Column("last_archived_at", Float),
    Column("last_activated_at", Float),
    Column("manifest", LargeBinary, nullable=False),
    # True if the image has a tag. The rows of tags say the same, but a page of untagged images would have to look
    # at all tagged images.
    Column("is_tagged", Boolean, nullable=False, server_default=false()),
    Column("text_digest", _NAME),
    UniqueConstraint("repository_id", "digest"),
    Index("images_in_push_order", "repository_id", "id"),
    Index("images_by_status", "repository_id", "status", "id"),
    Index("images_by_tagging", "repository_id", "is_tagged", "id"),
    Index("images_by_tagging_and_status", "repository_id", "is_tagged", "status", "id"),
    Index("images_by_subject", "repository_id", "subject"),
    Index(
        "placeholders_by_text",
        "repository_id",
        "text_digest",
        sqlite_where=text("text_digest IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# In the order in which tags were put on images.
tags = Table(
    "tags",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("repository_id", _ID, _belongs_to(repositories.c.id), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("image_id", _ID, _belongs_to(images.c.id), nullable=False),
    UniqueConstraint("repository_id", "name"),
    Index("tags_of_image", "image_id"),
    Index("tags_in_push_order", "repository_id", "image_id"),
    sqlite_autoincrement=True,
)

# The last time at which the upstream registry was asked for a cached tag, and the image that it was then. A
# tag on another image has been pushed by a client since.
upstream_tags = Table(
    "upstream_tags",
    metadata,
    Column("tag_id", _ID, _belongs_to(tags.c.id), primary_key=True),
    Column("image_id", _ID, _belongs_to(images.c.id), nullable=False),
    Column("checked_at", Float, nullable=False),
    Index("upstream_tags_of_image", "image_id"),
)

# References of a manifest: its config and layers (kind `blob`), and the children of an index (kind
# `manifest`).
image_references = Table(
    "image_references",
    metadata,
    Column("image_id", _ID, _belongs_to(images.c.id), primary_key=True),
    Column("digest", _NAME, primary_key=True),
    Column("repository_id", _ID, nullable=False),
    Column("kind", String, nullable=False),
    Column("media_type", String),
    Index("image_references_by_digest", "repository_id", "digest"),
    sqlite_with_rowid=False,
)

# Digests of images in the other form in which clients received them by tag. Clients can pull by these
# digests.
translations = Table(
    "translations",
    metadata,
    Column("repository_id", _ID, _belongs_to(repositories.c.id), primary_key=True),
    Column("digest", _NAME, primary_key=True),
    Column("image_id", _ID, _belongs_to(images.c.id), nullable=False),
    Index("translations_of_image", "image_id"),
    sqlite_with_rowid=False,
)

# The last scan of an image by scan type. `status` is IN_PROGRESS until the outcome is known. The outcome is
# shown once `completed_at` is set. `was_requested` is true for scans that StartImageScan began.
scans = Table(
    "scans",
    metadata,
    Column("image_id", _ID, _belongs_to(images.c.id), primary_key=True),
    Column("scan_type", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("description", String),
    Column("started_at", Float, nullable=False),
    Column("completed_at", Float),
    Column("times_seen", Integer, nullable=False),
    Column("findings", _JSON),
    Column("severity_counts", _JSON),
    Column("was_requested", Boolean, nullable=False, server_default=false()),
    Index("scans_by_completion", "completed_at"),
)

# The key and the certificate of each signing profile that has signed for a registry, in PEM.
signing_profiles = Table(
    "signing_profiles",
    metadata,
    Column("arn", _NAME, primary_key=True),
    Column("private_key", Text, nullable=False),
    Column("certificate", Text, nullable=False),
)

# Images that signing rules matched, once for each signing profile, in the order of the rules.
image_signings = Table(
    "image_signings",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("image_id", _ID, _belongs_to(images.c.id), nullable=False),
    Column("profile_arn", _NAME, nullable=False),
    Column("status", String, nullable=False),
    Column("failure_code", String),
    Column("failure_reason", String),
    Column("started_at", Float, nullable=False),
    Column("times_seen", Integer, nullable=False),
    UniqueConstraint("image_id", "profile_arn"),
    Index("image_signings_by_status", "status"),
)

# Principals whose pulls are not recorded. `identity` is the user or role, as returned by
# `services.iam.identity_of`.
pull_time_exclusions = Table(
    "pull_time_exclusions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _NAME, nullable=False),
    Column("region", _NAME, nullable=False),
    Column("principal_arn", _NAME, nullable=False),
    Column("identity", _NAME, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("account_id", "region", "principal_arn"),
)

# Images on their way back from the archive (status `ACTIVATING`).
image_activations = Table(
    "image_activations",
    metadata,
    Column("image_id", _ID, _belongs_to(images.c.id), primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("times_seen", Integer, nullable=False),
)

# The last replication of an image to a destination. `tags` are those that it has yet to put there.
replications = Table(
    "replications",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("image_id", _ID, _belongs_to(images.c.id), nullable=False),
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

# Replications of images that are older than the rules, from one registry to one destination.
replication_backfills = Table(
    "replication_backfills",
    metadata,
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

# The images of a backfill, each with one of its tags, or without a tag. An image may be deleted before the
# backfill.
backfill_results = Table(
    "backfill_results",
    metadata,
    Column("id", _ID, primary_key=True),
    Column(
        "backfill_row_id", _ID, _belongs_to(replication_backfills.c.id), nullable=False, index=True
    ),
    Column("repository_name", _NAME, nullable=False),
    Column("image_id", _ID, nullable=False),
    Column("digest", _NAME, nullable=False),
    Column("tag", _NAME),
    Column("is_index", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("failure_code", String),
)

# Previews of lifecycle policies. Each repository shows one, whose status is IN_PROGRESS or COMPLETE. A
# WRITING preview is incomplete, and a REPLACED one is to be removed. `expiring` and `transitioning` count its
# results.
lifecycle_previews = Table(
    "lifecycle_previews",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("repository_id", _ID, _belongs_to(repositories.c.id), nullable=False),
    Column("policy", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("times_seen", Integer, nullable=False),
    Column("expiring", Integer, nullable=False),
    Column("transitioning", Integer, nullable=False),
    Index("lifecycle_previews_of_repository", "repository_id", "status"),
    Index("lifecycle_previews_by_status", "status"),
    sqlite_autoincrement=True,
)

# The results of a preview, for images that may be gone. Positions are numbered from 1 in the order of the
# actions.
preview_results = Table(
    "preview_results",
    metadata,
    Column("preview_id", _ID, _belongs_to(lifecycle_previews.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("digest", _NAME, nullable=False),
    Column("tags", _JSON, nullable=False),
    Column("is_tagged", Boolean, nullable=False),
    Column("pushed_at", Float, nullable=False),
    Column("storage_class", String, nullable=False),
    Column("action", String, nullable=False),
    Column("rule_priority", Integer),
    Index("preview_results_by_tagging", "preview_id", "is_tagged", "position"),
    Index("preview_results_by_digest", "preview_id", "digest"),
)

# The tags that an image of a result had.
preview_tags = Table(
    "preview_tags",
    metadata,
    Column("preview_id", _ID, _belongs_to(lifecycle_previews.c.id), primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("position", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# All tables of registries, referring tables first. The store's own rows are not included: its version and its
# signing key outlive a reset, so that tokens remain valid.
EMPTIED_FIRST_TO_LAST = tuple(
    table for table in reversed(metadata.sorted_tables) if table is not store
)
