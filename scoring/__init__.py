"""Scores into a list that says how sure it is: rubric, model, reliability, selection.

Pure: values in, values out; no clock, no entropy, no web framework, no database. The modules are
the public names (`scoring.rubric`, `scoring.fit`, `scoring.reliability`, `scoring.flags`,
`scoring.design`, `scoring.selection`); importing the package alone loads none of them.
"""

import os

# One thread of linear algebra: the number of threads decides the order of sums, and so the last
# bits; and threads that wait for each other by spinning ruin whatever else the machine does. It
# counts only before numpy is loaded, and never against a choice made outside.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
