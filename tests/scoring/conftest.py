"""One thread for the linear algebra of small systems: more would wait for each other.

Counts only where nothing has loaded numpy before; a busy machine is many times slower without.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
