"""Draws that nobody can steer and anybody can re-run: review-draw/v1.

Pure functions of their arguments: no clock, no entropy, no network, no database.
The protocol is docs/draw-protocol.md.
"""

PROTOCOL = "review-draw/v1"
