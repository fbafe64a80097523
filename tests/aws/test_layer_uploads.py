"""InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, BatchCheckLayerAvailability."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext import testing
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store
from support.constants import ABSENT_DIGEST, ACCOUNT
from support.refusals import Refusal, no_repository, refusal, refused
from support.stored import everything_stored

MIB = 1024 * 1024


def digest_of(content: bytes) -> str:
    """The digest of bytes, by Python's own means."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Upload:
    """An open upload to the repository team/app."""

    def __init__(self, ecr: Any, repository: str = "team/app"):
        self._ecr = ecr
        self.repository = repository
        self.id: str = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]

    @property
    def named(self) -> dict[str, str]:
        """The parameters that name this upload."""
        return {"repositoryName": self.repository, "uploadId": self.id}

    def part(self, content: bytes, first: int = 0, last: int | None = None) -> dict[str, Any]:
        """The request of UploadLayerPart; the range is the content's unless `last` is given."""
        return {
            **self.named,
            "partFirstByte": first,
            "partLastByte": first + len(content) - 1 if last is None else last,
            "layerPartBlob": content,
        }

    def send(self, content: bytes, first: int = 0) -> int:
        """Upload a part; the position of the last byte that was received."""
        received: int = self._ecr.upload_layer_part(**self.part(content, first))["lastByteReceived"]
        return received

    def complete(self, *digests: str) -> dict[str, Any]:
        """The answer of CompleteLayerUpload for this upload."""
        answer: dict[str, Any] = self._ecr.complete_layer_upload(
            **self.named, layerDigests=list(digests)
        )
        del answer["ResponseMetadata"]
        return answer


def availability(ecr: Any, *digests: str) -> list[dict[str, Any]]:
    """Return the answer of BatchCheckLayerAvailability for layers of team/app."""
    answer = ecr.batch_check_layer_availability(
        repositoryName="team/app", layerDigests=list(digests)
    )
    assert answer["failures"] == []
    layers: list[dict[str, Any]] = answer["layers"]
    return layers


def no_upload(upload: Upload, repository: str = "team/app") -> Refusal:
    """The refusal of an upload that does not exist."""
    return Refusal(
        "UploadNotFoundException",
        f"The upload with id '{upload.id}' in the repository with name '{repository}' "
        "in the registry with id '123456789012' could not be found, "
        "or the specified upload ID is not valid for this repository.",
    )


def test_an_upload_begins(ecr: Any, repository_name: str) -> None:
    """InitiateLayerUpload returns a UUID in lower case, and the recommended size of parts."""
    answers = [ecr.initiate_layer_upload(repositoryName=repository_name) for _ in range(2)]
    assert [answer["partSize"] for answer in answers] == [10485760, 10485760]
    ids = [answer["uploadId"] for answer in answers]
    assert [str(uuid.UUID(each)) for each in ids] == ids
    assert ids[0] != ids[1]


