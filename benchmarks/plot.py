"""A picture of the results of registry.py: the ratio of each pair, and their median.

    python benchmarks/plot.py benchmarks/results/registry.json docs/pictures/speed.svg

Only this script needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
# The same figures make the same file with the same version of matplotlib.
matplotlib.rcParams["svg.hashsalt"] = "moto-ecr-ext"

from matplotlib import pyplot  # noqa: E402

_PAIRS = "#8aa4c8"
_MEDIAN = "#1f3a68"
_TARGET = "#c0392b"
_LEAST_WIDTH = 8
_HEIGHT_OF_A_LINE = 0.34


def draw(document: dict[str, Any], path: Path) -> None:
    """Draw the ratios of all pairs, inverted for seconds, so that a higher ratio is always faster."""
    measures = [each for each in document["measures"] if each["ratios"]][::-1]
    go, ours = document["registries"]
    figure, axes = pyplot.subplots(
        figsize=(_LEAST_WIDTH, 1.5 + _HEIGHT_OF_A_LINE * len(measures)), layout="constrained"
    )
    for line, measure in enumerate(measures):
        ratios = [_times_as_fast(measure, each) for each in measure["ratios"]]
        median = statistics.median(ratios)
        axes.plot([min(ratios), max(ratios)], [line, line], color=_PAIRS, linewidth=1, zorder=1)
        axes.scatter(ratios, [line] * len(ratios), s=14, color=_PAIRS, zorder=2)
        axes.scatter([median], [line], s=60, marker="|", linewidths=2.5, color=_MEDIAN, zorder=3)
        axes.annotate(
            f"{median:.2g}", (max(ratios), line), (6, -3), textcoords="offset points", fontsize=8
        )
        if measure["target"] is not None:
            target = _times_as_fast(measure, measure["target"])
            axes.scatter([target], [line], s=40, marker=".", color=_TARGET, zorder=2)
    axes.set_yticks(range(len(measures)), [each["name"] for each in measures], fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"times as fast as {go}: each pair, median (bar), target (red)", fontsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    rounds = max(len(each["ratios"]) for each in measures)
    figure.suptitle(
        f"{ours} beside {go}, {rounds} pairs, {document['date']}\n"
        + "\n".join(document["machine"][:2]),
        fontsize=8,
    )
    figure.savefig(path, metadata={"Date": None})


def _times_as_fast(measure: dict[str, Any], ratio: float) -> float:
    return 1 / ratio if measure["unit"] == "s" else ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("result", type=Path, help="a file that registry.py --result has written")
    parser.add_argument("picture", type=Path, help="the SVG file to write")
    arguments = parser.parse_args()
    draw(json.loads(arguments.result.read_text()), arguments.picture)


if __name__ == "__main__":
    main()
