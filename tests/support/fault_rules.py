"""The faults of a server, over HTTP."""

from __future__ import annotations

from typing import Any

import requests

from support.commands import PATIENCE, Server


class FaultRules:
    """The rules at /moto-api/ecr/faults."""

    def __init__(self, server: Server) -> None:
        self._url = f"{server.url}/moto-api/ecr/faults"

    def put(self, *rules: dict[str, Any]) -> None:
        """Have these rules, and no others."""
        requests.post(self._url, json=list(rules), timeout=PATIENCE).raise_for_status()

    def strikes(self) -> list[int]:
        """Return how often each rule has struck."""
        answer = requests.get(self._url, timeout=PATIENCE)
        answer.raise_for_status()
        return [each["strikes"] for each in answer.json()]

    def clear(self) -> None:
        """End all faults."""
        requests.delete(self._url, timeout=PATIENCE).raise_for_status()
