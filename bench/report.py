#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes report.md, threads.svg, peers.svg and handshakes.svg from the results in a folder: report.py FOLDER"""

import collections
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

OTHERS = ["provider", "provider, 3.0", "raw", "software", "pkcs11-provider", "libp11 engine"]


def medians(folder, pattern):
    """{(what, who, threads): the median's entry} of all JSON files that fit."""
    found = {}
    for file in sorted(folder.glob(pattern)):
        for entry in json.loads(file.read_text())["benchmarks"]:
            if entry.get("aggregate_name") != "median" or entry.get("error_occurred"):
                continue
            parts = entry["run_name"].split("/")
            found[parts[1], parts[2], entry["threads"]] = entry
    return found


def microseconds(entry):
    return entry["real_time"] * {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}[entry["time_unit"]]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(title, header, rows):
    lines = [f"### {title}", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def times(title, found, unit, scale, ratios):
    """One row a benchmark: the times of all, and the provider's as a multiple of the others'."""
    whos = [who for who in OTHERS if any(key[1] == who for key in found)]
    header = [unit] + whos + [f"provider / {who}" for who in ratios if who in whos]
    rows = []
    for what in sorted({key[0] for key in found}, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)):
        own = {who: microseconds(found[what, who, 1]) for who in whos if (what, who, 1) in found}
        row = [what] + [number(own[who] / scale) if who in own else "" for who in whos]
        row += [f"{own['provider'] / own[who]:.2f}" if who in own else "" for who in ratios if who in whos]
        rows.append(row)
    return table(title, header, rows)


def thread_table(found):
    whos = [who for who in OTHERS if any(key[1] == who for key in found)]
    rate = {key: entry["items_per_second"] for key, entry in found.items()}
    threads = sorted({key[2] for key in found})
    rows = []
    for count in threads:
        of = {who: rate["P-256", who, count] for who in whos if ("P-256", who, count) in rate}
        row = [str(count)] + [f"{of[who]:.0f}" if who in of else "" for who in whos]
        row += [f"{of[who] / of['raw']:.2f}" if who in of else "" for who in whos if who != "raw"]
        rows.append(row)
    header = ["threads"] + whos + [f"{who} / raw" for who in whos if who != "raw"]
    return table("Signatures a second of threads that share a key, 1 ms a call, P-256", header, rows)


def softhsm_table(found):
    whos = [who for who in OTHERS if any(key[1] == who for key in found)]
    rows = []
    for what in sorted({key[0] for key in found}):
        for count in sorted({key[2] for key in found}):
            own = {who: microseconds(found[what, who, count]) for who in whos if (what, who, count) in found}
            row = [f"{what}, {count}"] + [number(own[who]) if who in own else "" for who in whos]
            rows.append(row + [f"{own['provider'] / own[who]:.2f}" if who in own else "" for who in whos[1:]])
    header = ["µs, threads"] + whos + [f"provider / {who}" for who in whos[1:]]
    return table("Signatures with SoftHSM", header, rows)


def jobs_table(found):
    """Signatures of one thread with jobs, beside one job and the same thread outside of jobs."""
    rate = {jobs: entry["items_per_second"] for (_, jobs, _), entry in found.items()}
    rows = [[name, number(rate[name]), f"{rate[name] / rate['1']:.1f}"] for name in sorted(rate, key=lambda name: int(name) if name.isdigit() else 0)]
    return table("Signatures a second of one thread, 1 ms a call, P-256", ["jobs", "signatures a second", "as a multiple of one job"], rows)


def replicas_table(found):
    """Signatures with one key on two tokens, beside one token."""
    rate = {who: entry["items_per_second"] for (_, who, _), entry in found.items()}
    one = rate["one token"]
    rows = [[who, number(rate[who]), f"{rate[who] / one:.3f}"] for who in rate]
    return table("Signatures a second, 32 threads, 5 ms a call, four sessions a token, P-256", ["", "signatures a second", "as a multiple of one token"], rows)


