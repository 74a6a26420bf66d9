"""A model of the Cortex-A53's pipeline: how many cycles a block of instructions takes when it is repeated.

LLVM's description of this core is too coarse: it lets every instruction with write-back wait for the one before. The rules here are those of
gcc/config/arm/cortex-a53.md, which Arm wrote, and of measurements published with ncnn and gemmlowp:
- Two instructions issue in a cycle, in order. 128-bit arithmetic issues once in a cycle, not beside a vector load, but beside an insertion.
- A 128-bit load takes both places and then one of the next cycle. A 64-bit load, address arithmetic and a branch take one.
- An accumulator is needed late, an address early. The divider is not pipelined; its time is a guess.
All data is in the first cache and all branches are predicted. The model agrees with the cycles of those projects' documented loops within about
20 %, and is rather too fast.
"""
import collections
import re

DIVIDER = {"divide": 27, "divide64": 14}
LATENCY = {"alu": 1, "load": 3, "load pair": 4, "load64": 3, "load128": 4, "load256": 6, "vector": 4, "vector64": 4, "insert": 2, "multiply-add": 8,
           "multiply-add64": 8, "to general": 4, "store": 1, "store128": 1, "branch": 0, "nothing": 0, **DIVIDER}

# The first pattern that matches the instruction is its kind. ¤ is a whole 128-bit register's arrangement.
KINDS = [(kind, re.compile(pattern.replace("¤", r"\.(?:16b|8h|4s|2d)\b"))) for kind, pattern in (
    ("load256", r"ldn?p q"),
    ("load128", r"ldu?r q|ldp [ds]|ld1 \{v\d+¤\}|ld1 \{v\d+\.(?:8b|4h|2s|1d), ?v"),
    ("load256", r"ld1 \{"),
    ("load64", r"ldu?r [dshb]\d|ld1r"),
    ("load pair", r"ldn?p"),
    ("load", r"ld"),
    ("store128", r"stu?r q|stp [dq]"),
    ("store", r"st"),
    ("branch", r"(?:b|b\.\w+|cbn?z|tbn?z|bl|blr|br|ret)(?: |$)"),
    ("nothing", r"nop"),
    ("divide", r"f(?:div|sqrt) .*\.4s"),
    ("divide64", r"f(?:div|sqrt) "),
    ("to general", r"[us]mov |fmov [wx]\d+, [sdv]|mov [wx]\d+, v"),
    ("insert", r"ins |mov v\d+\.\w\[\d+\], [wx]"),
    ("multiply-add", r"fml[as] .*¤"),
    ("multiply-add64", r"fml[as] "),
    ("vector", r".* v\d+.*¤"),
    ("vector64", r".*\bv\d+\.|.*\b[sd]\d+\b"),
    ("alu", r""),
)]
WIDE = ("vector", "multiply-add", "divide")
NARROW = ("vector64", "multiply-add64", "divide64", "to general")
MEMORY = ("load", "load pair", "load64", "load128", "load256", "store", "store128")
ACCUMULATING = re.compile(r"(?:fml[as]|ml[as]|[us]mlal2?|[us]dot|[us]adalp|bi[tf]|bsl|[us]aba|ins) |mov v\d+\.\w\[")
REGISTER = re.compile(r"\b([vqdshbxw])(\d+)\b")


def registers(text):
    return [("v" if letter in "vqdshb" else "x") + number for letter, number in REGISTER.findall(text)]