def test_a_layer_in_one_part(ecr: Any, repository_name: str) -> None:
    """The answers name registry, repository and upload; afterwards the layer is available."""
    content = b"a layer"
    upload = Upload(ecr)
    answer = ecr.upload_layer_part(**upload.part(content))
    del answer["ResponseMetadata"]
    about = {"registryId": ACCOUNT, "repositoryName": repository_name, "uploadId": upload.id}
    assert answer == {**about, "lastByteReceived": len(content) - 1}
    digest = digest_of(content)
    assert upload.complete(digest) == {**about, "layerDigest": digest}
    assert availability(ecr, digest) == [
        {
            "layerDigest": digest,
            "layerAvailability": "AVAILABLE",
            "layerSize": len(content),
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    ]


def test_a_layer_in_many_parts(ecr: Any, repository_name: str) -> None:
    """Parts follow one another; `lastByteReceived` advances; only the last may be short."""
    parts = [b"a" * 5 * MIB, b"b" * 10 * MIB, b"c" * 6 * MIB, b"d"]
    upload, first = Upload(ecr), 0
    for part in parts:
        assert upload.send(part, first) == first + len(part) - 1
        first += len(part)
    digest = digest_of(b"".join(parts))
    assert upload.complete(digest)["layerDigest"] == digest
    assert availability(ecr, digest)[0]["layerSize"] == first


def test_the_largest_part(ecr: Any, repository_name: str) -> None:
    """A part can have 20 MiB, the model's limit; one byte more is refused."""
    upload = Upload(ecr)
    content = bytes(20 * MIB + 1)
    assert refusal(ecr.upload_layer_part, **upload.part(content)) == Refusal(
        "InvalidParameterException",
        "Invalid parameter at 'layerPartBlob' failed to satisfy constraint: "
        "'Member must have length less than or equal to 20971520'",
    )
    assert upload.send(content[1:]) == 20 * MIB - 1


@pytest.mark.parametrize(
    ("first", "last", "content", "message"),
    [
        pytest.param(
            0, 2, b"abc", "First byte of the layer part is 0 instead of 4", id="sent again"
        ),
        pytest.param(5, 7, b"abc", "First byte of the layer part is 5 instead of 4", id="gap"),
        pytest.param(3, 5, b"abc", "First byte of the layer part is 3 instead of 4", id="overlap"),
        pytest.param(
            4,
            1003,
            b"abc",
            "The layer part has 3 bytes, but the range from 4 to 1003 has 1000",
            id="range longer than the part",
        ),
        pytest.param(
            4,
            5,
            b"abc",
            "The layer part has 3 bytes, but the range from 4 to 5 has 2",
            id="range shorter than the part",
        ),
        pytest.param(
            4,
            2,
            b"abc",
            "The layer part has 3 bytes, but the range from 4 to 2 has -1",
            id="range that ends before it begins",
        ),
        pytest.param(
            4,
            9,
            b"",
            "The layer part has 0 bytes, but the range from 4 to 9 has 6",
            id="range of an empty part",
        ),
    ],
)
def test_parts_that_do_not_fit(
    ecr: Any, repository_name: str, first: int, last: int, content: bytes, message: str
) -> None:
    """InvalidLayerPartException reports the last byte received; the upload continues from there."""
    upload = Upload(ecr)
    upload.send(b"0123")
    before = everything_stored()
    error = refused(ecr.upload_layer_part, **upload.part(content, first, last))
    assert isinstance(error, ecr.exceptions.InvalidLayerPartException)
    assert error.response["Error"]["Message"] == message
    about = ("registryId", "repositoryName", "uploadId", "lastValidByteReceived")
    assert {name: error.response[name] for name in about} == {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "uploadId": upload.id,
        "lastValidByteReceived": 3,
    }
    assert everything_stored() == before
    assert upload.send(b"4567", 4) == 7


def test_the_first_part_begins_at_zero(ecr: Any, repository_name: str) -> None:
    """The first part must begin at zero; the refusal reports zero, as the model has no negative position."""
    error = refused(ecr.upload_layer_part, **Upload(ecr).part(b"abc", 1))
    assert error.response["Error"]["Message"] == "First byte of the layer part is 1 instead of 0"
    assert error.response["lastValidByteReceived"] == 0


def test_an_empty_part_adds_nothing(ecr: Any, repository_name: str) -> None:
    """An upload with only empty parts cannot be completed; later parts continue it."""
    upload = Upload(ecr)
    assert ecr.upload_layer_part(**upload.part(b"", 0, 0))["lastByteReceived"] == 0
    assert refusal(
        ecr.complete_layer_upload, **upload.named, layerDigests=[digest_of(b"")]
    ) == Refusal(
        "EmptyUploadException",
        f"The upload with id '{upload.id}' in the repository with name 'team/app' "
        "in registry with id '123456789012' cannot be completed "
        "because it does not have any parts",
    )
    assert upload.send(b"abc") == 2


def test_a_wrong_digest_keeps_the_upload(ecr: Any, repository_name: str) -> None:
    """An upload stays after a wrong digest, and is completed by the right one, which may be any of a list."""
    upload = Upload(ecr)
    upload.send(b"abc")
    before = everything_stored()
    error = refused(ecr.complete_layer_upload, **upload.named, layerDigests=[ABSENT_DIGEST])
    assert isinstance(error, ecr.exceptions.InvalidLayerException)
    assert error.response["Error"]["Message"] == (
        "None of the provided layer digests match the calculated layer digest"
    )
    assert everything_stored() == before
    digest = digest_of(b"abc")
    assert availability(ecr, digest)[0]["layerAvailability"] == "UNAVAILABLE"
    assert upload.complete(ABSENT_DIGEST, digest)["layerDigest"] == digest


def test_a_short_part_that_is_not_the_last(ecr: Any, repository_name: str) -> None:
    """LayerPartTooSmallException takes precedence over a wrong digest; the upload is kept."""
    upload = Upload(ecr)
    upload.send(bytes(5 * MIB - 1))
    upload.send(b"abc", 5 * MIB - 1)
    before = everything_stored()
    assert refusal(
        ecr.complete_layer_upload, **upload.named, layerDigests=[ABSENT_DIGEST]
    ) == Refusal(
        "LayerPartTooSmallException", "All layer parts except the last part should be at least 5MB"
    )
    assert everything_stored() == before


def test_a_layer_is_uploaded_once(ecr: Any, repository_name: str) -> None:
    """The second upload of the same bytes ends with an exception, and the layer stays."""
    digest = digest_of(b"abc")
    uploads = [Upload(ecr), Upload(ecr)]
    for upload in uploads:
        upload.send(b"abc")
    uploads[0].complete(digest)
    assert refusal(ecr.complete_layer_upload, **uploads[1].named, layerDigests=[digest]) == Refusal(
        "LayerAlreadyExistsException",
        f"The image layer with digest '{digest}' already exists in the repository "
        "with name 'team/app' in the registry with id '123456789012'",
    )
    assert availability(ecr, digest)[0]["layerAvailability"] == "AVAILABLE"
    assert everything_stored()["uploads"] == []


def test_a_layer_of_another_repository_is_new(ecr: Any, repository_name: str) -> None:
    """A repository accepts a layer that another holds: membership is by repository, though bytes are stored once."""
    ecr.create_repository(repositoryName="other")
    digest = digest_of(b"abc")
    for name in (repository_name, "other"):
        upload = Upload(ecr, name)
        upload.send(b"abc")
        upload.complete(digest)
    assert everything_stored()["bytes of blobs"] == [digest]


def test_an_upload_ends(ecr: Any, repository_name: str) -> None:
    """A completed upload's id is unknown afterwards."""
    upload = Upload(ecr)
    upload.send(b"abc")
    upload.complete(digest_of(b"abc"))
    assert refusal(ecr.upload_layer_part, **upload.part(b"d", 3)) == no_upload(upload)
    assert refusal(
        ecr.complete_layer_upload, **upload.named, layerDigests=[digest_of(b"abc")]
    ) == no_upload(upload)


def test_an_upload_belongs_to_its_repository(ecr: Any, repository_name: str) -> None:
    """An upload's id is unknown in another repository."""
    ecr.create_repository(repositoryName="other")
    upload = Upload(ecr)
    upload.send(b"abc")
    upload.repository = "other"
    assert refusal(ecr.upload_layer_part, **upload.part(b"d", 3)) == no_upload(upload, "other")
    assert refusal(
        ecr.complete_layer_upload, **upload.named, layerDigests=[digest_of(b"abc")]
    ) == no_upload(upload, "other")


def test_an_unknown_upload(ecr: Any, repository_name: str) -> None:
    """Any UUID is a valid parameter; one that names no upload is refused as unknown."""
    upload = Upload(ecr)
    upload.id = str(uuid.uuid4())
    assert refusal(ecr.upload_layer_part, **upload.part(b"abc")) == no_upload(upload)
    assert refusal(
        ecr.complete_layer_upload, **upload.named, layerDigests=[ABSENT_DIGEST]
    ) == no_upload(upload)


def test_an_upload_id_in_capitals(ecr: Any, repository_name: str) -> None:
    """An id in upper case matches the model's pattern, and names the same upload."""
    upload = Upload(ecr)
    upload.id = upload.id.upper()
    assert upload.send(b"abc") == 2
    assert upload.complete(digest_of(b"abc"))["layerDigest"] == digest_of(b"abc")


def test_an_abandoned_upload(ecr: Any, repository_name: str) -> None:
    """An upload expires after a day; its bytes are removed when the next upload begins."""
    with freeze_time("2026-01-01 00:00:00", ignore=["urllib3"]) as clock:
        upload = Upload(ecr)
        upload.send(b"a" * 5 * MIB)
        clock.move_to("2026-01-01 23:59:59")
        upload.send(b"b", 5 * MIB)
        clock.move_to("2026-01-02 00:00:00")
        assert refusal(ecr.upload_layer_part, **upload.part(b"c", 5 * MIB + 1)) == no_upload(upload)
        assert refusal(
            ecr.complete_layer_upload, **upload.named, layerDigests=[ABSENT_DIGEST]
        ) == no_upload(upload)
        other = Upload(ecr)
        other.send(b"abc")
        stored = everything_stored()
    assert [row.id for row in stored["uploads"]] == stored["bytes of uploads"] == [other.id]


def test_a_layer_has_at_most_4200_parts(ecr: Any, repository_name: str) -> None:
    """A layer with more than 4200 parts is refused:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    """
    upload = Upload(ecr)
    upload.send(b"abc")
    with current_store().database.write() as transaction:
        transaction.connection.execute(tables.uploads.update().values(parts=4199))
    upload.send(b"d", 3)
    assert refusal(ecr.upload_layer_part, **upload.part(b"e", 4)) == Refusal(
        "LimitExceededException", "The maximum number of layer parts, 4200, has been reached."
    )


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("initiate_layer_upload", {}),
        (
            "upload_layer_part",
            {
                "uploadId": str(uuid.uuid4()),
                "partFirstByte": 0,
                "partLastByte": 0,
                "layerPartBlob": b"a",
            },
        ),
        (
            "complete_layer_upload",
            {"uploadId": str(uuid.uuid4()), "layerDigests": [ABSENT_DIGEST]},
        ),
        ("batch_check_layer_availability", {"layerDigests": [ABSENT_DIGEST]}),
    ],
)
def test_a_repository_that_is_not_there(ecr: Any, operation: str, request_: dict[str, Any]) -> None:
    """A repository that does not exist is refused by its name, whatever else the request names."""
    call = getattr(ecr, operation)
    assert refusal(call, repositoryName="team/app", **request_) == no_repository("team/app")


