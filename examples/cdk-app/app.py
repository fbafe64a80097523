"""The app that `cdk` runs."""

from __future__ import annotations

from aws_cdk import App
from service import Service

app = App()
Service(app, "Service")
app.synth()
