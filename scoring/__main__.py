"""The command line: `python -m scoring {fit,reliability,select,flags,simulate,design}`.

Exit status: 0 done; 1 refused, with one sentence on standard error that names file, line and
column where there are any; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scoring.ratings import Ratings
    from scoring.settlement import Settlement

REFUSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ScoringError as error:
        return _refused(str(error))
    except UnicodeDecodeError as error:
        return _refused(f"the file is not UTF-8 text: {error.reason} at byte {error.start}")
    except OSError as error:
        return _refused(f"{error.filename or options.command}: {error.strerror or error}")
    return 0


def _refused(sentence: str) -> int:
    print(f"scoring: {' '.join(sentence.split())}", file=sys.stderr)
    return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scoring", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    fit = commands.add_parser("fit", help="quality, leniency and chances from a CSV of ratings")
    _ratings_options(fit)
    fit.add_argument("--top", type=int, metavar="K", help="places that p_top speaks of")
    fit.add_argument("--noise", choices=("common", "expert", "auto"), default="auto")
    fit.add_argument("--draws", type=int, help="posterior draws (default: at least 200)")
    fit.add_argument("--seed", type=int, default=0)
    fit.set_defaults(run=_fit)
    reliability = commands.add_parser("reliability", help="ICC, alpha, W, kappa, separation")
    _ratings_options(reliability)
    reliability.set_defaults(run=_reliability)
    flags = commands.add_parser("flags", help="places for an inspector to look")
    _ratings_options(flags)
    flags.add_argument("--fit", type=Path, required=True, metavar="FIT.json")
    flags.add_argument(
        "--chapter", action="append", default=[], metavar="COL", help="chapter scores, for halo"
    )
    flags.set_defaults(run=_flags)
    select = commands.add_parser("select", help="the list under gates, minima, quotas and zone")
    select.add_argument("fit", type=Path, metavar="FIT.json")
    select.add_argument("--rules", type=Path, required=True, metavar="RULES.toml")
    select.add_argument("--dossiers", type=Path, help="facts, instead of the rules' own file")
    select.add_argument("--settlement", type=Path, help="what was settled, as settlement/v1")
    select.add_argument(
        "--order", type=Path, action="append", default=[], help="result of a draw `order`"
    )
    select.set_defaults(run=_select)
    simulate = commands.add_parser("simulate", help="the methods on rounds with a known truth")
    simulate.add_argument("--rounds", type=int, default=100)
    simulate.add_argument("--seed", type=int, default=0)
    simulate.add_argument("--top", type=int, default=31, metavar="K")
    simulate.set_defaults(run=_simulate)
    _design_options(commands.add_parser("design", help="what a plan of reviews can tell apart"))
    for command in (fit, reliability, flags, select):
        command.add_argument("--out", type=Path, help="file to write (default: standard output)")
    return parser


def _ratings_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("ratings", type=Path, metavar="RATINGS.csv", help="one rating a row")
    command.add_argument("--dossier", required=True, metavar="COL")
    command.add_argument("--reviewer", metavar="COL", help="omit where experts are not known")
    command.add_argument("--score", required=True, metavar="COL")


def _design_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("pairs", type=Path, metavar="PAIRS.csv", help="one planned review a row")
    command.add_argument("--dossier", default="dossier", metavar="COL")
    command.add_argument("--reviewer", default="reviewer", metavar="COL")
    command.add_argument("--fit", type=Path, help="take the variances from an earlier fit")
    command.add_argument("--reviewer-variance", type=float, help="assumed variance of leniency")
    command.add_argument("--residual-variance", type=float, help="assumed variance of noise")
    command.add_argument("--add", type=int, default=5, help="further reviews to propose")
    command.add_argument("--most", type=int, help="dossiers an expert may have at most")
    command.add_argument("--forbidden", type=Path, help="CSV of pairs in conflict")
    command.add_argument("--out", type=Path, help="file to write (default: standard output)")
    command.set_defaults(run=_design)


def _read_ratings(options: argparse.Namespace, score: str | None = None) -> Ratings:
    from scoring.ratings import Ratings

    return Ratings.from_csv(
        options.ratings,
        dossier=options.dossier,
        reviewer=options.reviewer,
        score=score or options.score,
    )


def _fit(options: argparse.Namespace) -> None:
    from scoring.fit import fit

    ratings = _read_ratings(options)
    found = fit(
        ratings, top=options.top, noise=options.noise, draws=options.draws, seed=options.seed
    )
    _write(found.record(), options.out)


def _reliability(options: argparse.Namespace) -> None:
    from scoring.reliability import reliability

    _write(reliability(_read_ratings(options)), options.out)


def _flags(options: argparse.Namespace) -> None:
    from scoring.flags import flags

    chapters = {name: _read_ratings(options, name) for name in options.chapter}
    report = flags(_read_ratings(options), _read_json(options.fit), chapters=chapters)
    _write(report, options.out)


def _select(options: argparse.Namespace) -> None:
    from scoring.candidates import Candidate, needs_facts, read_candidates
    from scoring.rubric import load_rubric
    from scoring.rules import Rules
    from scoring.selection import select

    rules = Rules.from_toml(options.rules)
    beside = options.rules.parent
    record = _read_json(options.fit)
    rubric = None
    if rules.rubric is not None:
        is_file = Path(rules.rubric).suffix != ""
        rubric = load_rubric(beside / rules.rubric if is_file else rules.rubric)
    facts = options.dossiers or (beside / rules.dossiers if rules.dossiers else None)
    if facts is not None:
        candidates = read_candidates(facts, rules, rubric)
    elif needs_facts(rules):
        message = "the rules look at facts of the dossiers: name their CSV with --dossiers"
        raise ScoringError("facts", message)
    else:
        candidates = tuple(Candidate(str(entry["id"])) for entry in record.get("dossiers", []))
    selection = select(record, rules, candidates, _settlement(options))
    _write_bytes(selection.canonical(), options.out)
    for draw_id in selection.record()["unused_orders"]:
        print(f"unused: draw {draw_id} is not about what is open", file=sys.stderr)
    if selection.open is not None:
        matter = selection.open
        seats = "each by itself" if matter.take is None else f"{matter.take} to be taken"
        print(
            f"open: {matter.matter} of {len(matter.ids)} dossiers, {seats}, by {matter.how}",
            file=sys.stderr,
        )


def _settlement(options: argparse.Namespace) -> Settlement:
    from dataclasses import replace

    from scoring.settlement import FORMAT, Order, Settlement

    settled = Settlement()
    if options.settlement is not None:
        settled = Settlement.from_record(_read_json(options.settlement))
    drawn: list[Order] = []
    for path in options.order:
        result = _read_json(path)
        entry = {name: result.get(name) for name in ("draw_id", "order")}
        drawn += Settlement.from_record({"format": FORMAT, "orders": [entry]}).orders
    return replace(settled, orders=(*settled.orders, *drawn))


def _simulate(options: argparse.Namespace) -> None:
    # Small systems: threads of the linear algebra would cost more than they give.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from scoring.simulate import simulate, table

    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} rounds", end="", file=sys.stderr, flush=True)

    print(table(simulate(options.rounds, options.seed, top=options.top, progress=progress)))


def _design(options: argparse.Namespace) -> None:
    from scoring.design import Assumed, design
    from scoring.design_graph import Plan

    variance: dict[str, Any] = {}
    if options.fit is not None:
        variance = _read_json(options.fit).get("variance") or {}
    given = {"reviewer": options.reviewer_variance, "residual": options.residual_variance}
    for name, value in given.items():
        chosen = variance.get(name) if value is None else value
        if chosen is None:
            message = f"the {name} variance is not known: give --{name}-variance, or --fit with one"
            raise ScoringError("variance", message, name=name)
        given[name] = float(chosen)
    plan = Plan.from_pairs(_read_pairs(options.pairs, options.dossier, options.reviewer))
    forbidden = []
    if options.forbidden is not None:
        forbidden = _read_pairs(options.forbidden, options.dossier, options.reviewer)
    report = design(plan, Assumed(**given), add=options.add, most=options.most, forbidden=forbidden)
    _write(report, options.out)


def _read_pairs(path: Path, dossier: str, reviewer: str) -> list[tuple[str, str]]:
    """Return the pairs of a CSV with a header; ScoringError names the line and the column."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        for name in (dossier, reviewer):
            if header.count(name) != 1:
                message = f"{path}, line 1: the column {name!r} must stand there exactly once"
                raise ScoringError("column", message, column=name, line=1)
        places = [header.index(dossier), header.index(reviewer)]
        pairs = []
        for row in reader:
            for name, place in zip((dossier, reviewer), places, strict=True):
                if row and (place >= len(row) or not row[place].strip()):
                    line = reader.line_num
                    message = f"{path}, line {line}, column {name!r}: the id is empty"
                    raise ScoringError("empty_id", message, line=line, column=name)
            if row:
                pairs.append((row[places[0]].strip(), row[places[1]].strip()))
    return pairs


def _read_json(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file; ScoringError "json" names line and column."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        message = f"{path}, line {error.lineno}, column {error.colno}: {error.msg}"
        raise ScoringError("json", message, line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise ScoringError("json", f"{path}: is nested too deeply") from None
    if not isinstance(value, dict):
        raise ScoringError("json", f"{path}: must hold an object")
    return value


def _write(record: Any, path: Path | None) -> None:
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    _write_bytes(f"{text}\n".encode(), path)


def _write_bytes(data: bytes, path: Path | None) -> None:
    if path is None:
        sys.stdout.buffer.write(data)
    else:
        path.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
