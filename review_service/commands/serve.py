"""Serve the pages: waitress, for one machine; gunicorn takes `review_service.web:create_app()`."""

from __future__ import annotations

import click

from review_service.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
def serve(host: str, port: int) -> None:
    """Serve the store of REVIEW_DATA (default: instance/)."""
    from review_service.web import create_app

    run(create_app(Settings()), host, port)


def run(app: object, host: str, port: int) -> None:
    """Serve an application until it is interrupted."""
    import waitress

    click.echo(f"http://{host}:{port}")
    waitress.serve(app, host=host, port=port, threads=8, ident=None)
