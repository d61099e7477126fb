"""How well added storeys are found: rendered pairs of flights, a real one, and single photos.

``make bench-change``. Tables first, one JSON object as the last line. Rendered pairs are no part
of the repository: those that are missing in ``--pairs-dir`` are rendered from their seeds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tests.bench.change_pairs import measure_pairs, sort_results
from tests.bench.change_tables import say, say_pair, say_rendered
from tests.bench.change_tally import summarize
from tests.bench.lifted_roof import measure_lifted_roof, measure_no_change
from tests.bench.single_photo import measure_single_photo

PAIRS = 20


def read_arguments() -> argparse.Namespace:
    """Return how many pairs, where they lie, and how many are compared at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--pairs-dir", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Measure and write."""
    asked = read_arguments()
    with tempfile.TemporaryDirectory() as name:
        results = []
        folder = asked.pairs_dir or Path(name)
        for result in measure_pairs(folder, asked.pairs, asked.processes):
            say_pair(result)
            results.append(result)
    results = sort_results(results)
    say_rendered(results)
    rows = [row for result in results for row in result.rows]
    document = {
        "rendered": summarize(rows, len(results)),
        "real_no_change": measure_no_change(),
        "lifted_roof_found": measure_lifted_roof(),
        "single_photo": measure_single_photo(),
    }
    say(json.dumps(document))


if __name__ == "__main__":
    main()
