#!/usr/bin/env python3
"""Counts the instructions of single steps of layers and models in an arm64 binary, and fails if one takes over 2 % more than steps.json records.

  count_steps.py BINARY [MODEL.seq …]     every layer of BitHash --steps, and the models' graphs; compared with steps.json beside this file
      --update                            write the counts into steps.json; a model that is not given keeps its count
      --top K                             print the K functions of each step with the most instructions
      --only NAME                         only cases whose name begins with it (lstm/int8, gru/fp32/64, dtln)
      --cpu CPU                           only one of cortex-a72 (no dot product) and cortex-a76

BINARY is published with its symbols: dotnet publish tests/BitHash -c Release -r linux-arm64 -p:StripSymbols=false -o OUT
Needs qemu-aarch64 that takes plugins (Debian: qemu-user; qemu-user-static does not), gcc or clang, and aarch64-linux-gnu-nm and -readelf
(binutils-aarch64-linux-gnu). The same binary gives the same counts on every machine.
"""
import argparse
import bisect
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from count_loops import output, short

HERE = os.path.dirname(os.path.abspath(__file__))
BUDGET = os.path.join(HERE, "steps.json")
CPUS = ("cortex-a72", "cortex-a76")
STEPS = 2
ALLOWED = 0.02
NAMED = 0.01  # functions with a smaller part of a step's instructions are not recorded
SIZES = ("sequence=576",)
LIBRARIES = "other libraries"


class Program:
    """The functions of a binary by address."""

    def __init__(self, binary):
        self.path = binary
        lines = [line.split(None, 2) for line in output("aarch64-linux-gnu-nm", "-n", binary).splitlines()]
        found = [(int(parts[0], 16), parts[2]) for parts in lines if len(parts) == 3 and parts[1] in "tTwW"]
        if not found:
            sys.exit(f"{binary} has no symbols; publish with -p:StripSymbols=false")
        self.starts = [start for start, _ in found]
        self.symbols = [name for _, name in found]
        marks = [start for start, name in found if name.endswith("StepCases__Mark")]
        if len(marks) != 1:
            sys.exit(f"{binary} has no single StepCases.Mark; is it a BitHash of this version?")
        self.mark = marks[0]
        segments = re.findall(r"LOAD\s+0x\w+ 0x(\w+) 0x\w+ 0x(\w+) 0x(\w+) ([R ][W ][E ])", output("aarch64-linux-gnu-readelf", "-lW", binary))
        self.code = min(int(start, 16) for start, _, _, flags in segments if "E" in flags)
        self.end = max(int(start, 16) + int(size, 16) for start, _, size, flags in segments if "E" in flags)

    def function(self, address):
        """(start, end, name) of the function at an address; None outside of the program."""
        if not self.code <= address < self.end:
            return None
        i = bisect.bisect_right(self.starts, address) - 1
        end = next((start for start in self.starts[i + 1:i + 50] if start > self.starts[i]), self.end)
        return self.starts[i], end, self.symbols[i]

    def name(self, address):
        found = self.function(address)
        if not found:
            return LIBRARIES
        name = re.sub(r"<.*>", "<…>", re.sub("SeqRuntime_SeqRuntime_|S_P_CoreLib_System_", "", found[2]))
        return short(found[2]) or re.sub(r"_+", ".", name)


class Emulator:
    """qemu-aarch64 and the plugin, built for its version."""

    def __init__(self, folder):
        self.qemu = shutil.which("qemu-aarch64")
        if not self.qemu:
            sys.exit("qemu-aarch64 is not installed (Debian: qemu-user)")
        version = int(re.search(r"version (\d+)", output(self.qemu, "--version")).group(1))
        self.plugin = os.path.join(folder, "count.so")
        compiler = shutil.which("gcc") or shutil.which("clang") or sys.exit("neither gcc nor clang is installed")
        subprocess.run([compiler, "-O2", "-Wall", "-shared", "-fPIC", f"-DINTERFACE={1 if version < 9 else 2}", "-o", self.plugin, os.path.join(HERE, "count.c")], check=True)

    def run(self, program, cpu, arguments, steps=STEPS):
        """What each case of BitHash --steps executes in one step: [(case, bytes of weights, {(address, instructions): times})]."""
        with tempfile.NamedTemporaryFile("r", suffix=".txt") as file:
            plugin = f"{self.plugin},mark={program.mark:x},code={program.code:x},out={file.name}"
            command = [self.qemu, "-cpu", cpu, "-L", "/usr/aarch64-linux-gnu", "-plugin", plugin, program.path, "--steps", str(steps)]
            command += [word for size in SIZES for word in ("--size", size)] + arguments
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{' '.join(command)}: {done.returncode}\n{done.stderr[-2000:]}")
            parts = []
            for line in file:
                if line == "part\n":
                    parts.append(collections.Counter())
                else:
                    address, length, times = line.split()
                    parts[-1][int(address, 16), int(length)] += int(times)
        cases = [line.split() for line in done.stdout.splitlines()]
        if len(parts) != steps * len(cases):
            sys.exit(f"{len(cases)} cases of {steps} steps gave {len(parts)} parts; does this qemu-aarch64 run plugins?")
        found = []
        for i, (_, case, weights, _) in enumerate(cases):
            blocks = sum(parts[steps * i:steps * (i + 1)], collections.Counter())
            found.append((case, int(weights), {block: times / steps for block, times in blocks.items()}))
        return found


