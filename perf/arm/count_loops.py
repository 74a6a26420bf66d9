#!/usr/bin/env python3
"""Counts the instructions of the kernels' inner loops in an arm64 binary, and fails if a loop has more than loops.json allows.

  count_loops.py BINARY             compare with loops.json beside this file
  count_loops.py BINARY --update    write the counts found into loops.json
  count_loops.py BINARY --dump X    print the instructions of the loops whose name contains X

The binary needs its symbols: dotnet publish tests/BitHash -c Release -r linux-arm64 -p:StripSymbols=false -o OUT
Needs aarch64-linux-gnu-nm and -objdump (Debian: binutils-aarch64-linux-gnu). Counts are exact and do not depend on the machine.
"""
import json
import os
import re
import subprocess
import sys

BUDGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "loops.json")
COUNTED = ("instructions", "moves", "stack", "calls")
FOUR_VECTORS = re.compile(r"FourVectors_\d+<(AdvSimd__Vector128_1<Single>__Vector128_1<Int32>)>__Four_1<Vector128_1<Single>>__Four_1<Vector128_1<Int32>>")
BRANCH = re.compile(r"^(?:b|b\.\w+|cbz|cbnz|tbz|tbnz)\b.*?\b([0-9a-f]+)$")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def short(symbol):
    """Short name Class<type arguments>.Method<tiles> of a kernel for NEON, from the compiler's symbol; None for other symbols."""
    symbol = re.sub("SeqRuntime_SeqRuntime_Kernels_(?:Mathematics_|Products_|Sets_)?", "", symbol).replace("S_P_CoreLib_System_Runtime_Intrinsics_", "")
    symbol = FOUR_VECTORS.sub(r"\1", symbol)
    match = re.match(r"^([A-Za-z0-9_]+?)_\d+<(AdvSimd__.*)>__([A-Za-z0-9_]+)(<.*>)?$", symbol)
    if not match:
        return None
    kind, arguments, method, tiles = match.groups()
    arguments = arguments[len("AdvSimd__Vector128_1<Single>__Vector128_1<Int32>"):].lstrip("_")
    arguments = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", arguments))
    first = re.sub(r"_\d+$", "", arguments.split("__")[0])
    return f"{kind}{'<' + first + '>' if first else ''}.{method}{tiles or ''}"


def functions(binary):
    lines = [line.split(None, 2) for line in output("aarch64-linux-gnu-nm", "-n", binary).splitlines()]
    starts = [(int(parts[0], 16), parts[2]) for parts in lines if len(parts) == 3 and parts[1] in "tT"]
    if not starts:
        sys.exit(f"{binary} has no symbols; publish with -p:StripSymbols=false")
    found = {}
    for (start, name), (end, _) in zip(starts, starts[1:] + [(starts[-1][0] + 0x1000, "")]):
        if short(name):
            found[short(name)] = (start, end)
    return found


def instructions(binary, start, end):
    text = output("aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", f"--start-address={start:#x}", f"--stop-address={end:#x}", binary)
    found = []
    for line in text.splitlines():
        match = re.match(r"^\s*([0-9a-f]+):\s+(.*?)\s*$", line)
        if match:
            plain = re.sub(r"\s*(//|<).*$", "", match.group(2))
            found.append((int(match.group(1), 16), re.sub(r"\s+", " ", plain)))
    return found


def inner_loops(code):
    """A loop is the code from a branch's target up to the branch; an inner loop contains no other loop."""
    places = {address: i for i, (address, _) in enumerate(code)}
    found = set()
    for i, (address, text) in enumerate(code):
        match = BRANCH.match(text)
        target = int(match.group(1), 16) if match else address + 1
        if target <= address and target in places:
            found.add((places[target], i))
    return [code[j:i + 1] for j, i in sorted(found) if not any((q, p) != (j, i) and q >= j and p <= i for q, p in found)]


def products(body):
    total = 0
    for _, text in body:
        operation, first = text.split()[0], text.split(",")[0]
        total += 16 if operation == "sdot" else 8 if operation[:5] in ("smull", "smlal") else 4 if operation == "fmla" and ".4s" in first else 0
    return total


def count(body):
    texts = [text for _, text in body]
    return {
        "products": products(body),
        "instructions": len(texts),
        "moves": sum(1 for t in texts if re.match(r"^mov v\d+\.\w+, v\d+\.\w+$", t)),
        "stack": sum(1 for t in texts if re.search(r"\[(sp|x29)\b", t)),
        "calls": sum(1 for t in texts if t.split()[0] in ("bl", "blr")),
    }


def main(binary, *options):
    with open(BUDGET, encoding="utf-8") as file:
        budget = json.load(file)
    known = functions(binary)
    over = 0
    for loop in budget:
        if loop["in"] not in known:
            print(f"{loop['name']}: the binary has no {loop['in']}")
            over += 1
            continue
        found = inner_loops(instructions(binary, *known[loop["in"]]))
        body = max(found, key=products) if loop["loop"] == "most products" else found[loop["loop"]]
        now = count(body)
        if "--dump" in options and options[options.index("--dump") + 1] in loop["name"]:
            print("\n".join([loop["name"]] + [f"  {address:x}: {text}" for address, text in body]))
        worse = [f"{what} {now[what]}, allowed {loop.get(what, 0)}" for what in COUNTED if now[what] > loop.get(what, 0)]
        over += 1 if worse else 0
        print(f"{loop['name']:32} {now['instructions']:4} instructions, {now['products']:4} products{'   MORE: ' + '; '.join(worse) if worse else ''}")
        if "--update" in options:
            loop.update(now)
    if "--update" in options:
        with open(BUDGET, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join("  " + json.dumps(loop) for loop in budget) + "\n]\n")
        return
    print(f"{len(budget)} loops, {over} with more than allowed")
    sys.exit(1 if over else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
