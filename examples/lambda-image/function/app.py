"""The function."""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    print(f"greeting {event['name']}")
    return {"greeting": f"Hello, {event['name']}!"}
