"""The service: a round from application to publication, its pages and its log."""

import os

# Before numpy is loaded anywhere: rounds are small, and waiting threads of linear algebra cost a
# shared machine far more than they give (a fit took 4.5 s of processor instead of 0.3 s).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
