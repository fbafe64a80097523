"""Managed signing: the configuration, and the signatures that pushes get.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from moto.core import set_initial_no_auth_action_count

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
    Index,
    build_artifact,
    build_image,
    build_index,
    pull,
    push,
)
from support.constants import ACCOUNT, BEGINNING, OTHER_ACCOUNT
from support.refusals import Refusal, no_image, no_repository, refusal
from support.registry_client import RepositoryClient
from support.stored import everything_stored

NAME = "team/app"
SIGNATURE = "application/vnd.cncf.notary.signature"
IMAGE, OTHER = build_image(seed="image"), build_image(seed="other")
NO_CONFIGURATION = Refusal(
    "SigningConfigurationNotFoundException",
    "The specified signing configuration was not found. This occurs when attempting to "
    "retrieve or delete a signing configuration that does not exist.",
)


def profile(name: str, account: str = ACCOUNT, region: str = "us-east-1") -> str:
    return f"arn:aws:signer:{region}:{account}:/signing-profiles/{name}"


RELEASE, AUDIT = profile("release"), profile("audit")


def rule(arn: str, *filters: str) -> dict[str, Any]:
    if not filters:
        return {"signingProfileArn": arn}
    wanted = [{"filter": each, "filterType": "WILDCARD_MATCH"} for each in filters]
    return {"signingProfileArn": arn, "repositoryFilters": wanted}


def configure(ecr: Any, *rules: dict[str, Any]) -> None:
    ecr.put_signing_configuration(signingConfiguration={"rules": list(rules)})


def statuses(ecr: Any, image: Image | Index = IMAGE, **request: Any) -> list[dict[str, str]]:
    """How the signing of an image goes, with each profile."""
    answer = ecr.describe_image_signing_status(
        repositoryName=NAME, imageId={"imageDigest": image.digest}, **request
    )
    found: list[dict[str, str]] = answer["signingStatuses"]
    return found


def complete(*arns: str) -> list[dict[str, str]]:
    return [{"signingProfileArn": arn, "status": "COMPLETE"} for arn in arns]


def in_progress(*arns: str) -> list[dict[str, str]]:
    return [{"signingProfileArn": arn, "status": "IN_PROGRESS"} for arn in arns]


def signatures(registry: RepositoryClient, image: Image | Index = IMAGE) -> list[Signature]:
    """The signatures of an image, found and pulled over the registry protocol."""
    answer = registry.get(f"/referrers/{image.digest}", params={"artifactType": SIGNATURE})
    assert answer.status_code == 200
    return [Signature(registry, each) for each in answer.json()["manifests"]]


def unencoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signature:
    """A signature as a verifier pulls it: the manifest, then its one layer."""

    def __init__(self, registry: RepositoryClient, descriptor: dict[str, Any]):
        self.descriptor = descriptor
        answer = registry.get(f"/manifests/{descriptor['digest']}")
        assert answer.headers["Content-Type"] == descriptor["mediaType"] == OCI.manifest
        assert Digest.of(answer.content) == descriptor["digest"]
        self.manifest = answer.json()
        [layer] = self.manifest["layers"]
        assert layer["mediaType"] == "application/jose+json"
        self.blobs = []
        for each in (self.manifest["config"], layer):
            content = registry.get(f"/blobs/{each['digest']}").content
            assert (Digest.of(content), len(content)) == (each["digest"], each["size"])
            self.blobs.append(content)
        self.envelope = json.loads(self.blobs[1])
        self.protected = json.loads(unencoded(self.envelope["protected"]))
        self.payload = json.loads(unencoded(self.envelope["payload"]))
        [certificate] = self.envelope["header"]["x5c"]
        self.certificate = x509.load_der_x509_certificate(base64.b64decode(certificate))

    def verify(self) -> None:
        """Raise InvalidSignature unless the certificate's key signed (RFC 7515; RFC 7518, section 3.4)."""
        value = unencoded(self.envelope["signature"])
        assert len(value) == 96
        numbers = (int.from_bytes(value[at : at + 48], "big") for at in (0, 48))
        signed = f"{self.envelope['protected']}.{self.envelope['payload']}".encode()
        key = self.certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(hashes.SHA384()))