def measure(program, models, cpus, only=""):
    """(cpu, case, bytes of weights, blocks) of every case on every cpu; each cpu in one process."""
    layers = [name for name in ("lstm", "gru") if name.startswith(only) or only.startswith(name)]
    layers = [only] if layers and only.count("/") else layers
    models = [path for path in models if stem(path).startswith(only) or only.startswith(stem(path) + "/")]
    if not layers and not models:
        sys.exit(f"--only {only}: no layer or given model has such a name")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(len(cpus)) as threads:
        emulator = Emulator(folder)
        runs = threads.map(lambda cpu: emulator.run(program, cpu, layers + models), cpus)
        return [(cpu, *case) for cpu, cases in zip(cpus, runs) for case in cases if case[0].startswith(only)]


def lost(budget, rows, models, cpus, only):
    """Recorded cases of layers and of the given models that the binary does not have."""
    found = {(row["cpu"], row["case"]) for row in rows}
    kinds = {"lstm", "gru"} | {stem(path) for path in models}
    return [(cpu, case) for cpu, case in budget if (cpu, case) not in found and cpu in cpus and case.split("/")[0] in kinds and case.startswith(only)]


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def count(program, cpu, case, weights, blocks):
    by = collections.Counter()
    for (address, length), times in blocks.items():
        by[program.name(address)] += length * times
    return {"case": case, "cpu": cpu, "weights": weights, "instructions": round(sum(by.values())), "functions": {name: round(n) for name, n in by.most_common()}}


def compare(now, recorded):
    """What has changed, and whether it fails."""
    if not recorded:
        return "none are recorded; --update records them", True
    change = now["instructions"] / recorded["instructions"] - 1
    if abs(change) <= ALLOWED:
        return "", False
    text = f"{recorded['instructions']} are recorded: {change:+.1%}"
    if change < 0:
        return f"{text}; --update records the gain", False
    unnamed = round(NAMED * recorded["instructions"])
    moved = sorted(((n - recorded["functions"].get(name, unnamed), name) for name, n in now["functions"].items()), reverse=True)
    return f"{text} ({', '.join(f'{name} {n:+}' for n, name in moved[:3] if n > 0)})", True


def read():
    if not os.path.exists(BUDGET):
        return {}
    with open(BUDGET, encoding="utf-8") as file:
        return {(row["cpu"], row["case"]): row for row in json.load(file)}


def write(rows):
    with open(BUDGET, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join("  " + json.dumps(recorded(row), ensure_ascii=False) for row in rows) + "\n]\n")


def recorded(row):
    return row | {"functions": {name: n for name, n in row["functions"].items() if n >= NAMED * row["instructions"]}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--top", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--cpu", choices=CPUS)
    arguments = parser.parse_args()
    program = Program(arguments.binary)
    budget = read()
    failed = gained = 0
    cpus = [arguments.cpu] if arguments.cpu else CPUS
    rows = [count(program, *case) for case in measure(program, arguments.models, cpus, arguments.only)]
    for key in lost(budget, rows, arguments.models, cpus, arguments.only):
        print(f"{key[1]} on {key[0]}: it is recorded, but the binary has no such step{'; dropped' if arguments.update else ''}")
        del budget[key]
        failed += 1
    for row in rows:
        key = (row["cpu"], row["case"])
        text, fails = compare(row, budget.get(key))
        failed += fails
        gained += bool(text) and not fails
        if text and not arguments.update or arguments.top:
            print(f"{row['case']} on {row['cpu']}: {row['instructions']} instructions a step{text and '; '}{text}")
        for name, n in list(row["functions"].items())[:arguments.top]:
            print(f"    {n:9} {n / row['instructions']:6.1%}  {name}")
        budget[key] = row
    if arguments.update:
        write(budget.values())
        return
    print(f"{len(rows)} steps: {failed} fail, {gained} with over {ALLOWED:.0%} fewer instructions than recorded")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
