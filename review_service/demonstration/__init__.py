"""A whole selection round on sample data, through the same importers and workflows as a real one.

Its clock and its entropy are made up and repeatable, so that every run gives the same bundle; its
beacon round is a real one of drand quicknet, published after the demonstration's lock.
"""