@pytest.fixture
def registry(aws: Any, repository_name: str) -> RepositoryClient:
    """The repository over the registry protocol."""
    return RepositoryClient(aws.registry(), repository_name)


def test_a_signature_verifies(clock: Any, ecr: Any, registry: RepositoryClient) -> None:
    """A push over the registry protocol gets a signature by the Notary Project's specification.

    https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md
    """
    configure(ecr, rule(RELEASE))
    registry.push(IMAGE, "v1")
    [signature] = signatures(registry)

    thumbprint = signature.certificate.fingerprint(hashes.SHA256()).hex()
    annotations = {
        "io.cncf.notary.x509chain.thumbprint#S256": json.dumps([thumbprint]),
        "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
    }
    assert signature.manifest["subject"] == IMAGE.descriptor()
    assert signature.manifest["annotations"] == annotations
    assert signature.manifest["artifactType"] == SIGNATURE
    assert signature.manifest["config"]["mediaType"] == SIGNATURE
    assert signature.blobs[0] == b"{}"
    assert signature.descriptor["artifactType"] == SIGNATURE
    assert signature.descriptor["annotations"] == annotations

    assert set(signature.envelope) == {"payload", "protected", "header", "signature"}
    assert signature.payload == {"targetArtifact": IMAGE.descriptor()}
    assert signature.protected == {
        "alg": "ES384",
        "cty": "application/vnd.cncf.notary.payload.v1+json",
        "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.authenticSigningTime"],
        "io.cncf.notary.signingScheme": "notary.x509.signingAuthority",
        "io.cncf.notary.authenticSigningTime": "2026-01-01T00:00:00Z",
    }
    signature.verify()
    signature.envelope["payload"] = signature.envelope["payload"][:-4] + "AAAA"
    with pytest.raises(InvalidSignature):
        signature.verify()


def test_a_certificate_is_one_for_signing_code(ecr: Any, registry: RepositoryClient) -> None:
    """It meets the specification's requirements for a chain of one certificate."""
    configure(ecr, rule(RELEASE))
    registry.push(IMAGE)
    [signature] = signatures(registry)
    certificate = signature.certificate
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not constraints.value.ca
    assert certificate.issuer == certificate.subject
    assert certificate.subject.rfc4514_string() == "CN=release,O=moto_ecr_ext,ST=WA,C=US"
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP384R1)
    key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA384()))


def test_signatures_of_one_profile_share_a_certificate(
    aws: Any, ecr: Any, registry: RepositoryClient
) -> None:
    """Signatures of one profile share a certificate in every registry; another profile has another."""
    configure(ecr, rule(RELEASE), rule(AUDIT))
    registry.push(IMAGE)
    registry.push(OTHER)
    others = aws.client(account=OTHER_ACCOUNT)
    others.create_repository(repositoryName=NAME)
    configure(others, rule(RELEASE))
    push(others, NAME, IMAGE)
    elsewhere = RepositoryClient(aws.registry(OTHER_ACCOUNT), NAME)

    first, audit = [each.certificate for each in signatures(registry)]
    second, _ = [each.certificate for each in signatures(registry, OTHER)]
    [third] = [each.certificate for each in signatures(elsewhere)]
    assert first == second == third
    assert first != audit
    assert audit.subject.rfc4514_string().startswith("CN=audit,")


def test_a_name_that_is_too_long_for_a_certificate(ecr: Any, registry: RepositoryClient) -> None:
    """The certificate has the beginning of a name that is too long."""
    arn = profile("n" * 100)
    configure(ecr, rule(arn))
    registry.push(IMAGE)
    [signature] = signatures(registry)
    signature.verify()
    assert signature.certificate.subject.rfc4514_string().startswith(f"CN={'n' * 64},")


