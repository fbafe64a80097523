"""The environment variables of a function's container.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. The image defines PATH, LANG, `_HANDLER` and
the like.
"""

from __future__ import annotations

from moto_ecr_ext.moto_services.containers import ContainerNetwork, is_proxy

from .function import FunctionVersion


def environment_of(
    function: FunctionVersion, network: ContainerNetwork, runtime_api: str, log_stream: str
) -> dict[str, str]:
    """Return the variables of a container: the function's, then the reserved ones, then moto's.

    `runtime_api` is the `host:port` of the Runtime API.
    """
    variables = {
        **function.environment,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "TZ": ":UTC",
        # moto's own Lambda uses these credentials, and these names for its server.
        "AWS_ACCESS_KEY_ID": "role-account-id",
        "AWS_SECRET_ACCESS_KEY": "role-secret-key",  # nosec B105
        "AWS_SESSION_TOKEN": "session-token",  # nosec B105
        "MOTO_HOST": f"http://{network.host}",
        "MOTO_PORT": network.port,
        "MOTO_HTTP_ENDPOINT": network.endpoint,
    }
    if is_proxy():
        variables["HTTPS_PROXY"] = network.endpoint
    else:
        variables["AWS_ENDPOINT_URL"] = network.endpoint
    return variables
