"""Functions of images as resources of Lambda: to which image they resolve, and which are refused. Nothing runs.

Texts are those of https://github.com/hashicorp/terraform/issues/27963 (an image that does not exist),
https://github.com/aws/aws-lambda-roadmap/issues/82 (an index) and
https://github.com/aws-samples/bedrock-access-gateway/issues/127 (access) and /issues/205 (not valid); shapes are
those of LocalStack's recordings, https://github.com/localstack/localstack,
tests/aws/services/lambda_/test_lambda_api.snapshot.json, TestLambdaImages.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from moto_ecr_ext.integrations.docker.images import own_architecture
from moto_ecr_ext.testing import Image, build_artifact, build_image, build_index, push
from support.constants import ABSENT_DIGEST, ACCOUNT, OTHER_ACCOUNT
from support.containers import push_image
from support.environments import Environment
from support.refusals import refused

HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = build_image(layers=1)
OTHER = build_image(seed=1, layers=1)


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No daemon answers."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture(autouse=True)
def _without_docker(no_docker: None) -> None:
    """All of this works without docker."""


@pytest.fixture
def uri(ecr: Any) -> str:
    """The URI of an image that was pushed."""
    return push_image(ecr, "app", IMAGE, tag="v1")


def create(functions: Any, role: str, uri: str, name: str = "app", **settings: Any) -> Any:
    """Create a function of an image."""
    code = {"ImageUri": uri}
    request = {"FunctionName": name, "Role": role, "PackageType": "Image", "Code": code}
    return functions.create_function(**request, **settings)


def hexadecimal(image: Image) -> str:
    return image.digest.removeprefix("sha256:")


@pytest.mark.parametrize("by", ["tag", "digest", "server", "local host"])
def test_the_image_is_resolved_at_once(functions: Any, role: str, uri: str, by: str) -> None:
    """The image is resolved by tag, by digest, by the address of a server on this machine, and by a name of it."""
    name, _, tag = uri.rpartition(":")
    given = {
        "tag": uri,
        "digest": f"{name}@{IMAGE.digest}",
        "server": f"127.0.0.1:5000/app:{tag}",
        "local host": f"{ACCOUNT}.dkr.ecr.us-east-1.localhost:5000/app:{tag}",
    }[by]
    created = create(functions, role, given)

    assert created["CodeSha256"] == hexadecimal(IMAGE)
    assert created["PackageType"] == "Image"
    code = functions.get_function(FunctionName="app")["Code"]
    assert code == {
        "RepositoryType": "ECR",
        "ImageUri": given,
        "ResolvedImageUri": f"{given.partition('/')[0]}/app@{IMAGE.digest}",
    }


def test_the_shape_of_a_function_of_an_image(functions: Any, role: str, uri: str) -> None:
    """Members of functions with a zip file are absent. ImageConfigResponse is there if ImageConfig is."""
    created = create(functions, role, uri)
    absent = {"Runtime", "Handler", "Layers", "VpcConfig", "ImageConfigResponse"}
    assert absent & set(created) == set()

    config = {"Command": ["app.handler"], "WorkingDirectory": "/srv"}
    functions.update_function_configuration(FunctionName="app", ImageConfig=config)
    shown = functions.get_function_configuration(FunctionName="app")
    assert shown["ImageConfigResponse"] == {"ImageConfig": config}

    functions.update_function_configuration(FunctionName="app", ImageConfig={})
    assert "ImageConfigResponse" not in functions.get_function_configuration(FunctionName="app")


def test_a_tag_that_moves_changes_nothing(functions: Any, role: str, ecr: Any, uri: str) -> None:
    """A function keeps its image until UpdateFunctionCode; a published version always keeps its image."""
    create(functions, role, uri, Publish=True)
    push(ecr, "app", OTHER, tag="v1")

    functions.update_function_configuration(FunctionName="app", MemorySize=256)
    assert functions.get_function(FunctionName="app")["Configuration"]["CodeSha256"] == (
        hexadecimal(IMAGE)
    )
    functions.update_function_code(FunctionName="app", ImageUri=uri, DryRun=True)
    assert functions.get_function(FunctionName="app")["Configuration"]["CodeSha256"] == (
        hexadecimal(IMAGE)
    )
    updated = functions.update_function_code(FunctionName="app", ImageUri=f"{HOST}/app:v1")
    assert updated["CodeSha256"] == hexadecimal(OTHER)
    published = functions.get_function(FunctionName="app", Qualifier="1")
    assert published["Code"]["ResolvedImageUri"].endswith(IMAGE.digest)


def test_the_pull_is_recorded(functions: Any, role: str, ecr: Any, uri: str) -> None:
    """Lambda pulls the image when the function is created."""
    [before] = ecr.describe_images(repositoryName="app")["imageDetails"]
    create(functions, role, uri)
    [after] = ecr.describe_images(repositoryName="app")["imageDetails"]
    assert "lastRecordedPullTime" not in before
    assert after["lastRecordedPullTime"] >= after["imagePushedAt"]


NOT_THERE = [f"{HOST}/app:other", f"{HOST}/nowhere:v1", f"{HOST}/app@{ABSENT_DIGEST}"]
NOT_VALID = [
    "app:v1",
    f"{HOST}/app",
    "public.ecr.aws/lambda/python:3.13",
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app:v1",
    f"{HOST}/app@sha256:123",
    f"{HOST}/:v1",
    "",
]


@pytest.mark.parametrize("given", [*NOT_THERE, *NOT_VALID])
def test_what_this_ecr_does_not_have_is_left_to_moto(
    functions: Any, role: str, uri: str, given: str
) -> None:
    """By default, functions of images that this ECR lacks are created as in moto."""
    created = create(functions, role, given)
    assert len(created["CodeSha256"]) == 64
    assert created["ImageConfigResponse"] == {"ImageConfig": {"Command": [], "EntryPoint": []}}
    error = refused(functions.invoke, FunctionName="app").response["Error"]
    assert error["Code"] == "CodeArtifactUserDeletedException"
    assert "was not in this ECR" in error["Message"]


@pytest.mark.parametrize("way", ["setting", "moto"])
def test_a_fips_endpoint(
    aws: Environment,
    functions: Any,
    role: str,
    uri: str,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lambda does not support ECR's FIPS endpoints; by default their images are found.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
    """
    given = uri.replace(".ecr.", ".ecr-fips.")
    assert create(functions, role, given)["CodeSha256"] == hexadecimal(IMAGE)
    functions.delete_function(FunctionName="app")
    verify(aws, way, monkeypatch)
    error = refused(create, functions=functions, role=role, uri=given).response["Error"]
    assert (error["Code"], error["Message"]) == (
        "InvalidParameterValueException",
        f"Source image {given} is not valid. Provide a valid source image.",
    )
    assert functions.list_functions()["Functions"] == []


