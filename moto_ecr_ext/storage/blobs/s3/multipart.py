"""Multipart uploads of S3, and the notes of them in the bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart upload that will create the object `key`."""

    key: str
    id: str

    @classmethod
    def of_json(cls, text: bytes) -> Multipart | None:
        """Return the multipart upload of a note, or None for bytes that are no such note."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError, RecursionError):
            return None

    def to_json(self) -> bytes:
        return json.dumps({"key": self.key, "id": self.id}).encode()
