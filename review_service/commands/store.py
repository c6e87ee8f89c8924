"""Commands on the store: migrate, check, verify-log, migrate-store."""

from __future__ import annotations

import json

import click

from review_service.commands.refusals import told
from review_service.office import make_office, open_store
from review_service.operation.checks import check_installation
from review_service.operation.moving import move_store
from review_service.operation.verifying import verify_log
from review_service.settings import Settings
from review_service.storage import Store, newest_revision


@click.command()
def migrate() -> None:
    """Bring the tables to the revision of this program, and begin the log of a new store."""
    with told():
        settings = Settings()
        store = open_store(settings)
        before = store.revision()
        store.close()
        make_office(settings).store.close()
    click.echo(f"{before or 'empty'} → {newest_revision()}")


@click.command()
def check() -> None:
    """Name everything that this installation lacks; exit status 1 where there is anything."""
    with told():
        found = check_installation(Settings())
    for finding in found:
        click.echo(str(finding))
    if found:
        raise SystemExit(1)
    click.echo("ok")


@click.command("verify-log")
def verify_the_log() -> None:
    """Verify every event, the tree, all checkpoints and what was sealed; print size and root."""
    with told():
        store = open_store(Settings())
        with store.snapshot() as session:
            report = verify_log(session)
        store.close()
    click.echo(json.dumps(report.record()))


@click.command("migrate-store")
@click.argument("target")
def migrate_store(target: str) -> None:
    """Copy the whole store into the empty database TARGET (a database URL), and verify it there.

    Stop the service first, and start it with REVIEW_DATABASE=TARGET and the same data folder.
    """
    with told():
        source, other = open_store(Settings()), Store(target)
        report = move_store(source, other)
        source.close()
        other.close()
    click.echo(json.dumps(report.record()))
