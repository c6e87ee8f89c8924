"""Commands: backup and restore."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from review_service.commands.refusals import told
from review_service.office import make_office, open_store
from review_service.operation.backup import make_backup
from review_service.operation.restore import restore_backup
from review_service.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    help="age recipient (age1…): encrypts the backup and puts keys and secrets in. Repeatable.",
)
def backup(file: Path, recipients: tuple[str, ...]) -> None:
    """Write a backup to the new FILE while the service runs; verifies the log on the way.

    REVIEW_BACKUP_RECIPIENTS may name recipients too, separated by spaces.
    """
    named = (*recipients, *os.environ.get("REVIEW_BACKUP_RECIPIENTS", "").split())
    with told():
        settings = Settings()
        office = make_office(settings)
        manifest = make_backup(office, settings, file, named)
        office.store.close()
    if not named:
        click.echo("warning: not encrypted, and without keys and secrets (no recipient)", err=True)
    click.echo(json.dumps({"file": str(file), "log": manifest["log"]}))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--identity",
    "identities",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File with the age secret key of an encrypted backup. Repeatable.",
)
def restore(file: Path, identities: tuple[Path, ...]) -> None:
    """Restore a backup onto an empty store and verify its log; prints size and root."""
    keys = [
        line.strip()
        for path in identities
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("AGE-SECRET-KEY-")
    ]
    with told():
        settings = Settings()
        store = open_store(settings)
        report = restore_backup(store, settings, file, keys)
        store.close()
    click.echo(json.dumps(report.record()))
    if not settings.key_file.exists():
        click.echo(
            f"warning: no signing key; put it into {settings.key_file}, or rotate-key --lost",
            err=True,
        )