class Handshakes:
    """What handshakes.sh has measured."""

    def __init__(self, file):
        self.rates = collections.defaultdict(dict)  # (delay, clients): {(mode, repetition): rate}
        for line in file.read_text().splitlines() if file.exists() else []:
            delay, clients, mode, repetition, rate = line.split("\t")
            self.rates[int(delay), int(clients)][mode, repetition] = float(rate)

    def median(self, key, mode):
        return statistics.median(rate for (of, _), rate in self.rates[key].items() if of == mode)

    def ratio(self, key):
        """The median of the pairs' ratios."""
        rates = self.rates[key]
        return statistics.median(rate / rates["without", repetition] for (mode, repetition), rate in rates.items() if mode == "with")

    def table(self):
        rows = [[f"{delay} ms", str(clients), number(self.median((delay, clients), "without")), number(self.median((delay, clients), "with")),
                 f"{self.ratio((delay, clients)):.2f}"] for delay, clients in sorted(self.rates)]
        header = ["a call", "clients", "without jobs", "with jobs", "with / without"]
        return table("Handshakes a second of HAProxy with one thread, TLS 1.3, P-256", header, rows)

    def draw(self, folder):
        if not self.rates or not shutil.which("gnuplot"):
            return
        delays = sorted({delay for delay, _ in self.rates})
        columns = [(delay, mode) for delay in delays for mode in ("with", "without")]
        lines = ["clients\t" + "\t".join(f'"{delay} ms, {mode} jobs"' for delay, mode in columns)]
        for clients in sorted({clients for _, clients in self.rates}):
            lines.append(f"{clients}\t" + "\t".join(f"{self.median((delay, clients), mode):.1f}" for delay, mode in columns))
        (folder / "handshakes.tsv.medians").write_text("\n".join(lines) + "\n")
        script = pathlib.Path(__file__).with_name("handshakes.gp")
        subprocess.run(["gnuplot", "-c", script, folder, str(len(columns) + 1)], check=True)


def instructions(folder):
    """Instructions in each library for one signature."""
    line = re.compile(r"\s*([\d,]+) \([ \d.]+%\)\s+\S.*\[(.+)\]$")
    rows = []
    for key, name in [("ec256", "P-256"), ("rsa2048", "RSA-2048")]:
        for kind in ["hash", "message"]:
            cost = []
            for signatures in [100, 200]:
                file = folder / f"instructions-{key}-{kind}-{signatures}.txt"
                if not file.exists():
                    return []
                per_library = collections.Counter()
                for match in map(line.match, file.read_text().splitlines()):
                    if match:
                        per_library[pathlib.Path(match[2]).name] += int(match[1].replace(",", ""))
                cost.append(per_library)
            each = {library: (cost[1][library] - cost[0][library]) / 100 for library in cost[1]}
            total = sum(each.values())
            own = each.get("pkcs11.so", 0)
            rows.append([f"{name}, a {kind}", f"{own:.0f}", f"{total:.0f}", f"{100 * own / total:.2f} %"])
    return table("Instructions for one signature (callgrind)", ["", "in pkcs11.so", "in all libraries", "share"], rows)


def draw(folder, found):
    if not found or not shutil.which("gnuplot"):
        return
    whos = [who for who in OTHERS if any(key[1] == who for key in found)]
    lines = ["threads\t" + "\t".join(f'"{who}"' for who in whos)]
    for count in sorted({key[2] for key in found}):
        values = [found.get(("P-256", who, count)) for who in whos]
        lines.append(f"{count}\t" + "\t".join(f"{v['items_per_second']:.1f}" if v else "?" for v in values))
    (folder / "threads.tsv").write_text("\n".join(lines) + "\n")
    script = pathlib.Path(__file__).with_name("drawings.gp")
    subprocess.run(["gnuplot", "-c", script, folder, str(len(whos) + 1)], check=True)


def main():
    folder = pathlib.Path(sys.argv[1])
    operations = medians(folder, "operation.json")
    threads = medians(folder, "threads.json")
    for (what, who, count), entry in medians(folder, "threads-messages.json").items():
        threads[what, f"{who}, 3.0", count] = entry
    lines = []
    if operations:
        lines += times("One operation, no delay", operations, "µs", 1, ["raw", "software"])
    if threads:
        lines += thread_table(threads)
    if softhsm := medians(folder, "softhsm.json"):
        lines += softhsm_table(softhsm)
    if jobs := medians(folder, "async.json"):
        lines += jobs_table(jobs)
    if replicas := medians(folder, "replicas.json"):
        lines += replicas_table(replicas)
    handshakes = Handshakes(folder / "handshakes.tsv")
    if handshakes.rates:
        lines += handshakes.table()
    if load := medians(folder, "load-*.json"):
        lines += times("Loading a key from a token with so many objects", load, "µs", 1, ["raw"])
    if start := medians(folder, "start.json"):
        lines += times("`openssl dgst -sign`, the whole process", start, "ms", 1000, ["software"])
    lines += instructions(folder)
    (folder / "report.md").write_text("\n".join(lines))
    print("\n".join(lines))
    draw(folder, threads)
    handshakes.draw(folder)


main()