def test_a_push_through_the_api_is_signed_alike(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """The API lists the signature: as a referrer, and as an image that can be pulled."""
    configure(ecr, rule(RELEASE))
    push(ecr, repository_name, IMAGE, tag="v1")
    [signature] = signatures(registry)
    signature.verify()
    digest = signature.descriptor["digest"]

    [referrer] = ecr.list_image_referrers(
        repositoryName=repository_name,
        subjectId={"imageDigest": IMAGE.digest},
        filter={"artifactTypes": [SIGNATURE]},
    )["referrers"]
    assert referrer == {**signature.descriptor, "artifactStatus": "ACTIVE"}

    details = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert [each["imageDigest"] for each in details] == [IMAGE.digest, digest]
    assert details[1]["artifactMediaType"] == SIGNATURE
    assert details[1]["subjectManifestDigest"] == IMAGE.digest
    assert details[1]["imageSizeInBytes"] == sum(len(each) for each in signature.blobs)
    assert "imageTags" not in details[1]
    assert json.loads(pull(ecr, repository_name, digest).manifest) == signature.manifest


def test_a_docker_image(ecr: Any, registry: RepositoryClient) -> None:
    """A Docker image is signed with its own media type."""
    image = build_image(media_types=DOCKER)
    configure(ecr, rule(RELEASE))
    registry.push(image)
    [signature] = signatures(registry, image)
    signature.verify()
    assert signature.payload["targetArtifact"] == image.descriptor()
    assert signature.manifest["subject"] == image.descriptor()


def test_an_index_and_its_images(ecr: Any, registry: RepositoryClient) -> None:
    """An index and all its images are pushed and signed."""
    index = build_index([IMAGE, OTHER])
    configure(ecr, rule(RELEASE))
    registry.push(index, "v1")
    for each in (index, IMAGE, OTHER):
        [signature] = signatures(registry, each)
        signature.verify()
        assert signature.payload["targetArtifact"]["digest"] == each.digest
        assert statuses(ecr, each) == complete(RELEASE)


def test_only_what_is_pushed_afterwards(ecr: Any, registry: RepositoryClient) -> None:
    """Existing images are not signed, also with a new tag; nothing is signed after the configuration is deleted."""
    registry.push(IMAGE, "v1")
    configure(ecr, rule(RELEASE))
    assert statuses(ecr) == []
    registry.push(IMAGE, "v2")
    assert signatures(registry) == []
    assert statuses(ecr) == []
    registry.push(OTHER, "v1")
    assert len(signatures(registry, OTHER)) == 1
    ecr.delete_signing_configuration()
    later = build_image(seed="later")
    registry.push(later)
    assert signatures(registry, later) == []
    assert len(signatures(registry, OTHER)) == 1


def test_a_push_again_is_not_signed_again(ecr: Any, registry: RepositoryClient) -> None:
    """A second push of an image adds no signature; after the signature's deletion, it adds one."""
    configure(ecr, rule(RELEASE))
    registry.push(IMAGE, "v1")
    registry.push(IMAGE, "v1")
    registry.push(IMAGE, "v2")
    [first] = signatures(registry)
    ecr.batch_delete_image(
        repositoryName=NAME,
        imageIds=[{"imageDigest": IMAGE.digest}, {"imageDigest": first.descriptor["digest"]}],
    )
    assert refusal(
        ecr.describe_image_signing_status,
        repositoryName=NAME,
        imageId={"imageDigest": IMAGE.digest},
    ) == no_image(NAME, IMAGE.digest)
    registry.push(IMAGE, "v1")
    [second] = signatures(registry)
    assert second.certificate == first.certificate
    assert statuses(ecr) == complete(RELEASE)


def test_what_comes_by_replication_is_not_signed(
    aws: Any, ecr: Any, registry: RepositoryClient
) -> None:
    """A replicated image is not signed; its signature is replicated after it, and goes no further."""
    west, south = (aws.client(region=region) for region in ("eu-west-1", "eu-south-1"))
    for client, region in ((ecr, "eu-west-1"), (west, "eu-south-1")):
        destination = {"region": region, "registryId": ACCOUNT}
        client.put_replication_configuration(
            replicationConfiguration={"rules": [{"destinations": [destination]}]}
        )
    configure(ecr, rule(RELEASE))
    configure(west, rule(profile("release", region="eu-west-1")))
    registry.push(IMAGE, "v1")
    [signature] = signatures(registry)
    subject = {"imageDigest": IMAGE.digest}
    found = west.list_image_referrers(repositoryName=NAME, subjectId=subject)["referrers"]
    assert [each["digest"] for each in found] == [signature.descriptor["digest"]]
    assert statuses(west) == []
    assert south.describe_repositories()["repositories"] == []


def test_what_belongs_to_an_image_is_not_signed(ecr: Any, registry: RepositoryClient) -> None:
    """Signatures, and referrers that others pushed, are not signed."""
    configure(ecr, rule(RELEASE))
    bill = build_artifact(artifact_type="application/sbom", subject=IMAGE, content=b"parts")
    registry.push(IMAGE)
    registry.push(bill)
    [signature] = signatures(registry)
    details = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert {each["imageDigest"] for each in details} == {
        IMAGE.digest,
        bill.digest,
        signature.descriptor["digest"],
    }
    answer = ecr.describe_image_signing_status(
        repositoryName=NAME, imageId={"imageDigest": signature.descriptor["digest"]}
    )
    assert answer["signingStatuses"] == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], [], id="no rules"),
        pytest.param([rule(RELEASE)], [RELEASE], id="every repository"),
        pytest.param([rule(RELEASE, "team/*")], [RELEASE], id="prefix"),
        pytest.param([rule(RELEASE, "*/app")], [RELEASE], id="suffix"),
        pytest.param([rule(RELEASE, "*am*ap*")], [RELEASE], id="inside"),
        pytest.param([rule(RELEASE, "team/app")], [RELEASE], id="name"),
        pytest.param([rule(RELEASE, "team")], [], id="a part is no match"),
        pytest.param([rule(RELEASE, "other/*", "team/*")], [RELEASE], id="any filter"),
        pytest.param([rule(RELEASE), rule(AUDIT)], [RELEASE, AUDIT], id="two profiles"),
        pytest.param([rule(RELEASE, "other/*"), rule(AUDIT)], [AUDIT], id="one of two rules"),
        pytest.param(
            [rule(RELEASE), rule(AUDIT, "team/*"), rule(RELEASE, "team/*")],
            [RELEASE, AUDIT],
            id="a profile signs once",
        ),
        pytest.param(
            [rule(profile("release", OTHER_ACCOUNT))],
            [profile("release", OTHER_ACCOUNT)],
            id="a profile of another account",
        ),
    ],
)
def test_rules(
    ecr: Any, registry: RepositoryClient, rules: list[dict[str, Any]], expected: list[str]
) -> None:
    """Each profile of the rules that match has one signature and one status, in the order of the rules."""
    configure(ecr, *rules)
    registry.push(IMAGE)
    assert statuses(ecr) == complete(*expected)
    found = signatures(registry)
    for each in found:
        each.verify()
    assert [
        each.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        for each in found
    ] == [arn.rpartition("/")[2] for arn in expected]


