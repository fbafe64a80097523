"""Functions of images in moto, and their images in this ECR.

moto handles a function whose image is not in this ECR.
"""

from __future__ import annotations

from typing import Any

from moto import settings as moto_settings

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.moto_services.image_uses import SOURCE_OF_FUNCTION
from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

# Members that AWS leaves out for a function of an image (https://github.com/localstack/localstack,
# tests/aws/services/lambda_/test_lambda_api.snapshot.json, TestLambdaImages).
_NOT_OF_IMAGES = ("Runtime", "Handler", "Layers", "VpcConfig")


def source_of(function: Any) -> Any | None:
    """Return the SourceImage of a function, or None for a function that moto handles."""
    return vars(function).get(SOURCE_OF_FUNCTION) if function.package_type == "Image" else None


def verifies() -> bool:
    """Return True if functions with missing images are refused."""
    return current_rules().consumers.need_images or not moto_settings.lambda_stub_ecr()


def plug() -> Unplug:
    """Find the image of a function when its code is set, and show it.

    CreateFunction and UpdateFunctionCode set the code by `_set_function_code`, with a dict that has `ImageUri`.
    `get_code`, `get_configuration` and `update_configuration` show and change the rest of it. A version is a shallow
    copy of its function, with which it shares attributes.
    """
    from moto.awslambda.models import LambdaFunction

    return replace_all(
        replace(LambdaFunction, "_set_function_code", _setter(LambdaFunction._set_function_code)),
        replace(LambdaFunction, "get_code", _code(LambdaFunction.get_code)),
        replace(
            LambdaFunction, "get_configuration", _configuration(LambdaFunction.get_configuration)
        ),
        replace(
            LambdaFunction, "update_configuration", _updater(LambdaFunction.update_configuration)
        ),
    )


def _setter(original: Any) -> Any:
    def _set_function_code(self: Any, updated_spec: dict[str, Any]) -> None:
        is_update = updated_spec is not self.code
        _check_package_type(self, updated_spec, is_update=is_update)
        if self.package_type != "Image" or "ImageUri" not in updated_spec:
            original(self, updated_spec)
            return
        source = _resolve(self, updated_spec["ImageUri"])
        if is_update and updated_spec.get("DryRun"):
            return
        if is_update and "Architectures" in updated_spec:
            self.architectures = updated_spec["Architectures"]
        setattr(self, SOURCE_OF_FUNCTION, source)
        if source is None:
            original(self, updated_spec)
            return
        self.code_sha_256 = source.hex_digest
        # AWS does not define the code size of an image. These are moto's sizes.
        self.code_size = 0 if moto_settings.lambda_stub_ecr() else source.config_size
        # Published versions share the old dict.
        self.code = {**self.code, "ImageUri": updated_spec["ImageUri"]}

    return _set_function_code


def _check_package_type(function: Any, spec: dict[str, Any], *, is_update: bool) -> None:
    """Refuse code of the other package type, as AWS does, if images are verified."""
    if not verifies():
        return
    is_image = function.package_type == "Image"
    doing = "updating" if is_update else "creating"
    if is_image and "ImageUri" not in spec:
        raise refusal(
            "InvalidParameterValueException",
            "Please provide ImageUri when updating a function with packageType Image."
            if is_update
            else "ImageUri is required.",
        )
    if not is_image and "ImageUri" in spec:
        raise _not_of_zip("ImageUri", doing)
    if not is_image and not is_update and any(function.image_config.response().values()):
        raise _not_of_zip("ImageConfig", doing)
    if is_image and function.layers:
        raise refusal(
            "InvalidParameterValueException",
            "Lambda layers are not supported for functions created with container images.",
        )
    if is_image and not is_update and (function.handler or function.run_time):
        raise refusal(
            "InvalidParameterValueException",
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.",
        )


def _not_of_zip(member: str, doing: str) -> Exception:
    """Return the error for a member that a function of a zip file cannot have. The text is AWS's for ImageUri."""
    return refusal(
        "InvalidParameterValueException",
        f"Please don't provide {member} when {doing} a function with packageType Zip.",
    )


def _resolve(function: Any, uri: str) -> Any | None:
    from moto.awslambda.utils import make_function_arn

    from moto_ecr_ext.integrations.awslambda.source_images import MissingImage, Refusal, resolve

    # A new function has no ARN yet.
    arn = make_function_arn(function.region, function.account_id, function.function_name)
    home = Registry(function.account_id, function.region)
    try:
        return resolve(uri, home, arn, verifies=verifies())
    except Refusal as error:
        moto_asks_ecr = isinstance(error, MissingImage) and not moto_settings.lambda_stub_ecr()
        if moto_asks_ecr and current_rules().consumers.pass_on_errors(uri):
            return None
        raise refusal(error.code, error.message, error.status) from None


def refusal(code: str, message: str, status: int = 400) -> Exception:
    """Return an error in the form of moto's Lambda."""
    from moto.awslambda.exceptions import LambdaClientError

    error = LambdaClientError(code, message)
    error.code = status
    return error


def _code(original: Any) -> Any:
    def get_code(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        source = source_of(self)
        if source is not None:
            answer["Code"]["ResolvedImageUri"] = source.resolved_uri
        return answer

    return get_code


def _configuration(original: Any) -> Any:
    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        answer: dict[str, Any] = original(self, on_create=on_create)
        if source_of(self) is None:
            return answer
        for name in _NOT_OF_IMAGES:
            if not answer.get(name):
                answer.pop(name, None)
        given = {key: value for key, value in self.image_config.response().items() if value}
        answer.pop("ImageConfigResponse", None)
        if given:
            answer["ImageConfigResponse"] = {"ImageConfig": given}
        return answer

    return get_configuration


def _updater(original: Any) -> Any:
    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        from moto.awslambda.models import ImageConfig

        if "ImageConfig" in config_updates:
            if self.package_type == "Image":
                self.image_config = ImageConfig(config_updates["ImageConfig"])
            elif verifies():
                raise _not_of_zip("ImageConfig", "updating")
        answer: dict[str, Any] = original(self, config_updates)
        return answer

    return update_configuration
