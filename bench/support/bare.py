"""The peer of bench/load.py: a bare Flask route that writes one row and answers with its number."""

from __future__ import annotations

import os

import sqlalchemy as sa
from flask import Flask, Response, jsonify, request

engine = sa.create_engine(os.environ["REVIEW_DATABASE"], pool_size=8)
app = Flask(__name__)


@app.get("/health")
def health() -> Response:
    return jsonify(ok=True)


@app.post("/write")
def write() -> Response:
    sent = request.get_json()
    with engine.begin() as connection:
        query = sa.text("INSERT INTO bare (content) VALUES (:content) RETURNING id")
        number = connection.execute(query, {"content": str(sent["levels"])}).scalar()
    return jsonify(id=number)
