"""Scores into a list that says how sure it is: rubric, model, reliability, selection.

Pure: values in, values out; no clock, no entropy, no web framework, no database. The modules are
the public names (`scoring.rubric`, `scoring.fit`, `scoring.reliability`, `scoring.flags`,
`scoring.design`, `scoring.selection`); importing the package alone loads none of them.
"""
