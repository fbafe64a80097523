"""A benchmark of ECR's API: stock moto and the extension.

Each variant runs in a separate process (`api_variant.py`), and the variants take turns, round by round.

With --program, another installation of the extension, such as the one before a change, takes stock moto's place.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api_variant import BY_TAG, NO_OP, PAGE, PART_SIZE, PUT_MOVING, PUT_NEW
from common import (
    MIB,
    Figures,
    Rest,
    Target,
    argument_parser,
    completed,
    environment,
    free_port,
    moto_ecr_server_command,
    moto_server_command,
    number,
    print_machine,
    print_table,
    print_targets,
    scratch_directory,
    serving,
)

MOTO = "moto"
EXTENSION = "extension"
ON_DISK = "extension, on disk"

DECORATOR = "under mock_aws"
SERVER = "to a server"

PACKAGES = (
    "moto",
    "moto-ecr-ext",
    "boto3",
    "botocore",
    "SQLAlchemy",
    "Flask",
    "Werkzeug",
)
CALLS = (NO_OP, BY_TAG, PAGE, PUT_NEW, PUT_MOVING)
STEPS = ("import moto", "import moto_ecr_ext", "install()", "first ECR call", "all of these")
DECORATOR_STEPS = ("mock_aws start and stop", "the same with create_repository")

# Seconds. A variant that takes longer hangs.
_LIMIT = 1800


@dataclass(frozen=True)
class Scale:
    """The sizes of the workloads.

    `pages` are two sizes of repositories, between which the cost of a page must not grow. With a server, only the sizes
    `server_sizes` are measured.
    """

    sizes: tuple[int, ...]
    server_sizes: tuple[int, ...]
    pages: tuple[int, int]
    turns: int
    seconds: float
    decorators: int
    parts: int


FULL = Scale((10, 100, 1000, 10000), (10, 1000), (100, 10000), 40, 4, 300, 20)
QUICK = Scale((10, 100, 200), (10,), (100, 200), 3, 0.5, 20, 2)


class Benchmark:
    """All measurements, with their figures and targets."""

    def __init__(self, directory: Path, scale: Scale, rest: Rest, program: Path | None) -> None:
        self._directory = directory
        # The other installations, by the variant whose place they take.
        self._others = {} if program is None else {MOTO: program}
        self._peer = MOTO if program is None else "other"
        self._scale = scale
        self._rest = rest
        self._figures = Figures()

    def measure(self, rounds: int, only: str) -> None:
        """Measure both variants in turn, with measurements named like `only`."""
        measurements = {
            "start": self._measure_start,
            "images": self._measure_images,
            "layers": self._measure_layers,
        }
        for name, measurement in measurements.items():
            if only not in name:
                continue
            print(name, end="", file=sys.stderr, flush=True)
            for _ in range(rounds):
                measurement()
                print(".", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)

    def _measure_start(self) -> None:
        for variant in (MOTO, EXTENSION):
            self._run(variant, "start-up")
        turns = ["--turns", str(self._scale.decorators)]
        for variant in (MOTO, EXTENSION):
            self._run(variant, "decorator", turns)

    def _measure_images(self) -> None:
        for carrier, sizes in (
            (DECORATOR, self._scale.sizes),
            (SERVER, self._scale.server_sizes),
        ):
            arguments = ["--sizes", *map(str, sizes)]
            arguments += ["--turns", str(self._scale.turns), "--seconds", str(self._scale.seconds)]
            for variant in (MOTO, EXTENSION):
                self._run(variant, "images", arguments, carrier)

    def _measure_layers(self) -> None:
        arguments = ["--parts", str(self._scale.parts)]
        for carrier in (DECORATOR, SERVER):
            for variant in (MOTO, EXTENSION, ON_DISK):
                self._run(variant, "layer", arguments, carrier)

    def _run(
        self,
        variant: str,
        measurement: str,
        arguments: Sequence[str] = (),
        carrier: str = DECORATOR,
    ) -> None:
        """Run a measurement of one variant, and record its figures."""
        with (
            scratch_directory(self._directory) as directory,
            self._carried(variant, carrier, directory) as how,
        ):
            self._rest.wait()
            other = self._others.get(variant)
            python = sys.executable if other is None else str(other.with_name("python"))
            for name, figure in _figures_of(python, [measurement, *how, *arguments]).items():
                self._figures.add(f"{carrier}; {name}", variant, figure)

    @contextmanager
    def _carried(self, variant: str, carrier: str, directory: Path) -> Iterator[list[str]]:
        """Yield the arguments that name the variant to `api_variant.py`, while its server runs, if it needs one."""
        other = self._others.get(variant)
        data_dir = directory / "data" if variant == ON_DISK else None
        if carrier == DECORATOR:
            how = [] if variant == MOTO and not other else ["--extension"]
            yield how if data_dir is None else [*how, "--data-dir", str(data_dir)]
            return
        port = free_port()
        command = moto_ecr_server_command(port, data_dir)
        if other is not None:
            command[0] = str(other)
        elif variant == MOTO:
            command = moto_server_command(port)
        with serving(command, port, directory / "log") as server:
            yield ["--endpoint", server.url, "--server-pid", str(server.pid)]

    def print_figures(self) -> None:
        self._print_start()
        self._print_images()
        self._print_layers()

    def _print_start(self) -> None:
        print_table(
            "Start, ms (boto3 imported before)",
            ("", self._peer, "extension", "ratio"),
            [self._row(DECORATOR, step, step) for step in (*STEPS, *DECORATOR_STEPS)],
        )
        print_table(
            "SQLAlchemy is imported (1: yes) after",
            ("", "extension"),
            [
                (moment, number(self._sqlalchemy(moment)))
                for moment in ("install()", "an empty mock_aws", "a call of ECR")
            ],
        )

    def _sqlalchemy(self, moment: str) -> float | None:
        return self._median(DECORATOR, f"sqlalchemy after {moment}", EXTENSION)

    def _print_images(self) -> None:
        for carrier, sizes in (
            (DECORATOR, self._scale.sizes),
            (SERVER, self._scale.server_sizes),
        ):
            print_table(
                f"Calls {carrier}, ms",
                ("", self._peer, "extension", "ratio"),
                [
                    self._row(carrier, f"{call}; {size}", f"{call}; {size:,} images")
                    for call in CALLS
                    for size in sizes
                ],
            )

    def _row(self, carrier: str, name: str, title: str) -> tuple[str, str, str, str]:
        return (
            title,
            number(self._median(carrier, name, MOTO)),
            number(self._median(carrier, name, EXTENSION)),
            number(self._figures.ratio(f"{carrier}; {name}", EXTENSION, MOTO)),
        )

    def _print_layers(self) -> None:
        size = self._scale.parts * PART_SIZE // MIB
        print_table(
            f"A layer of {size} MiB through the API, in parts of {PART_SIZE // MIB} MiB",
            ("", "MB/s", f"x {self._peer}", "memory grows by MiB"),
            [
                (
                    f"{self._peer if variant == MOTO else variant}, {carrier}",
                    number(self._median(carrier, "MB/s", variant)),
                    number(self._figures.ratio(f"{carrier}; MB/s", variant, MOTO)),
                    number(self._median(carrier, "MiB", variant)),
                )
                for carrier in (DECORATOR, SERVER)
                for variant in (MOTO, EXTENSION, ON_DISK)
            ],
        )

    def _median(self, carrier: str, name: str, variant: str) -> float | None:
        return self._figures.median(f"{carrier}; {name}", variant)

    def targets(self) -> list[Target]:
        small, large = self._scale.pages
        page_of_large = f"{PAGE}; {large}"
        page_ratio = self._ratio(page_of_large, f"{PAGE}; {small}")
        page = self._median(DECORATOR, page_of_large, EXTENSION)
        return [
            Target(f"page of 100: from {large:,} / from {small:,}", page_ratio, "at most", 1.5),
            Target(f"page of 100 from {large:,}, ms", page, "at most", 4),
            *(
                Target(
                    f"by tag / no-op call; {size:,} images",
                    self._ratio(f"{BY_TAG}; {size}", f"{NO_OP}; {size}"),
                    "at most",
                    1.2,
                )
                for size in self._scale.sizes
            ),
            Target(
                f"layer {DECORATOR}: extension / moto",
                self._figures.ratio(f"{DECORATOR}; MB/s", EXTENSION, MOTO),
                "at least",
                1.8,
            ),
            *(
                Target(
                    f"memory of a layer, {variant}, {carrier}, MiB",
                    self._median(carrier, "MiB", variant),
                    "at most",
                    bound,
                )
                for carrier in (DECORATOR, SERVER)
                for variant, bound in ((EXTENSION, 260), (ON_DISK, 65))
            ),
            Target(
                "mock_aws start and stop: extension / moto",
                self._figures.ratio(f"{DECORATOR}; {DECORATOR_STEPS[0]}", EXTENSION, MOTO),
                "at most",
                1.1,
            ),
            Target(
                "SQLAlchemy imported by install() and an empty mock_aws (1: yes)",
                self._sqlalchemy("an empty mock_aws"),
                "at most",
                0,
            ),
        ]

    def _ratio(self, name: str, other: str) -> float | None:
        return self._figures.ratio_between(
            (f"{DECORATOR}; {name}", EXTENSION), (f"{DECORATOR}; {other}", EXTENSION)
        )


def _figures_of(python: str, arguments: Sequence[str]) -> dict[str, float]:
    """Return the figures of a run of `api_variant.py` by an interpreter. Raises CalledProcessError if it fails."""
    script = Path(__file__).with_name("api_variant.py")
    ran = subprocess.run(
        [python, str(script), *arguments],
        stdout=subprocess.PIPE,
        env=environment(),
        check=True,
        timeout=_LIMIT,
    )
    figures: dict[str, float] = json.loads(ran.stdout)
    return figures


def main(arguments: argparse.Namespace) -> None:
    rest = Rest(arguments.patience)
    with scratch_directory(arguments.directory) as directory:
        print_machine(directory, PACKAGES, ())
        print(f"medians of {arguments.rounds} rounds, variants taking turns")
        scale = QUICK if arguments.quick else FULL
        benchmark = Benchmark(directory, scale, rest, arguments.program)
        benchmark.measure(arguments.rounds, arguments.only)
    benchmark.print_figures()
    if arguments.program is None:
        print_targets(benchmark.targets())
    rest.print_summary()


if __name__ == "__main__":
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--program",
        type=Path,
        metavar="PATH",
        help="the moto_ecr_server of another installation, measured in the place of stock moto",
    )
    main(completed(parser.parse_args()))
