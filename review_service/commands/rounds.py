"""Commands on closed rounds: archive and retention."""

from __future__ import annotations

import json
from pathlib import Path

import click

import allocation
from review_service.commands.refusals import told
from review_service.office import make_office
from review_service.operation import archive_verifier
from review_service.operation import retention as keeping
from review_service.operation.archive import archive_round
from review_service.settings import Settings


@click.command()
@click.argument("round_code", metavar="ROUND")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def archive(round_code: str, file: Path) -> None:
    """Export the closed ROUND to the new FILE: readable and verifiable without this service."""
    with told():
        settings = Settings()
        office = make_office(settings)
        manifest = archive_round(
            office, round_code, file, attachments=settings.data / "attachments"
        )
        office.store.close()
    listed = {key: manifest[key] for key in ("round", "keep_until", "log", "sha256")}
    kept = manifest["attachments"]
    listed["attachments"] = {"files": len(kept), "bytes": sum(one["size"] for one in kept)}
    click.echo(json.dumps(listed, ensure_ascii=False))


@click.command("verify-archive")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def verify_archive(file: Path) -> None:
    """Verify the archive FILE with this service's own programs; exit status 1 where it fails."""
    own = Path(allocation.__file__).parent / "verify.py"
    raise SystemExit(archive_verifier.main([str(file)], own))


@click.command()
def retention() -> None:
    """List each round's end, until when the law has it kept (15 years), and its archive."""
    with told():
        office = make_office(Settings())
        with office.store.reading() as session:
            rows = keeping.report(session, office.tools.clock())
        office.store.close()
    for row in rows:
        end = row.ended.date().isoformat() if row.ended else "-"
        until = row.until.date().isoformat() if row.until else "-"
        due = "  time over: a person decides" if row.due else ""
        archive = row.archive or "not archived"
        click.echo(f"{row.code}  {row.status}  ended {end}  keep until {until}  {archive}{due}")
