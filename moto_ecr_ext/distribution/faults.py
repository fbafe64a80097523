"""Faults in the registry: refusals, and answers that are cut off or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from moto_ecr_ext import faults
from moto_ecr_ext.calls import CallRecord

from .errors import RegistryError
from .messages import BlobSlice, OpenBlob, Response


def suffer(call: CallRecord) -> tuple[faults.ActiveFault, faults.Strike] | None:
    """Let a fault strike a call. Return it and its strike if it damages the answer.

    Raises RegistryError and ConnectionEnds.
    """
    struck = faults.strike(call)
    if struck is None:
        return None
    refusal = struck[0].act.registry
    if refusal is not None:
        raise RegistryError(refusal.code, refusal.message, refusal.status)
    return struck


def damage(response: Response, fault: faults.ActiveFault, strike: faults.Strike) -> None:
    """Cut off the body of a successful answer, or change a byte of it, while it is sent.

    An answer without bytes, or with none beyond those that a cut leaves, stays as it is, and its strike does not count.
    """
    act, body = fault.act, response.body
    if not _damages(act):
        return
    if response.status >= 300 or response.size <= (act.cut_after or 0):
        spare(fault, strike)
        return
    if not isinstance(body, BlobSlice):
        body = BlobSlice(_Bytes(body), 0, len(body))
    response.body = DamagedSlice(body.blob, body.start, body.stop, fault)


def spare(fault: faults.ActiveFault, strike: faults.Strike) -> None:
    """Do not count a strike that would have damaged the answer of a call that has none."""
    if _damages(fault.act):
        faults.withdraw(fault, strike)


def _damages(act: faults.Act) -> bool:
    return act.corrupts or act.cut_after is not None


class _Bytes:
    """Bytes as an open blob."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        yield self._content[start:stop]

    def fileno(self) -> int | None:
        return None

    def close(self) -> None:
        """Do nothing: the bytes are in memory."""


class _WithoutFile:
    """An open blob that carriers read in pieces, since its file has other bytes."""

    def __init__(self, blob: OpenBlob) -> None:
        self.chunks = blob.chunks
        self.close = blob.close

    def fileno(self) -> int | None:
        return None


@dataclass(slots=True)
class DamagedSlice(BlobSlice):
    """Bytes of a blob that a fault cuts off or changes."""

    fault: faults.ActiveFault = field(kw_only=False)

    def __post_init__(self) -> None:
        self.blob = _WithoutFile(self.blob)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes. Raises CutOff in the middle if they are cut off."""
        act = self.fault.act
        left = self.size if act.cut_after is None else act.cut_after
        place = self.size // 2 if act.corrupt_at is None else act.corrupt_at
        place = place % self.size if act.corrupts else -1
        at = 0
        for chunk in self.blob.chunks(self.start, self.stop):
            piece = chunk[: left - at]
            if at <= place < at + len(piece):
                damaged = bytearray(piece)
                damaged[place - at] ^= 1
                piece = bytes(damaged)
            if piece:
                yield piece
            at += len(piece)
            if at == left:
                break
        if act.cut_after is not None:
            raise faults.CutOff(f"the fault {self.fault.name} cuts off the answer")
