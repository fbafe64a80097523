"""The results of registry.py: tables, targets, and a file of all figures."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common import Figures, Rest, Target, number, print_table
from registries import GO, OURS
from registry_client import Run

# MiB that the server may use beyond its idle memory.
_MEMORY_BOUND = 64


@dataclass(frozen=True)
class Measure:
    """A measure: MB or requests in a second, or seconds.

    `bound` is the target of the ratio to the Go registry, if any: a maximum for seconds, otherwise a minimum.
    """

    name: str
    unit: Literal["MB/s", "requests/s", "s"]
    bound: float | None = None

    def figure(self, amount: float, seconds: float) -> float:
        """Return the figure for an amount, in bytes or requests, and its seconds."""
        if self.unit == "s":
            return seconds
        return amount / seconds / (1e6 if self.unit == "MB/s" else 1)

    def target(self, ratio: float | None) -> Target | None:
        if self.bound is None:
            return None
        what = f"{self.name}: ratio of {self.unit}"
        return Target(what, ratio, "at most" if self.unit == "s" else "at least", self.bound)


class Results:
    """The figures of both registries, and further facts about them."""

    def __init__(self) -> None:
        self._measures: dict[str, Measure] = {}
        self._figures = Figures()
        self._processor_seconds = Figures()
        self._of_clients = Figures()
        self._reconnections = Figures()
        self._memory = Figures()
        self._transfers: dict[str, None] = {}

    def add(
        self, measure: Measure, whose: str, amount: float, run: Run, processor_seconds: float
    ) -> None:
        self._measures[measure.name] = measure
        self._figures.add(measure.name, whose, measure.figure(amount, run.seconds))
        self._processor_seconds.add(measure.name, whose, processor_seconds)
        self._of_clients.add(measure.name, whose, run.processor_seconds)
        self._reconnections.add(measure.name, whose, run.reconnections)

    def add_memory(self, transfer: str, whose: str, growth: float) -> None:
        self._transfers[transfer] = None
        self._memory.add(transfer, whose, growth)

    def print_tables(self) -> None:
        measures = self._measures.values()
        print_table(
            "Speed: medians, and the least and most of all rounds",
            ("", "", GO, "from", "to", OURS, "from", "to", "ratio", "from", "to"),
            [
                (
                    each.name,
                    each.unit,
                    *_spread(self._figures.rounds(each.name, GO)),
                    *_spread(self._figures.rounds(each.name, OURS)),
                    *_spread(self._figures.ratios(each.name, OURS, GO)),
                )
                for each in measures
            ],
        )
        print_table(
            "Ratio of each pair, in the order of the rounds",
            ("", "ratios"),
            [
                (
                    each.name,
                    "  ".join(map(number, self._figures.ratios(each.name, OURS, GO))) or "-",
                )
                for each in measures
            ],
        )
        print_table(
            "What that took: seconds of processors in the server and its clients, connections made again",
            (
                "",
                *(GO, OURS),
                *(f"{GO}, clients", f"{OURS}, clients"),
                *(f"{GO}, made again", f"{OURS}, made again"),
            ),
            [
                (
                    name,
                    *self._both(self._processor_seconds, name),
                    *self._both(self._of_clients, name),
                    *self._both(self._reconnections, name),
                )
                for name in self._measures
            ],
        )
        print_table(
            "Memory of the server at most, MiB more than when it was idle",
            ("", GO, OURS),
            [(transfer, *self._both(self._memory, transfer)) for transfer in self._transfers],
        )

    def write(self, path: Path, machine: Sequence[str], rest: Rest) -> None:
        """Write all figures as JSON. A pair has the figures of both registries in one round."""
        document = {
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": list(machine),
            "starts": rest.starts,
            "starts on a busy machine": rest.disturbed,
            "registries": [GO, OURS],
            "measures": [
                {
                    "name": each.name,
                    "unit": each.unit,
                    "target": each.bound,
                    "figures": self._of_both(self._figures, each.name),
                    "ratios": self._figures.ratios(each.name, OURS, GO),
                    "processor seconds": self._of_both(self._processor_seconds, each.name),
                    "processor seconds of the clients": self._of_both(self._of_clients, each.name),
                }
                for each in self._measures.values()
            ],
            "memory, MiB": {
                transfer: self._of_both(self._memory, transfer) for transfer in self._transfers
            },
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_rounded(document), indent=1) + "\n")

    def _of_both(self, figures: Figures, name: str) -> dict[str, list[float]]:
        return {whose: figures.rounds(name, whose) for whose in (GO, OURS)}

    def _both(self, figures: Figures, name: str) -> tuple[str, str]:
        return number(figures.median(name, GO)), number(figures.median(name, OURS))

    def targets(self) -> list[Target]:
        speed = [
            measure.target(self._figures.ratio(measure.name, OURS, GO))
            for measure in self._measures.values()
        ]
        memory = [
            Target(
                f"memory, {transfer}, MiB",
                self._memory.median(transfer, OURS),
                "at most",
                _MEMORY_BOUND,
            )
            for transfer in self._transfers
        ]
        return [*filter(None, speed), *memory]


def _spread(figures: Sequence[float]) -> tuple[str, str, str]:
    if not figures:
        return "-", "-", "-"
    return number(statistics.median(figures)), number(min(figures)), number(max(figures))


def _rounded(value: object) -> object:
    """Return a document with four significant digits in each figure, which makes it short."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value
