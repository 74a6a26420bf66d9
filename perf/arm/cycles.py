#!/usr/bin/env python3
"""Estimates the cycles of the steps that count_steps.py counts, by published models of three processors, and writes them into cycles.json.

  cycles.py BINARY [MODEL.seq …]          everything
  cycles.py BINARY --only lstm/int8/256   print only: cases whose name begins with this, and the loops
      --top K                             and the K functions of each case with the most cycles

A step's cycles are those of its blocks: how often a block runs, times what it takes when it is repeated with all data in the first cache and all
branches predicted. Weights that come from memory are not in it. Cortex-A53 by cortex_a53.py; Cortex-A72 by LLVM's model of the Cortex-A57, whose
successor it is; Cortex-A76 by LLVM's model of the Neoverse N1, the same core for servers. A function of another library counts one cycle an instruction.

Needs what count_steps.py needs, aarch64-linux-gnu-objdump and llvm-mca 16 or newer (Debian: llvm-19). Models change between versions of LLVM, so
cycles.json tells the version.
"""
import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys

import cortex_a53
from count_loops import BRANCH, BUDGET as LOOPS, functions, inner_loops, instructions, output, products
from count_steps import CPUS, HERE, LIBRARIES, Program, measure

RESULT = os.path.join(HERE, "cycles.json")
OLDEST = 16
# core: the emulated processor whose steps it runs, and LLVM's name of its model
CORES = {"Cortex-A53": ("cortex-a72", None), "Cortex-A72": ("cortex-a72", "cortex-a57"), "Cortex-A76": ("cortex-a76", "neoverse-n1")}
REPEATS = 100
BATCH = 400
OUTSIDE = ".Loutside"
JUMP = re.compile(r"(?:b|b\.\w+|cbn?z|tbn?z|blr?|br|ret|svc)\b")


def find_mca():
    """llvm-mca and its version."""
    folders = [f"/usr/lib/llvm-{version}/bin/llvm-mca" for version in range(30, OLDEST - 1, -1)]
    for path in [path for path in folders if os.path.exists(path)] + [shutil.which("llvm-mca") or ""]:
        if path and int((version := re.search(r"version (\d+[.\d]*)", output(path, "--version")).group(1)).split(".")[0]) >= OLDEST:
            return path, version
    sys.exit(f"llvm-mca {OLDEST} or newer is not installed (Debian: llvm-19)")


def assembly(texts):
    """Instructions as llvm-mca reads them: all targets are one label."""
    lines = []
    for text in texts:
        if text.startswith((".inst", "udf")):
            continue
        if BRANCH.match(text) or re.match(r"(ldr|adr|adrp|bl) .*\b[0-9a-f]{4,}$", text):
            text = re.sub(r"\b[0-9a-f]+$", OUTSIDE, text)
        lines.append(f"    {text}\n")
    return "".join(lines)


def by_llvm(mca, cpu, blocks):
    """Cycles of each block when it is repeated; None where the model does not know an instruction."""
    if not blocks:
        return []
    parts = "".join(f"# LLVM-MCA-BEGIN {i}\n{assembly(texts)}# LLVM-MCA-END\n" for i, texts in enumerate(blocks))
    command = [mca, "-mtriple=aarch64-linux-gnu", f"-mcpu={cpu}", "-mattr=+dotprod", f"-iterations={REPEATS}", "-json"]
    done = subprocess.run(command, input=f"{parts}{OUTSIDE}:\n", capture_output=True, text=True)
    if done.returncode:
        if len(blocks) == 1:
            return [None]
        half = len(blocks) // 2
        return by_llvm(mca, cpu, blocks[:half]) + by_llvm(mca, cpu, blocks[half:])
    regions = {int(region["Name"]): region["SummaryView"]["TotalCycles"] / REPEATS for region in json.loads(done.stdout)["CodeRegions"]}
    return [regions.get(i) for i in range(len(blocks))]


class Code:
    """The instructions of a binary's blocks."""

    def __init__(self, program):
        self.program = program
        self.functions = {}

    def block(self, address, length):
        """None for a block of another library."""
        found = self.program.function(address)
        if not found:
            return None
        start, end, _ = found
        if start not in self.functions:
            self.functions[start] = dict(instructions(self.program.path, start, end))
        texts = [self.functions[start].get(at) for at in range(address, address + 4 * length, 4)]
        return None if None in texts else texts


