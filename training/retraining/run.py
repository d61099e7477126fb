"""One retraining from its first stage to its last, or from wherever an earlier try stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detection.detectors.manifest import ModelManifest, select_manifests
from training.atomic import write_file
from training.data.following import showing
from training.data.versions import load_version
from training.fitting.progress import Display
from training.fitting.stages import train_run
from training.record import read_record
from training.retraining.build import build_data, read_built
from training.retraining.candidate import put_candidate, read_candidate
from training.retraining.compare import PhotoSet, answer_set, compare_nothing, compare_set
from training.retraining.errors import naming_full_disk
from training.retraining.estimate import expect_seconds
from training.retraining.journal import Journal
from training.retraining.order import Order
from training.retraining.photo_sets import list_sets, read_flights
from training.retraining.plan import find_against, plan_training, read_original
from training.retraining.replay import Replay, find_replay
from training.retraining.report import REPORT_JSON, REPORT_PAGE, write_report
from training.retraining.start import find_start, read_started
from training.retraining.watch import WatchedDisplay
from training.settings import REPOSITORY_DIR, RUNS_DIR, TrainingSettings


class Retraining:
    """The stages of one order in one run folder; each is done once."""

    def __init__(self, order: Order, run_dir: Path, journal: Journal, display: Display) -> None:
        """Find out what the order means here."""
        self.order, self.run_dir, self.journal, self.display = order, run_dir, journal, display
        self.running = find_against(order)
        self.original = read_original(order, self.running)
        self.replay = Replay()
        if order.replay:
            kinds = order.settings.replay
            self.replay = find_replay(self.original, order.shared_dir, kinds)

    def do(self) -> Mapping[str, Any]:
        """Do what is left to do; return the report.

        Raises:
            HazardLensError: a stage could not be done; the record says which and why.
        """
        stages = {
            "build": self._build,
            "start": self._start,
            "train": self._train,
            "evaluate": self._evaluate,
            "compare": self._compare,
            "report": self._report,
        }
        try:
            with naming_full_disk(self.run_dir), showing(self._show):
                for name, do_stage in stages.items():
                    if self.journal.is_done(name):
                        continue
                    with self.journal.stage(name):
                        do_stage()
                report = dict(json.loads((self.run_dir / REPORT_JSON).read_text("utf-8")))
                self.journal.finish(_tell_result(self.order, report))
        except BaseException as error:
            self.journal.fail(error)
            raise
        return report

    @property
    def version(self) -> Path:
        """The data version of the run."""
        return Path(read_built(self.run_dir)["folder"])

    @property
    def settings(self) -> TrainingSettings:
        """The configuration of the training."""
        start = Path(read_started(self.run_dir)["path"])
        return plan_training(self.order, self.original, self.replay, self.version, start)

    def _show(self, what: str, done: int, total: int) -> None:
        self.journal.tell(what, done, total)

    def _build(self) -> None:
        built = build_data(self.order, self.run_dir, self.original, self.replay)
        # A flight that was learnt from is refused now, not after the training.
        read_flights(self.order, self.version, self.original, self.run_dir)
        counts = built["counts"]
        sides = ", ".join(f"{side} {row['photos']}" for side, row in counts.items())
        self.journal.say(f"Data version {built['version']}: {sides}.")
        self.journal.expect(expect_seconds(self.order, self.original, counts, self.replay))

    def _start(self) -> None:
        photos = load_version(self.version)
        told = find_start(self.order, self.running, self.run_dir, photos)
        self.journal.say(f"Starting from the {told['kind']} of {self.running.version}.")

    def _train(self) -> None:
        folder = self.run_dir / "training"
        record = folder / "run.json"
        if record.is_file() and read_record(folder).get("state") == "trained":
            return  # killed between the last epoch and the note of it
        shared_dir = self.order.shared_dir or REPOSITORY_DIR
        watched = WatchedDisplay(folder, self.journal, self.display)
        train_run(self.settings, lambda: shared_dir, folder, watched)

    def _evaluate(self) -> None:
        manifest = put_candidate(self.order, self.run_dir, self.settings, self.running)
        self.journal.say(f"{manifest.name}@{manifest.version} is {manifest.status}.")

    def _compare(self) -> None:
        (self.run_dir / "compare").mkdir(exist_ok=True)
        sets = list_sets(self.order, self.run_dir, self.version, self.original, self.replay)
        models = (self.running, self._candidate())
        done = [self._compare_one(one, models, index, len(sets)) for index, one in enumerate(sets)]
        text = json.dumps(done, indent=1, ensure_ascii=False)
        write_file(self.run_dir / "compare.json", text.encode())

    def _compare_one(
        self,
        one: PhotoSet,
        models: tuple[ModelManifest, ModelManifest],
        index: int,
        count: int,
    ) -> dict[str, Any]:
        """Compare on one set, or take what an earlier sitting found."""
        path = self.run_dir / "compare" / f"{index}-{one.key.replace(':', '-')}.json"
        if path.is_file():
            return dict(json.loads(path.read_text(encoding="utf-8")))
        total, seen = 2 * len(one.photos), 0

        def tell() -> None:
            nonlocal seen
            seen += 1
            self.journal.tell("sets", index + seen / max(1, total), count)

        if one.photos:
            tallies = [answer_set(model, one.photos, tell) for model in models]
            found = compare_set(one, tallies[0], tallies[1], models, self.order.settings)
        else:
            found = compare_nothing(one)
        write_file(path, json.dumps(found, indent=1, ensure_ascii=False).encode())
        self.journal.say(f"{one.title.en}: {found['verdict']['sentence']['en']}")
        return found

    def _candidate(self) -> ModelManifest:
        version = read_candidate(self.run_dir)["version"]
        return select_manifests((f"{self.order.model}@{version}",), self.order.models_dir)[0]

    def _report(self) -> None:
        sets: Sequence[Mapping[str, Any]] = json.loads(
            (self.run_dir / "compare.json").read_text(encoding="utf-8")
        )
        stages = self.journal.document["stages"]
        models = (self.running, self._candidate())
        report = write_report(self.order, self.run_dir, models, sets, stages)
        self.journal.say(report["verdict"]["sentence"]["en"])


def _tell_result(order: Order, report: Mapping[str, Any]) -> dict[str, Any]:
    version = report["candidate"]["version"]
    return {
        "model": f"{order.model}@{version}",
        "version": version,
        "status": "candidate",
        "verdict": report["verdict"]["code"],
        "report": REPORT_JSON,
        "page": REPORT_PAGE,
    }


def name_run(model: str, stamp: str) -> Path:
    """Return where a run goes that nobody gave a folder."""
    return RUNS_DIR / f"retrain-{model}-{stamp}"
