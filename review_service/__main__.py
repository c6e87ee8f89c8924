"""`review-service` (or `python -m review_service`): serve, demo and the commands of operation."""

from __future__ import annotations

import click

from review_service.commands.accounts import create, rotate_columns
from review_service.commands.backups import backup, restore
from review_service.commands.demo import demo
from review_service.commands.mail import send_mail
from review_service.commands.rotate import rotate
from review_service.commands.rounds import archive, retention, verify_archive
from review_service.commands.serve import serve
from review_service.commands.store import check, migrate, migrate_store, verify_the_log
from review_service.commands.work import work


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Expert review and random panel allocation that anyone can re-run and verify."""


for command in (
    serve, work, demo, migrate, check, verify_the_log, backup, restore, migrate_store, rotate,
    archive, verify_archive, retention, send_mail,
    create, rotate_columns,
):  # fmt: skip
    main.add_command(command)

if __name__ == "__main__":
    main()