def test_the_configuration_of_an_image_for_a_zip_file(
    aws: Environment, functions: Any, role: str
) -> None:
    """UpdateFunctionConfiguration refuses ImageConfig of a zip file with `verify_images`, and changes nothing."""
    functions.create_function(
        FunctionName="zip", Role=role, Runtime="python3.13", Handler="a.b", Code={"ZipFile": EMPTY}
    )
    change = {"FunctionName": "zip", "MemorySize": 512, "ImageConfig": {"Command": ["a.b"]}}
    functions.update_function_configuration(**{**change, "MemorySize": 256})
    aws.configure(verify_images=True)
    error = refused(functions.update_function_configuration, **change).response["Error"]
    assert (error["Code"], error["Message"]) == (
        "InvalidParameterValueException",
        "Please don't provide ImageConfig when updating a function with packageType Zip.",
    )
    assert functions.get_function_configuration(FunctionName="zip")["MemorySize"] == 256


@pytest.mark.parametrize("way", ["setting", "moto"])
@pytest.mark.parametrize("given", [*NOT_THERE, *NOT_VALID])
def test_images_are_verified(
    aws: Environment,
    functions: Any,
    role: str,
    uri: str,
    given: str,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Images must exist with `verify_images`, and with moto's MOTO_LAMBDA_STUB_ECR=false, which causes no other
    error then.
    """
    verify(aws, way, monkeypatch)
    error = refused(create, functions=functions, role=role, uri=given).response
    reason = "does not exist" if given in NOT_THERE else "is not valid"
    assert error["Error"]["Code"] == "InvalidParameterValueException"
    assert error["Error"]["Message"] == (
        f"Source image {given} {reason}. Provide a valid source image."
    )
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert functions.list_functions()["Functions"] == []


@pytest.mark.parametrize("is_verified", [False, True])
def test_a_placeholder_image(
    aws: Environment, functions: Any, role: str, ecr: Any, uri: str, is_verified: bool
) -> None:
    """A function can have a placeholder image, as in moto; an explicit `verify_images` takes precedence."""
    aws.configure(compatibility="moto", **({"verify_images": True} if is_verified else {}))
    ecr.put_image(repositoryName="app", imageManifest="manifest1", imageTag="placeholder")
    given = f"{HOST}/app:placeholder"
    if is_verified:
        error = refused(create, functions=functions, role=role, uri=given).response["Error"]
        assert error["Message"].startswith(f"Source image {given} does not exist.")
    else:
        assert create(functions, role, given)["PackageType"] == "Image"


def made_up(media_type: str, config: str, layer: str) -> str:
    """A manifest of an image that nobody has built."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": config, "size": 7023, "digest": f"sha256:{'1' * 64}"},
            "layers": [{"mediaType": layer, "size": 32654, "digest": f"sha256:{'2' * 64}"}],
        }
    )


DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MADE_UP = {
    "docker": made_up(
        DOCKER_MANIFEST,
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    "other types": made_up(DOCKER_MANIFEST, "application/json", "application/octet-stream"),
    "no layers": json.dumps({**json.loads(made_up(DOCKER_MANIFEST, "a/b", "c/d")), "layers": []}),
    "an index": json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
            "manifests": [
                {"mediaType": DOCKER_MANIFEST, "size": 1, "digest": f"sha256:{'3' * 64}"}
            ],
        }
    ),
}


@pytest.mark.parametrize("stubbed", ["true", "false"])
@pytest.mark.parametrize("kind", MADE_UP)
def test_an_image_that_was_made_up(
    functions: Any,
    role: str,
    ecr: Any,
    kind: str,
    stubbed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By default, functions can have images whose layers were never uploaded, of any media types, as in moto."""
    monkeypatch.setenv("MOTO_LAMBDA_STUB_ECR", stubbed)
    ecr.create_repository(repositoryName="app")
    image = ecr.put_image(repositoryName="app", imageManifest=MADE_UP[kind], imageTag="v1")["image"]
    digest = image["imageId"]["imageDigest"]
    created = create(functions, role, f"{HOST}/app:v1")
    assert created["CodeSha256"] == digest.removeprefix("sha256:")
    updated = functions.update_function_code(FunctionName="app", ImageUri=f"{HOST}/app@{digest}")
    assert updated["CodeSha256"] == created["CodeSha256"]


def verify(aws: Environment, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "setting":
        aws.configure(verify_images=True)
    else:
        monkeypatch.setenv("MOTO_LAMBDA_STUB_ECR", "false")


@pytest.mark.parametrize("kind", ["index", "artifact"])
def test_media_types_are_verified(
    aws: Environment, functions: Any, role: str, ecr: Any, kind: str
) -> None:
    """An index is refused, even one with a single platform:
    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html: an index is no image, even one with a single
    platform.
    """
    pushed = build_index([IMAGE]) if kind == "index" else build_artifact(artifact_type="text/plain")
    given = push_image(ecr, "app", pushed)
    aws.configure(verify_images=True)
    error = refused(create, functions=functions, role=role, uri=given).response["Error"]
    assert error["Code"] == "InvalidParameterValueException"
    assert error["Message"] == (
        f"The image manifest, config or layer media type for the source image {given} is not supported."
    )


@pytest.mark.parametrize("kind", ["index", "artifact"])
def test_media_types_are_not_verified_because_moto_asks_ecr(
    functions: Any, role: str, ecr: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MOTO_LAMBDA_STUB_ECR=false an image must exist. As in moto, its manifest may be of any kind."""
    monkeypatch.setenv("MOTO_LAMBDA_STUB_ECR", "false")
    pushed = build_index([IMAGE]) if kind == "index" else build_artifact(artifact_type="text/plain")
    created = create(functions, role, push_image(ecr, "app", pushed))
    assert created["PackageType"] == "Image"


def test_an_index_is_resolved_to_the_platform_of_this_machine(
    functions: Any, role: str, ecr: Any
) -> None:
    """An index is resolved to the platform of this machine by default, if no daemon answers."""
    images = {name: build_image(architecture=name) for name in ("amd64", "arm64", "riscv64")}
    created = create(functions, role, push_image(ecr, "app", build_index(images.values())))
    assert created["CodeSha256"] == hexadecimal(images[own_architecture()])


def test_code_of_the_other_kind(aws: Environment, functions: Any, role: str, uri: str) -> None:
    """Code of the other package type is refused, as in LocalStack's recording test_lambda_image_crud."""
    create(functions, role, uri)
    functions.create_function(
        FunctionName="zip", Role=role, Runtime="python3.13", Handler="a.b", Code={"ZipFile": EMPTY}
    )
    aws.configure(verify_images=True)
    for name, code, message in (
        (
            "app",
            {"ZipFile": EMPTY},
            "Please provide ImageUri when updating a function with packageType Image.",
        ),
        (
            "zip",
            {"ImageUri": uri},
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        ),
    ):
        error = refused(functions.update_function_code, FunctionName=name, **code).response
        assert error["Error"]["Code"] == "InvalidParameterValueException"
        assert error["Error"]["Message"] == message


CONTRADICTIONS = [
    (
        {"PackageType": "Zip", "Runtime": "python3.13", "Handler": "a.b"},
        "Please don't provide ImageUri when creating a function with packageType Zip.",
    ),
    ({}, "Please don't provide ImageUri when creating a function with packageType Zip."),
    (
        {"PackageType": "Image", "Code": "zip"},
        "ImageUri is required.",
    ),
    (
        {
            "PackageType": "Zip",
            "Runtime": "python3.13",
            "Handler": "a.b",
            "Code": "zip",
            "ImageConfig": {"Command": ["a.b"]},
        },
        "Please don't provide ImageConfig when creating a function with packageType Zip.",
    ),
    *(
        (
            {"PackageType": "Image", **member},
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.",
        )
        for member in ({"Handler": "a.b"}, {"Runtime": "python3.13"})
    ),
]


@pytest.mark.parametrize(("members", "message"), CONTRADICTIONS)
def test_a_new_function_of_the_other_kind(
    aws: Environment, functions: Any, role: str, uri: str, members: dict[str, Any], message: str
) -> None:
    """A new function of the other package type is accepted as in moto, and refused with `verify_images`.

    https://github.com/pulumi/pulumi-aws/issues/5439 has the last text.
    """
    code = {"ZipFile": EMPTY} if "Code" in members else {"ImageUri": uri}
    request = {"FunctionName": "app", "Role": role, **members, "Code": code}
    functions.create_function(**request)
    functions.delete_function(FunctionName="app")

    aws.configure(verify_images=True)
    error = refused(functions.create_function, **request).response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "InvalidParameterValueException"
    assert error["Error"]["Message"] == message
    assert functions.list_functions()["Functions"] == []


# The end of a zip file without any other part.
EMPTY = b"PK\x05\x06" + bytes(18)


def statement(principal: dict[str, str], **condition: Any) -> dict[str, Any]:
    """A statement that allows a principal to pull."""
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        **({"Condition": condition} if condition else {}),
    }


