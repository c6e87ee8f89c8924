"""Commands: rotate-columns, and create-account for an installation's first people."""

from __future__ import annotations

import json
import unicodedata

import click

from review_service.commands.refusals import told
from review_service.crypto import add_key
from review_service.office import make_office
from review_service.operation.columns import rotate_columns as rotate
from review_service.settings import Settings, hash_password
from review_service.workflows.accounts import PASSWORD_LEAST, ROLES, create_account, easily_guessed
from review_service.workflows.base import SYSTEM


@click.command("rotate-columns")
@click.option("--new-key", is_flag=True, help="Make a new key first and seal with that.")
def rotate_columns(*, new_key: bool) -> None:
    """Seal document numbers and telephones with the newest key; prints counts by column.

    With --new-key stop the service before and start it after. Cut off, call it again without.
    """
    with told():
        settings = Settings()
        if new_key:
            add_key(settings.column_key_file)
        office = make_office(settings)
        counts = rotate(office.store)
        office.store.close()
    click.echo(json.dumps(counts))


@click.command("create-account")
@click.argument("role", type=click.Choice([one for one in ROLES if one != "expert"]))
@click.argument("email")
@click.argument("name")
@click.option("--code", required=True, help="The pseudonym that the log shows.")
@click.option("--province", default="", help="For units, prefectures, provinces.")
@click.option("--prefecture", default="", help="For units and prefectures.")
@click.password_option(help="Asked for where it isn't given.")
def create(
    role: str, email: str, name: str, code: str, province: str, prefecture: str, password: str
) -> None:
    """Create an account on the server itself, such as an installation's first two people.

    Whoever can run this holds the database and the keys; everybody else goes by the page, where
    guarded roles need a second person. The log says that the system did it.
    """
    password = unicodedata.normalize("NFKC", password)  # as the sign-in page does
    if len(password) < PASSWORD_LEAST:
        raise click.BadParameter(f"at least {PASSWORD_LEAST} characters", param_hint="--password")
    if easily_guessed(password, email, name):
        raise click.BadParameter("easily guessed", param_hint="--password")
    with told():
        settings = Settings()
        office = make_office(settings)
        account = office.do(
            SYSTEM, create_account, email=email, name=name, role=role,
            password_hash=hash_password(password, settings.argon2), code=code,
            province=province, prefecture=prefecture,
        )  # fmt: skip
        office.store.close()
    click.echo(account.code)
