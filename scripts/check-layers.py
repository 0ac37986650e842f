#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the includes of the product's sources: no circles of files, and between folders no arrows but those of docs/design.md.

A file is NAME.h with NAME.cpp. The table "| folder | content | knows |" of docs/design.md says which folders a folder may include;
what those know, it knows, too. Prints what is wrong, and ends with 1 then.
"""
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

# The folder that stands beside the layers: it may include what it likes, without circles.
PROGRAMS = "tools"
LISTED = re.compile(r"`(\w+)/`")


def sources():
    names = subprocess.run(["git", "ls-files", "*.cpp", "*.h"], capture_output=True, text=True, check=True).stdout.split()
    return [Path(name) for name in names]


def table(design):
    """The folders that each folder of the table names as known."""
    known = {}
    for line in design.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and (folders := LISTED.findall(cells[0])):
            for folder in folders:
                known[folder] = None if cells[2] == "all" else set(LISTED.findall(cells[2]))
    everything = set(known)
    return {folder: everything if direct is None else direct for folder, direct in known.items()}


def closed(known):
    """With what is known by what is known."""
    while True:
        wider = {folder: direct.union(*(known[one] for one in direct)) for folder, direct in known.items()}
        if wider == known:
            return known
        known = wider


def arrows(files, folders):
    """From each unit (file without its ending) to those that it includes, among `folders`."""
    found = defaultdict(set)
    for file in files:
        if file.parts[0] not in folders:
            continue
        unit = file.with_suffix("")
        found[unit]
        for included in re.findall(r'^#include "([^"]+)"', file.read_text(), re.MULTILINE):
            other = Path(included).with_suffix("")
            if other != unit and other.parts[0] in folders and Path(included) in files:
                found[unit].add(other)
    return found


def circles(graph):
    """Strongly connected parts of more than one unit (Tarjan's algorithm)."""
    order, low, stack, result = {}, {}, [], []

    def visit(unit):
        order[unit] = low[unit] = len(order)
        stack.append(unit)
        for other in sorted(graph[unit]):
            if other not in order:
                visit(other)
                low[unit] = min(low[unit], low[other])
            elif other in stack:
                low[unit] = min(low[unit], order[other])
        if low[unit] == order[unit]:
            at = stack.index(unit)
            part = stack[at:]
            del stack[at:]
            if len(part) > 1:
                result.append(sorted(part))

    for unit in sorted(graph):
        if unit not in order:
            visit(unit)
    return result


def main():
    known = closed(table(Path("docs/design.md")))
    graph = arrows(sources(), {*known, PROGRAMS})
    wrong = [f"a circle: {' - '.join(map(str, part))}" for part in circles(graph)]
    for unit, others in sorted(graph.items()):
        for other in sorted(others):
            here, there = unit.parts[0], other.parts[0]
            if here not in (there, PROGRAMS) and there not in known[here]:
                wrong.append(f"{unit} includes {other}: docs/design.md has no arrow from {here}/ to {there}/")
    print("\n".join(wrong) or f"{len(graph)} files, no circle, and no arrow that docs/design.md does not have")
    return 1 if wrong else 0


sys.exit(main())