def test_a_push_of_another_account(aws: Any, ecr: Any, repository_name: str) -> None:
    """A push by another account is signed by the rules of the registry that it goes to."""
    others = aws.client(account=OTHER_ACCOUNT)
    configure(ecr, rule(RELEASE))
    configure(others, rule(profile("theirs", OTHER_ACCOUNT)))
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
        "Action": "ecr:*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    ecr.set_repository_policy(repositoryName=repository_name, policyText=json.dumps(policy))
    others.put_image(
        registryId=ACCOUNT,
        repositoryName=repository_name,
        imageManifest=IMAGE.manifest.decode(),
    )
    assert statuses(ecr) == complete(RELEASE)
    assert statuses(others, registryId=ACCOUNT) == complete(RELEASE)


def test_the_archive(ecr: Any, registry: RepositoryClient) -> None:
    """Signatures are archived and restored with their image, which is not signed again."""
    configure(ecr, rule(RELEASE))
    registry.push(IMAGE, "v1")
    [before] = signatures(registry)
    for target, count in (("ARCHIVE", 0), ("STANDARD", 1)):
        ecr.update_image_storage_class(
            repositoryName=NAME,
            imageId={"imageDigest": IMAGE.digest},
            targetStorageClass=target,
        )
        assert len(signatures(registry)) == count
        assert statuses(ecr) == complete(RELEASE)
    [after] = signatures(registry)
    assert after.descriptor == before.descriptor


