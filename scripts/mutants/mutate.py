# SPDX-License-Identifier: Apache-2.0
"""See scripts/mutate.sh."""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import shutil
import subprocess
import sys
import time

import mutations
import runs

SOURCE = runs.ROOT / "build/mutants/source"
TARGETS = ["provider", "pkcs11-keyprovider", "pkcs11-uri2pem", "pkcs11-objects", "pkcs11-doctor", "unit_tests", "keyprovider_tests"]
LEAST_SCORE = 0.95
# A mutant may be slower than the source, and the machine busy.
PATIENCE, FACTOR = 30, 10


def write_if_other(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def by_file(listed):
    groups = {}
    for mutation in listed:
        groups.setdefault(mutation.file, []).append(mutation)
    missing = [name for name in groups if not (runs.ROOT / name).is_file()]
    if missing:
        raise mutations.ListError(f"no such files: {missing}")
    return groups


def print_list(listed, chosen):
    """With a look at whether all of it still fits the source."""
    for name, group in by_file(listed).items():
        mutations.mutated((runs.ROOT / name).read_text(), group)
    for mutation in chosen:
        print(f"{mutation.id:50} {mutation.guards}")


def copy_source(listed):
    """The files that git knows, with the mutations. Files that do not change stay, so that little is compiled."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    files = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    groups = by_file(listed)
    for name in filter(None, files):
        source, copy = runs.ROOT / name, SOURCE / name
        if name in groups:
            text = mutations.mutated(source.read_text(), groups[name])
            write_if_other(copy, f'#include "mutation.h"\n#line 1 "{name}"\n{text}')
        elif source.is_file() and (not copy.exists() or copy.read_bytes() != source.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    write_if_other(SOURCE / "mutation.h", mutations.PRELUDE)


def build(listed):
    subprocess.run(["cmake", "--preset", "release"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "release"], check=True)
    copy_source(listed)
    options = ["-DCMAKE_BUILD_TYPE=", "-DCMAKE_CXX_FLAGS=-O0", "-DPKCS11_BUILD_BENCH=OFF"]
    subprocess.run(["cmake", "-S", str(SOURCE), "-B", str(runs.BUILD), "-G", "Ninja", *options],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", str(runs.BUILD), "--target", *TARGETS], check=True)


def baseline(runner, listed, pool):
    """The seconds that each test takes without a mutation; ends the program if one fails."""
    lines = {line for mutation in listed for line in mutation.tests}
    tests = sorted({test for line in lines for test in runner.tests(line)}, key=lambda test: test.name)
    seconds, failed = {}, []
    for test, (end, taken, output) in zip(tests, pool.map(lambda test: runner.run(test, 0, 600), tests)):
        if runs.was_skipped(end, output):
            continue
        seconds[test] = taken
        if end:
            failed.append(test.name)
            print(f"--- {test.name}: {end}\n{output[-4000:]}")
    if failed:
        sys.exit(f"mutate.sh: these tests fail without a mutation: {failed}")
    for line in sorted(line for line in lines if not any(test in seconds for test in runner.tests(line))):
        print(f"LEFT OUT, cannot run here: {line}")
    return seconds


def can_run(runner, mutation, seconds):
    return any(test in seconds for line in mutation.tests for test in runner.tests(line))


def killer(runner, mutation, seconds):
    """By which test it was found, and how; None if by none."""
    for line in mutation.tests:
        for test in runner.tests(line):
            if test not in seconds:
                continue
            end, _, _ = runner.run(test, mutation.number, PATIENCE + FACTOR * seconds[test])
            if end:
                return f"{test.name} ({end})"
    return None


def report(listed, killers, start):
    survivors = [mutation for mutation in listed if killers[mutation.id] is None]
    for mutation in survivors:
        print(f"\nSURVIVED  {mutation.id}  ({mutation.file})\n  guards: {mutation.guards}")
        print(f"  tests:  {'; '.join(mutation.tests)}")
        print(f"  {'reason: ' + mutation.survives if mutation.survives else 'NO REASON is given'}")
    for mutation in listed:
        if mutation.survives and killers[mutation.id]:
            print(f"\n{mutation.id} is found now; the list says that it survives: {mutation.survives}")
    killed = len(listed) - len(survivors)
    score = killed / len(listed)
    print(f"\n{killed} of {len(listed)} mutations are found: {100 * score:.1f} %, in {time.monotonic() - start:.0f} s")
    return 0 if score >= LEAST_SCORE and all(mutation.survives for mutation in survivors) else 1


def test_all(listed, jobs):
    start = time.monotonic()
    needed = "^clients.(tokens|debian13_root|nss_root)$"
    subprocess.run(["ctest", "--preset", "release", "-R", needed], check=True, stdout=subprocess.DEVNULL)
    # Scenarios find it beside the provider.
    (runs.BUILD / "tests").mkdir(exist_ok=True)
    shutil.copy(runs.RELEASE / "tests/pkcs11-test-module.so", runs.BUILD / "tests")
    runner = runs.Runner()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        seconds = baseline(runner, listed, pool)
        listed = [mutation for mutation in listed if can_run(runner, mutation, seconds)]
        print(f"{len(seconds)} tests pass without a mutation, in {time.monotonic() - start:.0f} s", flush=True)
        tasks = {pool.submit(killer, runner, mutation, seconds): mutation for mutation in listed}
        killers = {}
        for task in concurrent.futures.as_completed(tasks):
            mutation = tasks[task]
            killers[mutation.id] = task.result()
            print(f"{'killed  ' if task.result() else 'SURVIVED'} {mutation.id}: {task.result() or '-'}", flush=True)
    return report(listed, killers, start)


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="mutate.sh", description="Shows how many small wrong changes to the source the tests find.")
    add = parser.add_argument
    add("--list", action="store_true", help="prints the list, checks that it fits the source, and does no more")
    add("--only", nargs="+", metavar="ID", default=["*"], help="tries only these; may be patterns")
    add("--jobs", type=int, default=(os.cpu_count() or 1) + 1, help="number of parallel tests")
    add("--no-build", action="store_true", help="builds nothing")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        everything = mutations.read_list(pathlib.Path("tests/mutations"))
        chosen = [one for one in everything if any(fnmatch.fnmatch(one.id, pattern) for pattern in arguments.only)]
        if not chosen:
            sys.exit("mutate.sh: nothing in the list is called so")
        if arguments.list:
            print_list(everything, chosen)
            return 0
        if not arguments.no_build:
            build(everything)
        return test_all(chosen, arguments.jobs)
    except (mutations.ListError, runs.TestError) as error:
        sys.exit(f"mutate.sh: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"mutate.sh: {error}")


if __name__ == "__main__":
    sys.exit(main())
