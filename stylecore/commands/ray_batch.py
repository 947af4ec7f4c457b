"""The option --ray of `stylize`: photos painted by several processes, on one machine or many (Ray Data)."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path

from stylecore.commands.batch import Batch
from stylecore.commands.console import BAD_INPUT, FAILED, OK, UsageError, progress
from stylecore.commands.files import STANDARD_STREAM, Location, Sources
from stylecore.commands.journal import Journal, photo_key, settings_key
from stylecore.commands.parsing import count
from stylecore.commands.style_choice import ChosenStyles
from stylecore.commands.where import Where
from stylecore.errors import StyleTransferError
from stylecore.host.cgroups import THREADS_VARIABLE, thread_limit
from stylecore.host.extras import import_extra
from stylecore.images.metadata import SOFTWARE
from stylecore.serving.local_ray import LOCAL, running_ray

# Options that change the paintings; styles and parts are added as they were read.
LOOK_OPTIONS = (
    *("strength", "preserve_color", "stroke_scale", "stroke_size", "max_side", "fast"),
    *("steadiness", "start", "end"),
)
RETRIES = 1  # of a photo whose process ended while it was painted


def add_ray(parser: argparse.ArgumentParser) -> None:
    ray = parser.add_argument_group("many photos")
    ray.add_argument(
        "--ray",
        action="store_true",
        help="paint in several processes (Ray Data); begun again, it goes on where it ended",
    )
    ray.add_argument(
        "--workers", type=count, metavar="N", help="processes (default: one for each processor core)"
    )
    ray.add_argument(
        "--worker-gpus", type=float, default=0.0, metavar="SHARE", help="share of a GPU of each (default: 0)"
    )
    ray.add_argument(
        "--cluster",
        default=LOCAL,
        metavar="ADDRESS",
        help="address of a Ray cluster whose machines share the folders (default: this machine)",
    )


def check_ray(options: argparse.Namespace) -> None:
    """Refuses what --ray cannot use, before any work is done.

    Raises:
        UsageError: Standard streams, or options that do nothing without --ray.
        MissingExtraError: Ray is not installed.
    """
    if not options.ray:
        if options.workers or options.worker_gpus or options.cluster != LOCAL:
            raise UsageError("--workers, --worker-gpus and --cluster do nothing without --ray")
        return
    if STANDARD_STREAM in (*options.photos, options.output):
        raise UsageError("--ray paints files: name a file instead of -")
    if not 0 <= options.worker_gpus <= 1:
        raise UsageError(f"--worker-gpus is {options.worker_gpus:g}: use 0 to 1")
    import_extra("ray")


@dataclass(frozen=True)
class Task:
    """A photo or clip to paint, and the key under which the journal has it."""

    source: Location
    output: Path
    is_clip: bool
    key: str


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        place: Of the task in the list of all.
        picture: Report of the painting; None if there is none.
        device: Where it was painted.
        error: Why it was not painted.
        status: Exit status that the error leads to.
        is_end: Whether no further photo can be painted.
    """

    place: int
    picture: dict | None = None
    device: str = ""
    error: str = ""
    status: int = OK
    is_end: bool = False


class Worker:
    """Paints photos in a process of its own."""

    def __init__(
        self,
        options: argparse.Namespace,
        styles: ChosenStyles,
        where: Where,
        tasks: Sequence[Task],
        threads: int,
    ) -> None:
        os.environ[THREADS_VARIABLE] = str(threads)
        self._batch = Batch(options, styles, Sources([], [], []), where)
        self._tasks = tasks
        self._journals = {task.output.parent: Journal(task.output.parent) for task in tasks}

    def __call__(self, row: dict) -> dict:
        return {"outcome": json.dumps(asdict(self.paint(int(row["place"]))))}

    def paint(self, place: int) -> Outcome:
        """Paints a task and notes it in the journal."""
        task, batch = self._tasks[place], self._batch
        batch.done, batch.failed, batch.status = [], [], OK
        try:
            goes_on = batch.paint(task.source, task.output, is_clip=task.is_clip)
        except StyleTransferError as error:  # of the installation
            return Outcome(place, error=str(error), status=FAILED, is_end=True)
        if batch.failed:
            error = batch.failed[0]["error"]
            return Outcome(place, error=error, status=batch.status, is_end=not goes_on)
        self._journals[task.output.parent].note(task.key, batch.done[0])
        return Outcome(place, batch.done[0], batch.device)