def test_events(aws: Any, ecr: Any, repository_name: str) -> None:
    """The event of a signature is that of a pushed referrer, after the event of its image."""
    sqs, events = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName="ecr-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="ecr", EventPattern=json.dumps({"source": ["aws.ecr"]}))
    events.put_targets(Rule="ecr", Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])
    configure(ecr, rule(RELEASE))
    push(ecr, repository_name, IMAGE, tag="v1")
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    image, signature = [json.loads(each["Body"]) for each in received]
    assert image["detail-type"] == "ECR Image Action"
    assert image["detail"]["image-digest"] == IMAGE.digest
    [referrer] = ecr.list_image_referrers(
        repositoryName=repository_name, subjectId={"imageDigest": IMAGE.digest}
    )["referrers"]
    assert signature["detail-type"] == "ECR Referrer Action"
    assert signature["detail"] == {
        "result": "SUCCESS",
        "repository-name": repository_name,
        "image-digest": referrer["digest"],
        "action-type": "PUSH",
        "image-tag": "",
        "manifest-media-type": OCI.manifest,
        "artifact-media-type": SIGNATURE,
    }


def test_signing_that_takes_some_looks(slowly: Any, ecr: Any, registry: RepositoryClient) -> None:
    """Signing ends once it was described as often as moto's state manager says; there is no signature before."""
    slowly("ecr::image_signing", progression="manual", times=2)
    configure(ecr, rule(RELEASE), rule(AUDIT))
    registry.push(IMAGE, "v1")
    registry.push(OTHER, "v2")
    assert statuses(ecr) == in_progress(RELEASE, AUDIT)
    assert signatures(registry) == []
    assert statuses(ecr) == complete(RELEASE, AUDIT)
    assert len(signatures(registry)) == 2
    assert statuses(ecr, OTHER) == in_progress(RELEASE, AUDIT)
    assert signatures(registry, OTHER) == []


def test_signing_that_takes_time(
    slowly: Any, clock: Any, ecr: Any, registry: RepositoryClient
) -> None:
    """The signature exists when the time is over, whoever asks for it."""
    slowly("ecr::image_signing", progression="time", seconds=30)
    configure(ecr, rule(RELEASE))
    registry.push(IMAGE, "v1")
    clock.tick(29)
    assert signatures(registry) == []
    assert statuses(ecr) == in_progress(RELEASE)
    clock.tick(2)
    [signature] = signatures(registry)
    signature.verify()
    created = signature.manifest["annotations"]["org.opencontainers.image.created"]
    assert created == (BEGINNING + timedelta(seconds=31)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert statuses(ecr) == complete(RELEASE)


def test_an_image_that_is_deleted_while_it_is_signed(
    slowly: Any, clock: Any, ecr: Any, registry: RepositoryClient
) -> None:
    """An image that is deleted during its signing gets no signature; the others do."""
    slowly("ecr::image_signing", progression="time", seconds=30)
    configure(ecr, rule(RELEASE))
    registry.push(IMAGE)
    registry.push(OTHER)
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": IMAGE.digest}])
    clock.tick(31)
    assert signatures(registry) == []
    assert len(signatures(registry, OTHER)) == 1


def test_a_profile_that_signer_does_not_have(
    aws: Any, ecr: Any, registry: RepositoryClient
) -> None:
    """Once moto's Signer has profiles, a missing or cancelled profile signs nothing."""
    signer = aws.client("signer")
    for name in ("release", "audit"):
        signer.put_signing_profile(profileName=name, platformId="Notation-OCI-SHA384-ECDSA")
    signer.cancel_signing_profile(profileName="audit")
    missing, foreign = profile("missing"), profile("missing", OTHER_ACCOUNT)
    configure(ecr, rule(missing), rule(AUDIT), rule(RELEASE), rule(foreign))
    registry.push(IMAGE, "v1")
    assert statuses(ecr) == [
        {
            "signingProfileArn": missing,
            "status": "FAILED",
            "failureCode": "ResourceNotFoundException",
            "failureReason": f"Signing profile {missing} was not found.",
        },
        {
            "signingProfileArn": AUDIT,
            "status": "FAILED",
            "failureCode": "ValidationException",
            "failureReason": f"Signing profile {AUDIT} is not active.",
        },
        *complete(RELEASE, foreign),
    ]
    assert len(signatures(registry)) == 2
    assert registry.get("/manifests/v1").content == IMAGE.manifest


def test_a_failure_takes_its_time(
    slowly: Any, aws: Any, ecr: Any, registry: RepositoryClient
) -> None:
    """A failure of signing is reported when its time is over."""
    slowly("ecr::image_signing", progression="manual", times=2)
    aws.client("signer").put_signing_profile(profileName="audit", platformId="platform")
    configure(ecr, rule(RELEASE))
    registry.push(IMAGE)
    assert statuses(ecr) == in_progress(RELEASE)
    [status] = statuses(ecr)
    assert (status["status"], status["failureCode"]) == ("FAILED", "ResourceNotFoundException")
    assert signatures(registry) == []


def test_who_pushes_needs_the_permission_to_sign(
    aws: Any, ecr: Any, registry: RepositoryClient
) -> None:
    """Signing needs permission if moto's IAM is enforced. The push succeeds without it."""
    iam = aws.client("iam")
    iam.create_user(UserName="builder")
    key = iam.create_access_key(UserName="builder")["AccessKey"]
    builder = boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    configure(ecr, rule(RELEASE), rule(AUDIT))
    statements = [
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "signer:SignPayload", "Resource": AUDIT},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="builder", PolicyName="push", PolicyDocument=document)
    set_initial_no_auth_action_count(0)(
        lambda: builder.put_image(repositoryName=NAME, imageManifest=IMAGE.manifest.decode())
    )()
    assert statuses(ecr) == [
        {
            "signingProfileArn": RELEASE,
            "status": "FAILED",
            "failureCode": "AccessDeniedException",
            "failureReason": "User: arn:aws:iam::123456789012:user/builder is not authorized to "
            f"perform: signer:SignPayload on resource: {RELEASE} because no identity-based "
            "policy allows the signer:SignPayload action",
        },
        *complete(AUDIT),
    ]
    assert len(signatures(registry)) == 1