def join(code, blocks):
    """The same blocks, without the emulator's cuts at pages and of long blocks: a block without a jump at its end, and the next one, which runs as often."""
    joined = dict(blocks)
    for address, length in sorted(blocks, reverse=True):
        texts = code.block(address, length)
        following = [block for block in joined if block[0] == address + 4 * length]
        if texts and not JUMP.match(texts[-1]) and len(following) == 1 and joined[following[0]] == blocks[address, length]:
            joined[address, length + following[0][1]] = joined.pop((address, length))
            del joined[following[0]]
    return joined


def costs(mca, model, code, blocks):
    """{block: cycles} by one model. What no model knows takes one cycle an instruction."""
    cost = {block: float(block[1]) for block in blocks}
    known = [(block, texts) for block in blocks if (texts := code.block(*block))]
    if not model:
        return cost | {block: cortex_a53.cycles(texts) for block, texts in known}
    for i in range(0, len(known), BATCH):
        batch = known[i:i + BATCH]
        cost |= {block: cycles for (block, _), cycles in zip(batch, by_llvm(mca, model, [texts for _, texts in batch])) if cycles is not None}
    return cost


def steps(mca, program, measured, top):
    code = Code(program)
    rows = []
    for core, (cpu, model) in CORES.items():
        cases = [(*case[:3], join(code, case[3])) for case in measured if case[0] == cpu]
        cost = costs(mca, model, code, {block for *_, blocks in cases for block in blocks})
        for _, case, weights, blocks in cases:
            executed = sum(length * times for (_, length), times in blocks.items())
            outside = sum(length * times for (at, length), times in blocks.items() if not program.function(at))
            cycles = sum(times * cost[block] for block, times in blocks.items())
            rows.append({"case": case, "core": core, "weights": weights, "instructions": round(executed), "cycles": round(cycles)})
            if outside > 0.1 * executed:
                print(f"{case} on {core}: {outside / executed:.0%} of the instructions are in {LIBRARIES}")
            if top:
                print(f"{case} on {core}: {round(executed)} instructions, {round(cycles)} cycles")
                for name, n in by_function(program, blocks, cost).most_common(top):
                    print(f"    {n:9.0f} {n / cycles:6.1%}  {name}")
    return rows


def by_function(program, blocks, cost):
    by = collections.Counter()
    for block, times in blocks.items():
        by[program.name(block[0])] += times * cost[block]
    return by


def loops(mca, program):
    known = functions(program.path)
    rows = []
    with open(LOOPS, encoding="utf-8") as file:
        budget = [loop for loop in json.load(file) if loop["in"] in known]
    for loop in budget:
        found = inner_loops(instructions(program.path, *known[loop["in"]]))
        texts = [text for _, text in (max(found, key=products) if loop["loop"] == "most products" else found[loop["loop"]])]
        has_dot_products = any(text.startswith("sdot ") for text in texts)
        cycles = {}
        for core, (cpu, model) in CORES.items():
            if has_dot_products and cpu != "cortex-a76":
                continue
            one = by_llvm(mca, model, [texts])[0] if model else cortex_a53.cycles(texts)
            cycles[core] = None if one is None else round(one, 1)
        rows.append({"name": loop["name"], "instructions": len(texts), "cycles": cycles})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--only", default="")
    parser.add_argument("--top", type=int, default=0)
    arguments = parser.parse_args()
    mca, version = find_mca()
    program = Program(arguments.binary)
    report = {"llvm": version, "steps": steps(mca, program, measure(program, arguments.models, CPUS, arguments.only), arguments.top), "loops": loops(mca, program)}
    if arguments.only:
        for row in [] if arguments.top else report["steps"]:
            print(f"{row['case']:24} {row['core']}: {row['instructions']:9} instructions {row['cycles']:9} cycles")
        for loop in report["loops"]:
            print(f"{loop['name']:28} {loop['instructions']:4} instructions, cycles {', '.join(f'{core} {n}' for core, n in loop['cycles'].items())}")
        return
    with open(RESULT, "w", encoding="utf-8") as file:
        file.write(f'{{\n  "llvm": {json.dumps(version)},\n')
        for part, end in (("steps", ","), ("loops", "")):
            file.write(f'  "{part}": [\n' + ",\n".join("    " + json.dumps(row) for row in report[part]) + f"\n  ]{end}\n")
        file.write("}\n")


if __name__ == "__main__":
    main()
