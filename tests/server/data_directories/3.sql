CREATE TABLE store (
	name VARCHAR COLLATE "C" NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE registry_settings (
	account_id VARCHAR COLLATE "C" NOT NULL, 
	region VARCHAR COLLATE "C" NOT NULL, 
	name VARCHAR COLLATE "C" NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY (account_id, region, name)
);
CREATE TABLE creation_templates (
	account_id VARCHAR COLLATE "C" NOT NULL, 
	region VARCHAR COLLATE "C" NOT NULL, 
	prefix VARCHAR COLLATE "C" NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	settings JSON NOT NULL, 
	PRIMARY KEY (account_id, region, prefix)
);
CREATE TABLE pull_through_cache_rules (
	account_id VARCHAR COLLATE "C" NOT NULL, 
	region VARCHAR COLLATE "C" NOT NULL, 
	prefix VARCHAR COLLATE "C" NOT NULL, 
	upstream VARCHAR NOT NULL, 
	upstream_url VARCHAR NOT NULL, 
	upstream_prefix VARCHAR NOT NULL, 
	credential_arn VARCHAR, 
	custom_role_arn VARCHAR, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	PRIMARY KEY (account_id, region, prefix)
);
CREATE TABLE repositories (
	id BIGSERIAL NOT NULL, 
	account_id VARCHAR COLLATE "C" NOT NULL, 
	region VARCHAR COLLATE "C" NOT NULL, 
	name VARCHAR COLLATE "C" NOT NULL, 
	created_at FLOAT NOT NULL, 
	tag_mutability VARCHAR NOT NULL, 
	tag_mutability_exclusion_filters JSON, 
	scan_on_push BOOLEAN NOT NULL, 
	encryption JSON NOT NULL, 
	resource_tags JSON NOT NULL, 
	policy TEXT, 
	lifecycle_policy TEXT, 
	lifecycle_evaluated_at FLOAT, 
	lifecycle_due_at FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (account_id, region, name)
);
CREATE TABLE signing_profiles (
	arn VARCHAR COLLATE "C" NOT NULL, 
	private_key TEXT NOT NULL, 
	certificate TEXT NOT NULL, 
	PRIMARY KEY (arn)
);
CREATE TABLE pull_time_exclusions (
	id BIGSERIAL NOT NULL, 
	account_id VARCHAR COLLATE "C" NOT NULL, 
	region VARCHAR COLLATE "C" NOT NULL, 
	principal_arn VARCHAR COLLATE "C" NOT NULL, 
	identity VARCHAR COLLATE "C" NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (account_id, region, principal_arn)
);
CREATE TABLE replication_backfills (
	id BIGSERIAL NOT NULL, 
	backfill_id VARCHAR COLLATE "C" NOT NULL, 
	account_id VARCHAR COLLATE "C" NOT NULL, 
	region VARCHAR COLLATE "C" NOT NULL, 
	destination_account_id VARCHAR COLLATE "C" NOT NULL, 
	destination_region VARCHAR COLLATE "C" NOT NULL, 
	status VARCHAR NOT NULL, 
	failure_code VARCHAR, 
	started_at FLOAT NOT NULL, 
	times_seen INTEGER NOT NULL, 
	prepared_at FLOAT, 
	ended_at FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE (backfill_id)
);
CREATE INDEX replication_backfills_of_registry ON replication_backfills (account_id, region);
CREATE TABLE repository_blobs (
	repository_id BIGINT NOT NULL, 
	digest VARCHAR COLLATE "C" NOT NULL, 
	size BIGINT NOT NULL, 
	PRIMARY KEY (repository_id, digest), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);
CREATE TABLE uploads (
	id VARCHAR COLLATE "C" NOT NULL, 
	repository_id BIGINT NOT NULL, 
	started_at FLOAT NOT NULL, 
	received BIGINT NOT NULL, 
	parts INTEGER NOT NULL, 
	first_part BIGINT, 
	smallest_part BIGINT, 
	last_part BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
CREATE INDEX ix_uploads_repository_id ON uploads (repository_id);
CREATE TABLE images (
	id BIGSERIAL NOT NULL, 
	repository_id BIGINT NOT NULL, 
	digest VARCHAR COLLATE "C" NOT NULL, 
	media_type VARCHAR NOT NULL, 
	artifact_type VARCHAR, 
	subject VARCHAR COLLATE "C", 
	size BIGINT, 
	pushed_at FLOAT NOT NULL, 
	last_pulled_at FLOAT, 
	status VARCHAR NOT NULL, 
	last_archived_at FLOAT, 
	last_activated_at FLOAT, 
	manifest BYTEA NOT NULL, 
	is_tagged BOOLEAN DEFAULT false NOT NULL, 
	text_digest VARCHAR COLLATE "C", 
	PRIMARY KEY (id), 
	UNIQUE (repository_id, digest), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
CREATE INDEX placeholders_by_text ON images (repository_id, text_digest) WHERE text_digest IS NOT NULL;
CREATE INDEX images_by_tagging ON images (repository_id, is_tagged, id);
CREATE INDEX images_by_subject ON images (repository_id, subject);
CREATE INDEX images_by_tagging_and_status ON images (repository_id, is_tagged, status, id);
CREATE INDEX images_by_status ON images (repository_id, status, id);
CREATE INDEX images_in_push_order ON images (repository_id, id);
CREATE TABLE backfill_results (
	id BIGSERIAL NOT NULL, 
	backfill_row_id BIGINT NOT NULL, 
	repository_name VARCHAR COLLATE "C" NOT NULL, 
	image_id BIGINT NOT NULL, 
	digest VARCHAR COLLATE "C" NOT NULL, 
	tag VARCHAR COLLATE "C", 
	is_index BOOLEAN NOT NULL, 
	status VARCHAR NOT NULL, 
	failure_code VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(backfill_row_id) REFERENCES replication_backfills (id) ON DELETE CASCADE
);
CREATE INDEX ix_backfill_results_backfill_row_id ON backfill_results (backfill_row_id);
CREATE TABLE lifecycle_previews (
	id BIGSERIAL NOT NULL, 
	repository_id BIGINT NOT NULL, 
	policy TEXT NOT NULL, 
	status VARCHAR NOT NULL, 
	started_at FLOAT NOT NULL, 
	times_seen INTEGER NOT NULL, 
	expiring INTEGER NOT NULL, 
	transitioning INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
CREATE INDEX lifecycle_previews_by_status ON lifecycle_previews (status);
CREATE INDEX lifecycle_previews_of_repository ON lifecycle_previews (repository_id, status);
CREATE TABLE tags (
	id BIGSERIAL NOT NULL, 
	repository_id BIGINT NOT NULL, 
	name VARCHAR COLLATE "C" NOT NULL, 
	image_id BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (repository_id, name), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE, 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE INDEX tags_in_push_order ON tags (repository_id, image_id);
CREATE INDEX tags_of_image ON tags (image_id);
CREATE TABLE image_references (
	image_id BIGINT NOT NULL, 
	digest VARCHAR COLLATE "C" NOT NULL, 
	repository_id BIGINT NOT NULL, 
	kind VARCHAR NOT NULL, 
	media_type VARCHAR, 
	PRIMARY KEY (image_id, digest), 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE INDEX image_references_by_digest ON image_references (repository_id, digest);
CREATE TABLE translations (
	repository_id BIGINT NOT NULL, 
	digest VARCHAR COLLATE "C" NOT NULL, 
	image_id BIGINT NOT NULL, 
	PRIMARY KEY (repository_id, digest), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE, 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE INDEX translations_of_image ON translations (image_id);
CREATE TABLE scans (
	image_id BIGINT NOT NULL, 
	scan_type VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	description VARCHAR, 
	started_at FLOAT NOT NULL, 
	completed_at FLOAT, 
	times_seen INTEGER NOT NULL, 
	findings JSON, 
	severity_counts JSON, 
	was_requested BOOLEAN DEFAULT false NOT NULL, 
	PRIMARY KEY (image_id, scan_type), 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE INDEX scans_by_completion ON scans (completed_at);
CREATE TABLE image_signings (
	id BIGSERIAL NOT NULL, 
	image_id BIGINT NOT NULL, 
	profile_arn VARCHAR COLLATE "C" NOT NULL, 
	status VARCHAR NOT NULL, 
	failure_code VARCHAR, 
	failure_reason VARCHAR, 
	started_at FLOAT NOT NULL, 
	times_seen INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (image_id, profile_arn), 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE INDEX image_signings_by_status ON image_signings (status);
CREATE TABLE image_activations (
	image_id BIGINT NOT NULL, 
	started_at FLOAT NOT NULL, 
	times_seen INTEGER NOT NULL, 
	PRIMARY KEY (image_id), 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE TABLE replications (
	id BIGSERIAL NOT NULL, 
	image_id BIGINT NOT NULL, 
	account_id VARCHAR COLLATE "C" NOT NULL, 
	region VARCHAR COLLATE "C" NOT NULL, 
	status VARCHAR NOT NULL, 
	failure_code VARCHAR, 
	tags JSON NOT NULL, 
	started_at FLOAT NOT NULL, 
	times_seen INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (image_id, account_id, region), 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE INDEX replications_by_status ON replications (status);
CREATE TABLE preview_results (
	preview_id BIGINT NOT NULL, 
	position INTEGER NOT NULL, 
	digest VARCHAR COLLATE "C" NOT NULL, 
	tags JSON NOT NULL, 
	is_tagged BOOLEAN NOT NULL, 
	pushed_at FLOAT NOT NULL, 
	storage_class VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	rule_priority INTEGER, 
	PRIMARY KEY (preview_id, position), 
	FOREIGN KEY(preview_id) REFERENCES lifecycle_previews (id) ON DELETE CASCADE
);
CREATE INDEX preview_results_by_digest ON preview_results (preview_id, digest);
CREATE INDEX preview_results_by_tagging ON preview_results (preview_id, is_tagged, position);
CREATE TABLE preview_tags (
	preview_id BIGINT NOT NULL, 
	name VARCHAR COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	PRIMARY KEY (preview_id, name), 
	FOREIGN KEY(preview_id) REFERENCES lifecycle_previews (id) ON DELETE CASCADE
);
CREATE TABLE upstream_tags (
	tag_id BIGINT NOT NULL, 
	image_id BIGINT NOT NULL, 
	checked_at FLOAT NOT NULL, 
	PRIMARY KEY (tag_id), 
	FOREIGN KEY(tag_id) REFERENCES tags (id) ON DELETE CASCADE, 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE INDEX upstream_tags_of_image ON upstream_tags (image_id);

INSERT INTO pull_through_cache_rules VALUES ('123456789012', 'us-east-1', 'cache', 'ecr', '999999999999.dkr.ecr.us-east-1.amazonaws.com', 'ROOT', NULL, 'arn:aws:iam::123456789012:role/cache', 1796608823.57, 1796608823.57);
SELECT setval(pg_get_serial_sequence('pull_time_exclusions', 'id'), coalesce(max(id), 1)) FROM pull_time_exclusions;
INSERT INTO registry_settings VALUES ('123456789012', 'us-east-1', 'policy',  E'"{\\n  \\"Version\\" : \\"2012-10-17\\",\\n  \\"Statement\\" : [ {\\n    \\"Sid\\" : \\"pull\\",\\n    \\"Effect\\" : \\"Allow\\",\\n    \\"Principal\\" : {\\n      \\"AWS\\" : \\"arn:aws:iam::999999999999:root\\"\\n    },\\n    \\"Action\\" : [ \\"ecr:BatchGetImage\\", \\"ecr:ReplicateImage\\" ],\\n    \\"Resource\\" : \\"arn:aws:ecr:us-east-1:123456789012:repository/*\\"\\n  } ]\\n}"');
INSERT INTO registry_settings VALUES ('123456789012', 'us-east-1', 'account/BLOB_MOUNTING', '"ENABLED"');
INSERT INTO registry_settings VALUES ('123456789012', 'us-east-1', 'scanning', '{"scanType": "BASIC", "rules": [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}]}');
INSERT INTO registry_settings VALUES ('123456789012', 'us-east-1', 'replication', '{"rules": [{"destinations": [{"region": "eu-west-1", "registryId": "123456789012"}]}]}');
SELECT setval(pg_get_serial_sequence('replication_backfills', 'id'), coalesce(max(id), 1)) FROM replication_backfills;
INSERT INTO repositories VALUES (1, '123456789012', 'us-east-1', 'team/app', 1796608823.305, 'IMMUTABLE_WITH_EXCLUSION', '[{"filterType": "WILDCARD", "filter": "dev-*"}]', true, '{"encryptionType": "KMS", "kmsKey": "arn:aws:kms:us-east-1:123456789012:key/90e961ff-fd51-57bc-a046-234f1590ec10"}', '{"team": "a"}', '{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "pull",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::999999999999:root"
    },
    "Action" : [ "ecr:BatchGetImage", "ecr:ReplicateImage" ]
  } ]
}', '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1000},"action":{"type":"expire"}}]}', 0.0, 1796695223.550554);
INSERT INTO repositories VALUES (2, '123456789012', 'us-east-1', 'empty', 1796608823.317, 'MUTABLE', NULL, false, '{"encryptionType": "AES256"}', '{}', NULL, NULL, NULL, NULL);
SELECT setval(pg_get_serial_sequence('repositories', 'id'), coalesce(max(id), 1)) FROM repositories;
INSERT INTO store VALUES ('schema_version', '3');
INSERT INTO store VALUES ('signing_key', '5760bec5b411eea3ef608118222c0baf28b417678b2752bb3cfc12bd66894126');
SELECT setval(pg_get_serial_sequence('backfill_results', 'id'), coalesce(max(id), 1)) FROM backfill_results;
INSERT INTO images VALUES (1, 1, 'sha256:1e02f598fe432328e30fe1ee7ec42e1477aaf892794037afc68bb98391285802', 'application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.config.v1+json', NULL, 5574, 1796608823.38, NULL, 'ACTIVE', NULL, NULL,  E'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:eb35c61b4f8d9ea11af50309c368a30285145f36b069035831c43f6a6f3cceb9","size":408},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:cdfc5f90a31ee91e2d07a2095a45eb534e17dc2b4cbc64f5fd7aa9428991e997","size":2583},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:59e65ec70050d8005fd8b85d8398e48bee088d03f85f5e662583433512b17552","size":2583}]}'::bytea, true, NULL);
INSERT INTO images VALUES (2, 1, 'sha256:cac97dfa064c06032c8d0f8836cf6dafc823d871873f7d2f94a381bf9d343c62', 'application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.config.v1+json', NULL, 5574, 1796608823.434, NULL, 'ACTIVE', NULL, NULL,  E'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:6280789e8ac3413345bd1ba6940e3930ea3ea21305f0ddfe89dda75df7f7955d","size":408},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:2e4bf2a44a9c709db13ef9b8c8ab6eb310d20e4ea0992a82f17c41792f106a99","size":2583},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:e252ebbae62db84af831911587ff41446aea1dbb5ddc98c6025dc6d7f0f4e13d","size":2583}]}'::bytea, false, NULL);
INSERT INTO images VALUES (3, 1, 'sha256:ea2ca7aa121955634c5daab3f6dae4b33ecb537bbfeee415bd6d419342b24c21', 'application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.config.v1+json', NULL, 5574, 1796608823.466, NULL, 'ACTIVE', NULL, NULL,  E'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:b92067e034e839d1f0d0d035f6449802a9897566b45adcb30024d72f0ca09ad5","size":408},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:97629723ca78dae17c6e6cac967e0992a46554e86a4c50d7b4209af138ecc4b3","size":2583},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:c6d1618eae3793b85fbc1abd12ac999401a4a17487a924882da4411f4c2b4e35","size":2583}]}'::bytea, false, NULL);
INSERT INTO images VALUES (4, 1, 'sha256:a679a1e6b5b492768cc7f8a01ffc5a60e066c194735a796af123d59f8f0237a6', 'application/vnd.oci.image.index.v1+json', NULL, NULL, 5574, 1796608823.471, NULL, 'ACTIVE', NULL, NULL,  E'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:cac97dfa064c06032c8d0f8836cf6dafc823d871873f7d2f94a381bf9d343c62","size":557,"platform":{"architecture":"amd64","os":"linux"}},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:ea2ca7aa121955634c5daab3f6dae4b33ecb537bbfeee415bd6d419342b24c21","size":557,"platform":{"architecture":"amd64","os":"linux"}}]}'::bytea, true, NULL);
INSERT INTO images VALUES (5, 1, 'sha256:ec7b1e1ffd1454a97e4b3b4b9ccddf9795646d170eb8d3f9dcde42721882ad56', 'application/vnd.oci.image.manifest.v1+json', 'application/spdx+json', 'sha256:1e02f598fe432328e30fe1ee7ec42e1477aaf892794037afc68bb98391285802', 2, 1796608823.486, NULL, 'ACTIVE', NULL, NULL,  E'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/spdx+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:1e02f598fe432328e30fe1ee7ec42e1477aaf892794037afc68bb98391285802","size":557}}'::bytea, false, NULL);
INSERT INTO images VALUES (6, 1, 'sha256:7ea9bc3172fde32f0b5cbded9e7e4a6df8c63802f2588b1a07f0fa6dc8c993e4', 'application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.config.v1+json', NULL, 5574, 1796608823.531, NULL, 'ARCHIVED', 1796608823.538, NULL,  E'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:5b3011a910917081a4e45488abb2b5ee04998ad758e7d7c0c18aa980987c8552","size":408},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:5c513ffd1b0dc8a8f4f86390e321fd4c7a6cb205781ea19fbb90513e5c3b07bf","size":2583},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:156ee420cc2444b988533b65fdb2774f7f940af878387aef0dcdd6cfa55111d7","size":2583}]}'::bytea, true, NULL);
SELECT setval(pg_get_serial_sequence('images', 'id'), coalesce(max(id), 1)) FROM images;
SELECT setval(pg_get_serial_sequence('lifecycle_previews', 'id'), coalesce(max(id), 1)) FROM lifecycle_previews;
INSERT INTO repository_blobs VALUES (1, 'sha256:156ee420cc2444b988533b65fdb2774f7f940af878387aef0dcdd6cfa55111d7', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:2e4bf2a44a9c709db13ef9b8c8ab6eb310d20e4ea0992a82f17c41792f106a99', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 2);
INSERT INTO repository_blobs VALUES (1, 'sha256:59e65ec70050d8005fd8b85d8398e48bee088d03f85f5e662583433512b17552', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:5b3011a910917081a4e45488abb2b5ee04998ad758e7d7c0c18aa980987c8552', 408);
INSERT INTO repository_blobs VALUES (1, 'sha256:5c513ffd1b0dc8a8f4f86390e321fd4c7a6cb205781ea19fbb90513e5c3b07bf', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:6280789e8ac3413345bd1ba6940e3930ea3ea21305f0ddfe89dda75df7f7955d', 408);
INSERT INTO repository_blobs VALUES (1, 'sha256:97629723ca78dae17c6e6cac967e0992a46554e86a4c50d7b4209af138ecc4b3', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:b92067e034e839d1f0d0d035f6449802a9897566b45adcb30024d72f0ca09ad5', 408);
INSERT INTO repository_blobs VALUES (1, 'sha256:c6d1618eae3793b85fbc1abd12ac999401a4a17487a924882da4411f4c2b4e35', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:cdfc5f90a31ee91e2d07a2095a45eb534e17dc2b4cbc64f5fd7aa9428991e997', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:e252ebbae62db84af831911587ff41446aea1dbb5ddc98c6025dc6d7f0f4e13d', 2583);
INSERT INTO repository_blobs VALUES (1, 'sha256:eb35c61b4f8d9ea11af50309c368a30285145f36b069035831c43f6a6f3cceb9', 408);
INSERT INTO uploads VALUES ('56539ae5-2f27-4ffc-abf0-fe64180539cf', 1, 4102444800.0, 25, 1, 25, NULL, 25);
INSERT INTO image_references VALUES (1, 'sha256:59e65ec70050d8005fd8b85d8398e48bee088d03f85f5e662583433512b17552', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
INSERT INTO image_references VALUES (1, 'sha256:cdfc5f90a31ee91e2d07a2095a45eb534e17dc2b4cbc64f5fd7aa9428991e997', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
INSERT INTO image_references VALUES (1, 'sha256:eb35c61b4f8d9ea11af50309c368a30285145f36b069035831c43f6a6f3cceb9', 1, 'blob', 'application/vnd.oci.image.config.v1+json');
INSERT INTO image_references VALUES (2, 'sha256:2e4bf2a44a9c709db13ef9b8c8ab6eb310d20e4ea0992a82f17c41792f106a99', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
INSERT INTO image_references VALUES (2, 'sha256:6280789e8ac3413345bd1ba6940e3930ea3ea21305f0ddfe89dda75df7f7955d', 1, 'blob', 'application/vnd.oci.image.config.v1+json');
INSERT INTO image_references VALUES (2, 'sha256:e252ebbae62db84af831911587ff41446aea1dbb5ddc98c6025dc6d7f0f4e13d', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
INSERT INTO image_references VALUES (3, 'sha256:97629723ca78dae17c6e6cac967e0992a46554e86a4c50d7b4209af138ecc4b3', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
INSERT INTO image_references VALUES (3, 'sha256:b92067e034e839d1f0d0d035f6449802a9897566b45adcb30024d72f0ca09ad5', 1, 'blob', 'application/vnd.oci.image.config.v1+json');
INSERT INTO image_references VALUES (3, 'sha256:c6d1618eae3793b85fbc1abd12ac999401a4a17487a924882da4411f4c2b4e35', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
INSERT INTO image_references VALUES (4, 'sha256:cac97dfa064c06032c8d0f8836cf6dafc823d871873f7d2f94a381bf9d343c62', 1, 'manifest', 'application/vnd.oci.image.manifest.v1+json');
INSERT INTO image_references VALUES (4, 'sha256:ea2ca7aa121955634c5daab3f6dae4b33ecb537bbfeee415bd6d419342b24c21', 1, 'manifest', 'application/vnd.oci.image.manifest.v1+json');
INSERT INTO image_references VALUES (5, 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 1, 'blob', 'application/vnd.oci.empty.v1+json');
INSERT INTO image_references VALUES (6, 'sha256:156ee420cc2444b988533b65fdb2774f7f940af878387aef0dcdd6cfa55111d7', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
INSERT INTO image_references VALUES (6, 'sha256:5b3011a910917081a4e45488abb2b5ee04998ad758e7d7c0c18aa980987c8552', 1, 'blob', 'application/vnd.oci.image.config.v1+json');
INSERT INTO image_references VALUES (6, 'sha256:5c513ffd1b0dc8a8f4f86390e321fd4c7a6cb205781ea19fbb90513e5c3b07bf', 1, 'blob', 'application/vnd.oci.image.layer.v1.tar+gzip');
SELECT setval(pg_get_serial_sequence('image_signings', 'id'), coalesce(max(id), 1)) FROM image_signings;
SELECT setval(pg_get_serial_sequence('replications', 'id'), coalesce(max(id), 1)) FROM replications;
INSERT INTO scans VALUES (1, 'BASIC', 'COMPLETE', 'The scan was completed successfully.', 1796608823.383, 1796608823.384, 0, '[]', '{}', false);
INSERT INTO scans VALUES (2, 'BASIC', 'COMPLETE', 'The scan was completed successfully.', 1796608823.435, 1796608823.435, 0, '[]', '{}', false);
INSERT INTO scans VALUES (3, 'BASIC', 'COMPLETE', 'The scan was completed successfully.', 1796608823.466, 1796608823.466, 0, '[]', '{}', false);
INSERT INTO tags VALUES (1, 1, '1.0', 1);
INSERT INTO tags VALUES (2, 1, 'dev-1', 1);
INSERT INTO tags VALUES (3, 1, 'all', 4);
INSERT INTO tags VALUES (4, 1, 'old', 6);
SELECT setval(pg_get_serial_sequence('tags', 'id'), coalesce(max(id), 1)) FROM tags;