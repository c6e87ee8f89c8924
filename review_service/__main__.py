"""`review-service` (or `python -m review_service`): serve, demo and the commands of operation."""

from __future__ import annotations

import click

from review_service.commands.demo import demo
from review_service.commands.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Expert review and random panel allocation that anyone can re-run and verify."""


for command in (serve, demo):
    main.add_command(command)

if __name__ == "__main__":
    main()
