# SPDX-License-Identifier: Apache-2.0
"""The tests that a mutation names, as commands."""

import dataclasses
import functools
import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path.cwd()
RELEASE = ROOT / "build/release"
BUILD = ROOT / "build/mutants/build"
UNIT_PROGRAMS = {"unit_tests", "keyprovider_tests"}
# What CMake tells of a scenario's surroundings, and what of it is the mutants'.
PRODUCTS = {"PROVIDER": "pkcs11.so", "KEYPROVIDER": "pkcs11-keyprovider", "URI2PEM": "pkcs11-uri2pem",
            "OBJECTS": "pkcs11-objects", "DOCTOR": "pkcs11-doctor"}


class TestError(Exception):
    """A line of `tests` that means nothing."""


def scenario_environment():
    answer = subprocess.run(["ctest", "--show-only=json-v1", "-R", "^clients.dgst_rsa$"], cwd=RELEASE, check=True,
                            capture_output=True, text=True)
    properties = json.loads(answer.stdout)["tests"][-1]["properties"]  # before it are those that it needs
    values = next(one["value"] for one in properties if one["name"] == "ENVIRONMENT")
    return dict(value.split("=", 1) for value in values) | {name: str(BUILD / file) for name, file in PRODUCTS.items()}


@dataclasses.dataclass(frozen=True)
class Test:
    """One process, as ctest has it."""

    name: str
    command: tuple
    is_scenario: bool


class Runner:
    """Runs what a line of `tests` names:  [openssl35] PROGRAM FILTER  or  [openssl35] scenario NAME"""

    def __init__(self):
        self.scenario = scenario_environment()

    @functools.lru_cache(maxsize=None)
    def tests(self, line):
        """The tests of a line. Those of a program run in a process each, which many of them rely on."""
        words = line.split()
        newer = words[:1] == ["openssl35"]
        if len(words) != (3 if newer else 2):
            raise TestError(f"neither [openssl35] PROGRAM FILTER nor [openssl35] scenario NAME: {line}")
        program, argument = words[-2:]
        prefix = (str(ROOT / "tests/clients/in-debian13.sh"), str(ROOT), str(RELEASE)) if newer else ()
        if program == "scenario":
            return [Test(line, prefix + (str(ROOT / "tests/clients/run-scenario.sh"), argument), True)]
        path = (BUILD / "tests/unit" if program in UNIT_PROGRAMS else RELEASE / "tests/integration") / program
        if not path.exists():
            raise TestError(f"no program {program}: {line}")
        names = names_of(path, argument)
        if not names:
            raise TestError(f"no test has such a name: {line}")
        start = " ".join(words[:-1])
        return [Test(f"{start} {name}", prefix + (str(path), f"--gtest_filter={name}"), False) for name in names]

    def run(self, test, mutant, seconds):
        """How it ended ("" if it passed), the seconds that it took, and what it said."""
        environment = self.scenario if test.is_scenario else {
            "OPENSSL_CONF": str(RELEASE / "tests/tokens/plain.cnf"), "PKCS11_TEST_PROVIDER": str(BUILD / "pkcs11.so")}
        environment = os.environ | environment | {"PKCS11_MUTANT": str(mutant)}
        start = time.monotonic()
        with subprocess.Popen(test.command, env=environment, cwd=RELEASE, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              start_new_session=True) as process:
            try:
                output, _ = process.communicate(timeout=seconds)
                end = ending(process.returncode)
            except subprocess.TimeoutExpired:
                output, end = "", f"no end within {seconds:.0f} s"
            try:
                os.killpg(process.pid, signal.SIGKILL)  # what it has left running
            except ProcessLookupError:
                pass
        return end, time.monotonic() - start, output


def names_of(program, pattern):
    """The full names of the program's tests that fit a filter of GoogleTest's."""
    command = [str(program), "--gtest_list_tests", f"--gtest_filter={pattern}"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    names, suite = [], ""
    for text in answer.stdout.splitlines():
        if not text.startswith(" "):
            suite = text.split()[0]
        else:
            names.append(suite + text.split()[0])
    return names


def ending(status):
    if status == 0:
        return ""
    return f"status {status}" if status > 0 else signal.Signals(-status).name


def was_skipped(end, output):
    return "[  SKIPPED ]" in output or end == "status 77"