class Instruction:
    """What the model needs to know of an instruction: its kind, and the registers that it reads and writes."""

    def __init__(self, text):
        operation, _, operands = text.partition(" ")
        self.kind = next(kind for kind, pattern in KINDS if pattern.match(text))
        found = registers(operands)
        memory = re.search(r"\[([^\]]*)\](!|, *#?-?\w+)?", operands) if self.kind in MEMORY else None
        self.address = registers(memory.group(1)) if memory else []
        written_back = self.address[:1] if memory and memory.group(2) else []
        self.accumulator = found[0] if found and ACCUMULATING.match(text) else None
        if operation.startswith("st"):
            self.reads, self.writes = found, written_back
        elif operation.startswith("ld"):
            through = re.match(r"\{v(\d+)\.\w+-v(\d+)", operands)
            loaded = [f"v{i}" for i in range(int(through.group(1)), int(through.group(2)) + 1)] if through else registers(operands.split("[")[0])
            self.reads, self.writes = self.address, loaded + written_back
        elif self.kind == "branch":
            self.reads, self.writes = ["flags"] if operation.startswith("b.") else found if operation[0] in "ct" else [], []
        elif operation in ("cmp", "cmn", "tst", "fcmp", "fcmpe", "ccmp"):
            self.reads, self.writes = found, ["flags"]
        else:
            self.reads, self.writes = found[1:] + ([self.accumulator] if self.accumulator else []), found[:1]
            if operation in ("adds", "subs", "ands"):
                self.writes = self.writes + ["flags"]
            if operation in ("csel", "cset", "csinc", "fcsel", "cneg", "cinc"):
                self.reads = self.reads + ["flags"]

    def delay(self, register, producer):
        """Cycles from the issue of a register's producer to the issue of this instruction."""
        is_address, is_sum = register in self.address, register == self.accumulator
        multiplies = self.kind.startswith("multiply-add")
        if producer in MEMORY and register.startswith("x") and producer not in ("load", "load pair"):
            return 1  # an address that the access wrote back
        if producer == "alu":
            if is_address:
                return 2
            return 0 if self.kind in ("store", "store128", "branch", "insert") else 2 if self.kind in ("vector", "vector64") else 1
        if producer in ("load", "load pair") and is_address:
            return 3
        if producer == "load" and self.kind == "alu":
            return 2
        if is_sum and multiplies:
            return 4 if producer.startswith("multiply-add") else 1 if producer in ("vector", "vector64", "load128", "load64") else LATENCY[producer]
        return LATENCY[producer]


class Pipeline:
    """Which cycles are taken by what."""

    def __init__(self):
        self.cycle = self.divider = 0
        self.ready = {}  # register: (cycle of issue, kind) of its producer
        self.issued, self.vectors = collections.Counter(), collections.Counter()
        self.vector_loads, self.accesses = set(), set()

    def fits(self, kind, cycle):
        free = 2 - self.issued[cycle]
        if free < 1 or kind in MEMORY and cycle in self.accesses:
            return False
        if kind in ("load128", "load256", "load pair"):
            return free == 2
        if kind in WIDE:
            return self.vectors[cycle] == 0 and cycle not in self.vector_loads
        if kind in NARROW:
            return self.vectors[cycle] <= 1 and cycle not in self.vector_loads
        if kind == "insert":
            return self.vectors[cycle] <= 1
        return kind != "load64" or self.vectors[cycle] == 0

    def issue(self, instruction):
        kind, cycle = instruction.kind, self.cycle
        for register in instruction.reads:
            if register in self.ready:
                at, producer = self.ready[register]
                cycle = max(cycle, at + instruction.delay(register, producer))
        if kind in DIVIDER:
            cycle = max(cycle, self.divider)
        while not self.fits(kind, cycle):
            cycle += 1
        self.cycle = cycle
        if kind in DIVIDER:
            self.divider = cycle + DIVIDER[kind] - 1
        self.issued[cycle] += 1
        self.vectors[cycle] += 2 if kind in WIDE else 1 if kind in NARROW else 0
        if kind == "load64":
            self.vector_loads.add(cycle)
        if kind in MEMORY:
            self.accesses.add(cycle)
        if kind in ("load128", "load pair", "load256"):
            last = cycle + (3 if kind == "load256" else 1)
            self.issued[cycle] = 2
            for later in range(cycle + 1, last + 1):
                self.issued[later] = 2 if later < last else max(self.issued[later], 1)
                self.accesses.add(later)
                self.vector_loads.add(later)
        if kind == "store128":
            self.issued[cycle + 1] += 1
            self.accesses.add(cycle + 1)
        for register in instruction.writes:
            self.ready[register] = cycle, kind


def cycles(texts, repeats=40):
    """Cycles of a block of instructions when it is repeated."""
    block = [Instruction(text) for text in texts if not text.startswith((".inst", "udf"))]
    pipeline = Pipeline()
    ends = []
    for _ in range(repeats):
        for instruction in block:
            pipeline.issue(instruction)
        ends.append(pipeline.cycle)
    return (ends[-1] - ends[repeats // 2 - 1]) / (repeats - repeats // 2)