ACCOUNT_MAY = statement({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
LAMBDA_MAY = statement(
    {"Service": "lambda.amazonaws.com"},
    StringLike={"aws:sourceARN": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:*"},
)
STRANGER_MAY = statement(
    {"Service": "lambda.amazonaws.com"},
    StringLike={"aws:sourceARN": f"arn:aws:lambda:us-east-1:{OTHER_ACCOUNT}:function:*"},
)
POLICIES = {
    "none": [],
    "account alone": [ACCOUNT_MAY],
    "Lambda alone": [LAMBDA_MAY],
    "functions of another account": [ACCOUNT_MAY, STRANGER_MAY],
    "both": [ACCOUNT_MAY, LAMBDA_MAY],
}


@pytest.mark.parametrize("policy", POLICIES)
def test_an_image_of_another_account(
    aws: Environment, functions: Any, role: str, policy: str
) -> None:
    """Its repository's policy must let the account and Lambda pull.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, "Amazon ECR cross-account permissions"
    """
    ecr = aws.client(account=OTHER_ACCOUNT)
    ecr.create_repository(repositoryName="app")
    push(ecr, "app", IMAGE, tag="v1")
    if POLICIES[policy]:
        document = {"Version": "2012-10-17", "Statement": POLICIES[policy]}
        ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(document))
    given = f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app:v1"
    if policy == "both":
        assert create(functions, role, given)["CodeSha256"] == hexadecimal(IMAGE)
        return
    error = refused(create, functions=functions, role=role, uri=given).response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert error["Error"]["Code"] == "AccessDeniedException"
    assert error["Error"]["Message"] == (
        "Lambda does not have permission to access the ECR image. Check the ECR permissions."
    )
    assert functions.list_functions()["Functions"] == []


def test_lambda_lets_itself_pull(
    aws: Environment, functions: Any, role: str, ecr: Any, uri: str
) -> None:
    """With `verify_images`, Lambda adds the statement that it needs, once.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, "Amazon ECR permissions"
    """
    create(functions, role, uri)
    assert refused(ecr.get_repository_policy, repositoryName="app")
    aws.configure(verify_images=True)
    create(functions, role, uri, "second")
    create(functions, role, uri, "third")
    text = ecr.get_repository_policy(repositoryName="app")["policyText"]
    [added] = json.loads(text)["Statement"]
    assert added["Sid"] == "LambdaECRImageRetrievalPolicy"
    assert added["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_a_policy_that_denies_lambda(
    aws: Environment, functions: Any, role: str, ecr: Any, uri: str
) -> None:
    """Lambda adds nothing to a policy that denies it."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{**statement({"Service": "lambda.amazonaws.com"}), "Effect": "Deny"}],
    }
    ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(document))
    aws.configure(verify_images=True)
    error = refused(create, functions=functions, role=role, uri=uri).response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert (
        len(json.loads(ecr.get_repository_policy(repositoryName="app")["policyText"])["Statement"])
        == 1
    )


def test_a_docker_host_that_is_no_address(
    functions: Any, role: str, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A malformed DOCKER_HOST is an error of the invocation, and not of the server."""
    monkeypatch.setenv("DOCKER_HOST", "docker://somewhere")
    create(functions, role, uri)
    error = refused(functions.invoke, FunctionName="app").response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert error["Error"]["Message"].startswith(
        "Running an image needs a docker daemon. DOCKER_HOST is malformed: "
    )


NOT_UTF_8 = [b"\xff\xfe", b'"\xe4"', '{"a": 1}'.encode("utf-16")]


@pytest.mark.parametrize("payload", NOT_UTF_8, ids=["bytes", "latin", "utf-16"])
@pytest.mark.parametrize("operation", ["invoke", "invoke_async"])
def test_a_payload_that_is_not_utf_8(
    functions: Any, role: str, uri: str, payload: bytes, operation: str
) -> None:
    """A payload that is not UTF-8 is refused like any payload that is not JSON."""
    create(functions, role, uri)
    member = "Payload" if operation == "invoke" else "InvokeArgs"
    call = getattr(functions, operation)
    error = refused(call, FunctionName="app", **{member: payload}).response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "InvalidRequestContentException"
    assert error["Error"]["Message"].startswith("Could not parse request body into json: ")


PARTIAL_ARNS = [
    f"{ACCOUNT}:function:app",
    f"us-east-1:{ACCOUNT}:function:app",
    "function:app",
    f"{ACCOUNT}:function:app:1",
]


@pytest.mark.parametrize("name", PARTIAL_ARNS)
@pytest.mark.parametrize("operation", ["invoke", "invoke_async"])
def test_partial_arns(functions: Any, role: str, uri: str, name: str, operation: str) -> None:
    """A partial ARN names a function as its name does; that of a missing function has Invoke's usual error.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, "FunctionName"
    """
    call = getattr(functions, operation)
    request = {"FunctionName": name, **({} if operation == "invoke" else {"InvokeArgs": b"{}"})}
    error = refused(call, **request).response["Error"]
    assert error["Code"] == "ResourceNotFoundException"
    create(functions, role, uri, Publish=True)
    if operation == "invoke":
        assert functions.invoke(**request, InvocationType="DryRun")["StatusCode"] == 204
    else:
        assert functions.invoke_async(**request)["Status"] == 202


def test_a_name_that_is_no_partial_arn(functions: Any, role: str, uri: str) -> None:
    """A malformed partial ARN is refused by AWS's validation."""
    create(functions, role, uri)
    error = refused(functions.invoke, FunctionName="app:1:2").response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "ValidationException"
    assert "'app:1:2' at 'functionName'" in error["Error"]["Message"]


@pytest.mark.parametrize("operation", ["Event", "RequestResponse", "DryRun"])
@pytest.mark.parametrize("name", ["app:1", f"{ACCOUNT}:function:app:1", "ARN:1"])
def test_qualifiers_that_contradict_each_other(
    functions: Any, role: str, uri: str, name: str, operation: str
) -> None:
    """A version or alias in the name must be that of `Qualifier`, for each type of invocation."""
    arn = create(functions, role, uri, Publish=True)["FunctionArn"].removesuffix(":1")
    given = {"FunctionName": name.replace("ARN", arn), "InvocationType": operation}
    error = refused(functions.invoke, **given, Qualifier="$LATEST").response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "InvalidParameterValueException"
    assert error["Error"]["Message"] == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )
    given["InvocationType"] = "DryRun"
    assert functions.invoke(**given, Qualifier="1")["StatusCode"] == 204


def test_an_unknown_type_of_invocation(functions: Any, role: str, uri: str) -> None:
    """An unknown type of invocation is refused: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html,
    "InvocationType"
    """
    create(functions, role, uri)
    error = refused(functions.invoke, FunctionName="app", InvocationType="Bogus").response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "ValidationException"
    assert error["Error"]["Message"] == (
        "1 validation error detected: Value 'Bogus' at 'invocationType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
    )


def test_invoking_without_docker(functions: Any, role: str, uri: str) -> None:
    """Without docker, an invocation fails with one sentence that names what is missing; everything else works."""
    create(functions, role, uri)
    error = refused(functions.invoke, FunctionName="app").response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert error["Error"]["Code"] == "CodeArtifactUserFailedException"
    assert error["Error"]["Message"].startswith(
        "Running an image needs a docker daemon. None responds at unix:///nowhere/docker.sock: "
    )
    assert functions.get_function(FunctionName="app")["Configuration"]["State"] == "Active"
