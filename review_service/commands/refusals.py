"""How a command says what was refused: one line with the code and the facts, exit status 1."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import DBAPIError

from allocation.errors import AllocationError
from review_service.crypto import ColumnKeyError
from review_service.settings import SettingError
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn refusals of the project, of the database and of the disk into a line for people."""
    try:
        yield
    except (WorkflowError, ColumnKeyError) as error:
        listed = ", ".join(f"{key}: {value}" for key, value in error.facts.items())
        raise click.ClickException(f"{error.code} ({listed})" if listed else error.code) from None
    except SettingError as error:
        raise click.ClickException(str(error)) from None
    except AllocationError as error:
        raise click.ClickException(f"{error.code}: {error}") from None
    except DBAPIError as error:
        raise click.ClickException(f"database: {error.orig}") from None
    except OSError as error:
        raise click.ClickException(str(error)) from None
