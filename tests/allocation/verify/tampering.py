"""All kinds of tampering, registered by the modules named here."""

from __future__ import annotations

from tests.allocation.verify import (
    tamper_after,
    tamper_draw,
    tamper_files,
    tamper_log,
    tamper_sources,
)
from tests.allocation.verify.cases import CASES, Tampered, honest, tampered

MODULES = (tamper_files, tamper_log, tamper_sources, tamper_draw, tamper_after)

__all__ = ["CASES", "MODULES", "Tampered", "honest", "tampered"]
