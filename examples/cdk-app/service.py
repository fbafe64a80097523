"""The stack of the service: a repository for its releases, and a function of an image."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import RemovalPolicy, Stack, aws_ecr, aws_lambda
from constructs import Construct

IMAGE = str(Path(__file__).parent / "image")


class Service(Stack):
    """A repository whose tags cannot move, and a function whose image the CDK builds."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        aws_ecr.Repository(
            self,
            "Releases",
            repository_name="service/releases",
            image_tag_mutability=aws_ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            lifecycle_rules=[aws_ecr.LifecycleRule(max_image_count=10)],
            removal_policy=RemovalPolicy.DESTROY,
        )
        aws_lambda.DockerImageFunction(
            self,
            "Greeter",
            function_name="greeter",
            code=aws_lambda.DockerImageCode.from_image_asset(IMAGE),
        )
