"""Integer maximum flow in plain Python: Dinic's algorithm (Soviet Mathematics Doklady 11, 1970)."""

from __future__ import annotations

from collections import deque


class Network:
    """Nodes 0, 1, …; arcs in pairs, 2k forward and 2k + 1 its reverse."""

    def __init__(self) -> None:
        self._out: list[list[int]] = []
        self._head: list[int] = []
        self._room: list[int] = []

    def add_node(self) -> int:
        """Return the number of a new node."""
        self._out.append([])
        return len(self._out) - 1

    def add_arc(self, tail: int, head: int, room: int) -> int:
        """Return the number of a new arc of capacity `room`."""
        arc = len(self._head)
        self._head += (head, tail)
        self._room += (room, 0)
        self._out[tail].append(arc)
        self._out[head].append(arc + 1)
        return arc

    def left(self, arc: int) -> int:
        """Return the capacity that the flow leaves free on an arc."""
        return self._room[arc]

    def maximise(self, start: int, end: int) -> int:
        """Add as much flow as there can be; return the amount added."""
        total = 0
        while level := self._levels(start, end):
            total += self._block(start, end, level)
        return total

    def reachable(self, node: int, *, without: int) -> set[int]:
        """Return the nodes that can be reached over free arcs, never passing `without`."""
        seen, queue = {node, without}, deque([node])
        while queue:
            for arc in self._out[queue.popleft()]:
                head = self._head[arc]
                if self._room[arc] and head not in seen:
                    seen.add(head)
                    queue.append(head)
        return seen - {without}

    def _levels(self, start: int, end: int) -> list[int]:
        """Return each node's distance from the start over free arcs; empty if none ends."""
        level = [-1] * len(self._out)
        level[start] = 0
        queue = deque([start])
        while queue:
            node = queue.popleft()
            for arc in self._out[node]:
                head = self._head[arc]
                if self._room[arc] and level[head] < 0:
                    level[head] = level[node] + 1
                    if head == end:
                        return level
                    queue.append(head)
        return []

    def _block(self, start: int, end: int, level: list[int]) -> int:
        """Fill every shortest way, depth first; an arc that led nowhere is not tried again."""
        turn = [0] * len(self._out)
        total, node = 0, start
        way: list[int] = []
        while True:
            if node == end:
                amount = min(self._room[arc] for arc in way)
                for arc in way:
                    self._room[arc] -= amount
                    self._room[arc ^ 1] += amount
                total += amount
                way.clear()
                node = start
            out = self._out[node]
            while turn[node] < len(out):
                arc = out[turn[node]]
                if self._room[arc] and level[self._head[arc]] == level[node] + 1:
                    break
                turn[node] += 1
            if turn[node] < len(out):
                way.append(arc)
                node = self._head[arc]
            elif way:
                node = self._head[way.pop() ^ 1]
                turn[node] += 1
            else:
                return total
