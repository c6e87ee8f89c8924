"""Command: rotate-key."""

from __future__ import annotations

import click

from allocation.checkpoint import open_note
from review_service.commands.refusals import told
from review_service.office import make_office
from review_service.operation.rotation import rotate_key
from review_service.settings import Settings
from review_service.workflows.log import all_keys


@click.command("rotate-key")
@click.option("--lost", is_flag=True, help="The key in force is lost and can't sign once more.")
def rotate(*, lost: bool) -> None:
    """Put a new signing key of the log in force; running processes follow by themselves.

    Prints the new verifier key, to be published beside the old one.
    """
    with told():
        office = make_office(Settings())
        row = rotate_key(office, lost=lost)
        with office.store.reading() as session:
            opened = open_note(row.note, all_keys(session))
        office.store.close()
    click.echo(str(opened.signer))