def paint_on_ray(batch: Batch, outputs: Sequence[Path], clips: Collection[Location]) -> None:
    """Paints the photos of a batch with Ray Data, and collects in it what was painted and what failed.

    Args:
        batch: The photos and settings.
        outputs: Where each painting goes.
        clips: Sources that are painted as clips.
    """
    settings = _settings(batch)
    tasks = [
        Task(source, output, source in clips, photo_key(source, output, settings))
        for source, output in zip(batch.sources, outputs, strict=True)
    ]
    tasks = _without_sources(batch, tasks)
    done: dict[str, dict] = {}
    for folder in {task.output.parent for task in tasks}:
        done |= Journal(folder).read()
    earlier = [done[task.key] for task in tasks if task.key in done]
    tasks = [task for task in tasks if task.key not in done]
    batch.done += earlier
    if earlier:
        progress(f"{len(earlier)} of {len(earlier) + len(tasks)} were painted by an earlier run")
    if not tasks:
        return
    left = dict(enumerate(tasks))
    try:
        for outcome in _outcomes(batch, tasks):
            task = left.pop(outcome.place)
            if outcome.picture is not None:
                batch.device = outcome.device
                batch.note_done(outcome.picture)
            else:
                batch.note_error(task.source, outcome.error, outcome.status)
            if outcome.is_end:
                return
    except KeyboardInterrupt:
        error = f"interrupted with {len(left)} left: the same command goes on where this one ended"
        batch.note_error(next(iter(left.values())).source, error, FAILED)
        return
    for task in left.values():
        batch.note_error(task.source, "its process ended twice while it was painted", FAILED)


def _outcomes(batch: Batch, tasks: Sequence[Task]) -> Iterator[Outcome]:
    """Outcomes of tasks as they come; those whose process ended twice have none."""
    options = batch.options
    cores = thread_limit() or os.cpu_count() or 1
    workers = min(options.workers or cores, len(tasks))
    threads = max(1, cores // workers)
    cpus = max(cores, workers) if options.cluster == LOCAL else None
    # Ray prints news of lost workers, where the report of --json belongs.
    with redirect_stdout(sys.stderr), running_ray(options.cluster, cpus=cpus):
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # a photo that no process survives does not end the others
        rows = [{"place": place} for place in range(len(tasks))]
        photos = ray.data.from_items(rows, override_num_blocks=len(rows))
        with warnings.catch_warnings():
            # Ray 2.60 announces that the last two arguments will go in 2.64, and has nothing else for them.
            warnings.simplefilter("ignore")
            results = photos.map(
                Worker,
                fn_constructor_args=(options, batch.styles, batch.where, tasks, threads),
                compute=ray.data.ActorPoolStrategy(size=workers),
                num_cpus=1,
                num_gpus=options.worker_gpus or None,
                max_restarts=-1,
                max_task_retries=RETRIES,
            )
        for row in results.iter_rows():
            yield Outcome(**json.loads(row["outcome"]))


def _without_sources(batch: Batch, tasks: list[Task]) -> list[Task]:
    """Tasks whose paintings overwrite no file that is read; the others are reported."""
    read = {os.path.realpath(source) for source in (*batch.sources, *batch.styles.files, *batch.where.files)}
    good = []
    for task in tasks:
        if os.path.realpath(task.output) not in read:
            good.append(task)
            continue
        error = f"{task.output} is one of the pictures that are read: choose another output"
        batch.note_error(task.source, error, BAD_INPUT)
    return good


def _settings(batch: Batch) -> str:
    """A checksum of what all paintings of a batch depend on."""
    where = batch.where
    chosen = [batch.styles, *([where.elsewhere] if where.elsewhere else [])]
    return settings_key(
        {
            "software": SOFTWARE,
            "look": {name: getattr(batch.options, name) for name in LOOK_OPTIONS},
            "styles": [
                sorted((style.sha256, weight) for style, weight in each.weights.items()) for each in chosen
            ],
            "part": [str(where.part), where.is_cut_out],
            "files": [photo_key(path, path, "") for path in where.files],
        }
    )
