"""Paths of values, built once each."""

from __future__ import annotations

from predictors.pattern.sealing import REFERENCES, Segments


class Node:
    """One path and its extensions: a cache, so that a path's string is built once."""

    __slots__ = ("children", "list", "map", "path", "places", "segments")

    def __init__(self, path: str, segments: Segments) -> None:
        self.path = path
        self.segments = segments
        self.children: dict[str, Node] = {}
        self.list: Node | None = None
        self.map: Node | None = None
        self.places: Node | None = None

    def child(self, key: str) -> Node:
        node = self.children.get(key)
        if node is None:
            segment = self.segments[key]
            path = f"{self.path}.{segment}" if self.path[-1:] != "(" else f"{self.path}{segment})"
            node = Node(path, self.segments)
            if len(self.children) < 256:
                self.children[key] = node
        return node

    def entries(self) -> Node:
        """What the entries of an object share whose keys are data."""
        if self.map is None:
            self.map = Node(self.path + ".*", self.segments)
        return self.map

    def references(self) -> Node:
        """Places in files that a text names."""
        if self.places is None:
            self.places = Node(f"{self.path}.{REFERENCES}", self.segments)
        return self.places

    def elements(self) -> Node:
        if self.list is None:
            self.list = Node(self.path + "[]", self.segments)
        return self.list
