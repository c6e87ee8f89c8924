"""Print the API's OpenAPI description: python -m review_service.web.api > docs/openapi.json."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from review_service.settings import Settings
from review_service.web import create_app
from review_service.web.api import description

with tempfile.TemporaryDirectory() as folder:
    app = create_app(Settings(data=Path(folder)))
    print(json.dumps(description(app), ensure_ascii=False, indent=2))
    app.extensions["office"].store.close()
