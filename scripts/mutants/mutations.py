# SPDX-License-Identifier: Apache-2.0
"""The list of mutations, and the source with all of them in it."""

import configparser
import dataclasses
import pathlib
import re
import zlib

FIELDS = {"file", "guards", "tests", "in", "search", "replace", "kind", "survives"}
KINDS = {"expression", "statement", "raw"}

PRELUDE = """// Made by scripts/mutate.sh.
#pragma once

#include <atomic>
#include <cstdlib>

namespace mutation {

inline std::atomic<int> known{-1};

// Whether this mutation is the one that is switched on. Without a lock: it is asked anywhere.
inline bool active(int number) {
    int chosen = known.load(std::memory_order_relaxed);
    if (chosen < 0) {
        const char* text = std::getenv("PKCS11_MUTANT");
        chosen = text != nullptr ? std::atoi(text) : 0;
        known.store(chosen, std::memory_order_relaxed);
    }
    return chosen == number;
}

} // namespace mutation
"""


class ListError(Exception):
    """What is wrong with the list."""


@dataclasses.dataclass
class Mutation:
    """One section of the list."""

    id: str
    number: int
    file: str
    guards: str
    tests: list
    context: str
    search: str
    replace: str
    kind: str
    survives: str


def words_pattern(text):
    """Matches `text` whatever blanks and line ends are between its words."""
    return r"\s+".join(re.escape(word) for word in text.split())


def read_file(path):
    parser = configparser.ConfigParser(delimiters=(":",), comment_prefixes=("#",), interpolation=None, strict=True)
    try:
        parser.read_string(path.read_text(), str(path))
    except configparser.Error as error:
        raise ListError(str(error)) from error
    for name in parser.sections():
        section = parser[name]
        unknown = set(section) - FIELDS
        missing = {"file", "guards", "tests", "search"} - set(section)
        kind = section.get("kind", "expression")
        if unknown or missing or kind not in KINDS:
            raise ListError(f"{path}: [{name}]: unknown: {sorted(unknown)}, missing: {sorted(missing)}, kind: {kind}")
        # The same as long as the name is: what else changes in the list has nothing compiled anew.
        number = zlib.crc32(name.encode()) >> 1
        yield Mutation(id=name, number=number, file=section["file"], guards=section["guards"],
                       tests=section["tests"].split("\n"), context=section.get("in", ""), search=section["search"],
                       replace=section.get("replace", ""), kind=kind, survives=section.get("survives", ""))


def read_list(folder):
    """All mutations."""
    mutations = []
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        mutations += read_file(path)
    numbers = [mutation.number for mutation in mutations]
    twice = [mutation.id for mutation in mutations if numbers.count(mutation.number) > 1]
    if twice:
        raise ListError(f"ids that are there twice, or have the same number: {twice}")
    return mutations


def only_match(pattern, text, mutation, what):
    found = list(re.finditer(pattern, text))
    if len(found) != 1:
        raise ListError(f"[{mutation.id}]: {mutation.file} has {what} {len(found)} times, and not once")
    return found[0]


def place_of(mutation, text):
    """Where in the file's text it is: begin and end."""
    begin, end = 0, len(text)
    if mutation.context:
        begin, end = only_match(words_pattern(mutation.context), text, mutation, "the text of `in`").span()
    found = only_match(words_pattern(mutation.search), text[begin:end], mutation, "the text of `search`")
    return begin + found.start(), begin + found.end()


def switched(mutation, original):
    condition = f"::mutation::active({mutation.number})"
    if mutation.kind == "expression":
        return f"({condition} ? ({mutation.replace}) : ({original}))"
    if mutation.kind == "statement":
        end = "\n" if "//" in original else " "
        return f"if ({condition}) {{ {mutation.replace} }} else {{ {original}{end}}}"
    return mutation.replace.replace("$ACTIVE", condition).replace("$ORIGINAL", original)


def mutated(text, mutations):
    """The text of a file with these mutations. Several may be at one place, or one within another's original."""
    places = sorted(((*place_of(mutation, text), mutation) for mutation in mutations),
                    key=lambda place: (place[0], -place[1], place[2].number))

    def rewrite(begin, end, inner):
        result, at = [], begin
        while inner:
            first, last, mutation = inner[0]
            within = [place for place in inner[1:] if place[1] <= last]
            crossing = [place[2].id for place in inner[1:] if place[0] < last < place[1]]
            if crossing:
                raise ListError(f"[{mutation.id}] overlaps {crossing}")
            result += [text[at:first], switched(mutation, rewrite(first, last, within))]
            at, inner = last, inner[1 + len(within):]
        return "".join(result) + text[at:end]

    return rewrite(0, len(text), places)