def test_availability_of_each_digest(ecr: Any, repository_name: str) -> None:
    """Each digest has one entry: in `layers` if it is well-formed, else in `failures`."""
    image = testing.build_image(layers=1)
    testing.push(ecr, repository_name, image)
    upload = Upload(ecr)
    upload.send(b"abc")
    layer = image.layers[0]
    answer = ecr.batch_check_layer_availability(
        repositoryName=repository_name,
        layerDigests=[ABSENT_DIGEST, layer.digest, layer.digest, "", "sha256", "a\0:0", "\0"],
    )
    assert answer["layers"] == [
        {"layerDigest": ABSENT_DIGEST, "layerAvailability": "UNAVAILABLE"},
        {
            "layerDigest": layer.digest,
            "layerAvailability": "AVAILABLE",
            "layerSize": layer.size,
            "mediaType": layer.media_type,
        },
    ]
    malformed = (
        "InvalidLayerDigest",
        "Invalid request parameters: "
        "layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
    )
    assert [
        (each["layerDigest"], each["failureCode"], each["failureReason"])
        for each in answer["failures"]
    ] == [
        ("", "MissingLayerDigest", "Invalid request parameters: layer digest cannot be null"),
        ("sha256", *malformed),
        ("a\0:0", *malformed),
        ("\0", *malformed),
    ]