def test_configuration(ecr: Any) -> None:
    """A configuration stays as it was put, until it is replaced or deleted."""
    first = {"rules": [rule(RELEASE, "team/*", "*prod*"), rule(AUDIT)]}
    second: dict[str, Any] = {"rules": []}
    for configuration in (first, second):
        answer = ecr.put_signing_configuration(signingConfiguration=configuration)
        assert answer["signingConfiguration"] == configuration
        answer = ecr.get_signing_configuration()
        assert answer["registryId"] == ACCOUNT
        assert answer["signingConfiguration"] == configuration
    answer = ecr.delete_signing_configuration()
    assert answer["registryId"] == ACCOUNT
    assert answer["signingConfiguration"] == second


def test_no_configuration(aws: Any, ecr: Any) -> None:
    """An account has no configuration in a Region until one is put, nor after its deletion."""
    for other in (aws.client(region="eu-west-1"), aws.client(account=OTHER_ACCOUNT)):
        other.put_signing_configuration(signingConfiguration={"rules": []})
    for operation in (ecr.get_signing_configuration, ecr.delete_signing_configuration):
        assert refusal(operation) == NO_CONFIGURATION
    configure(ecr, rule(RELEASE))
    ecr.delete_signing_configuration()
    for operation in (ecr.get_signing_configuration, ecr.delete_signing_configuration):
        assert refusal(operation) == NO_CONFIGURATION


def test_a_profile_of_another_region(ecr: Any) -> None:
    """A profile of another Region is refused, and changes nothing."""
    arn = profile("release", region="eu-west-1")
    before = everything_stored()
    assert refusal(
        ecr.put_signing_configuration, signingConfiguration={"rules": [rule(RELEASE), rule(arn)]}
    ) == Refusal("ValidationException", f"Signing profile {arn} is not in us-east-1.")
    assert everything_stored() == before


def test_status_members(ecr: Any, registry: RepositoryClient) -> None:
    """The status names the image by its digest, and by the tag of the request."""
    registry.push(IMAGE, "v1")
    answer = ecr.describe_image_signing_status(repositoryName=NAME, imageId={"imageTag": "v1"})
    del answer["ResponseMetadata"]
    assert answer == {
        "registryId": ACCOUNT,
        "repositoryName": NAME,
        "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        "signingStatuses": [],
    }


def test_status_of_a_missing_image(ecr: Any, repository_name: str) -> None:
    """A missing image and a missing repository are reported as not found."""
    describe = ecr.describe_image_signing_status
    image_id = {"imageTag": "none"}
    assert refusal(describe, repositoryName=repository_name, imageId=image_id) == no_image(
        repository_name, tag="none"
    )
    assert refusal(describe, repositoryName="no/such", imageId=image_id) == no_repository("no/such")
