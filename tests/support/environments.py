"""The two environments that the registry is tested in, each with a boto3 and an HTTP client."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.session import Session

import moto_ecr_ext
from support.constants import ACCOUNT, REGION
from support.registry_client import RegistrySession

# Service models and endpoints, read once: `mock_aws` makes boto3 forget them with every test.
_MODELS = create_loader(os.environ.get("AWS_DATA_PATH"))


class Environment:
    """An empty ECR: in the test process, or behind the URL of a server."""

    def __init__(self, name: str, endpoint_url: str | None = None):
        self.name = name
        self.endpoint_url = endpoint_url

    def client(
        self,
        service: str = "ecr",
        region: str = REGION,
        account: str = ACCOUNT,
        config: Config | None = None,
    ) -> Any:
        """Return a boto3 client of an account."""
        session = Session()
        session.register_component("data_loader", _MODELS)
        client = boto3.Session(botocore_session=session).client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )
        if account != ACCOUNT:

            def name_account(request: Any, **kwargs: Any) -> None:
                request.headers["x-moto-account-id"] = account

            client.meta.events.register("request-created", name_account)
        return client

    def registry_url(self, account: str = ACCOUNT, region: str = REGION) -> str:
        """Return the URL above `/v2/` of a registry."""
        if self.endpoint_url:
            return self.endpoint_url
        return f"https://{account}.dkr.ecr.{region}.amazonaws.com"

    def registry(self, account: str = ACCOUNT, region: str = REGION) -> RegistrySession:
        """Return an HTTP session that is logged in to a registry."""
        token = self.client(region=region, account=account).get_authorization_token()
        return RegistrySession(
            self.registry_url(account, region),
            token["authorizationData"][0]["authorizationToken"],
        )

    def configure(self, **behaviour: object) -> None:
        """Change settings for the rest of the test, keeping what is stored."""
        moto_ecr_ext.settings.install(moto_ecr_ext.settings.store_location(), None, behaviour)