def test_a_layer_of_another_repository_is_unavailable(ecr: Any, repository_name: str) -> None:
    """A layer is unavailable in a repository that does not hold it."""
    ecr.create_repository(repositoryName="other")
    upload = Upload(ecr, "other")
    upload.send(b"abc")
    upload.complete(digest_of(b"abc"))
    assert availability(ecr, digest_of(b"abc")) == [
        {"layerDigest": digest_of(b"abc"), "layerAvailability": "UNAVAILABLE"}
    ]


def test_the_config_of_an_image_is_a_layer_too(ecr: Any, repository_name: str) -> None:
    """The config of an image is available as a layer, with the media type of the manifest."""
    image = testing.build_image(layers=1)
    testing.push(ecr, repository_name, image)
    [config] = availability(ecr, image.config.digest)
    assert config["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert config["layerSize"] == image.config.size


def test_uploads_side_by_side(ecr: Any, repository_name: str) -> None:
    """Two uploads to one repository do not affect each other."""
    first, second = Upload(ecr), Upload(ecr)
    first.send(b"a" * 5 * MIB)
    second.send(b"b" * 6 * MIB)
    first.send(b"c", 5 * MIB)
    second.send(b"d", 6 * MIB)
    first.complete(digest_of(b"a" * 5 * MIB + b"c"))
    second.complete(digest_of(b"b" * 6 * MIB + b"d"))
