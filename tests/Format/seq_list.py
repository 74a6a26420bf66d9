#!/usr/bin/env python3
"""Lists the graphs and tensors of a .seq file. Written from docs/file-format.md alone; no part of the product uses it."""
import struct
import sys

TYPES = {1: ("float32", 4), 2: ("uint8", 1), 3: ("int8", 1), 6: ("int32", 4), 7: ("int64", 8), 9: ("bool", 1), 11: ("float64", 8)}
FORMATS = ["dense", "fp32", "int8", "fp16", "int4", "narrow int8", "bf16", "int8g32"]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def align(n, to):
    return (n + to - 1) // to * to


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0
        self.stems, self.last = [b""] * 64, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def byte(self):
        return self.take(1)[0]

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def near(self, origin):
        d = self.number()
        return -1 if d == 0 else origin + d - 1 if d > 0 else origin + d

    def list(self, item):
        return [item() for _ in range(self.number())]

    def text(self):
        place = self.number()
        if place >= 0:
            stem = self.stems[place]
        else:
            shared, rest = self.number(), self.number()
            stem = self.stems[-1 - place][:shared] + self.take(rest)
        if stem in self.stems:
            self.stems.remove(stem)
        else:
            self.stems.pop()
        self.stems.insert(0, stem)
        value = self.near(self.last)
        if value < 0:
            return stem.decode()
        self.last = value
        return stem.decode() + str(value)

    def shape(self):
        return [self.number() for _ in range(self.byte())]

    def end(self):
        if self.at != len(self.data):
            raise ValueError("bytes are left")


def matrix_bytes(form, rows, columns):
    padded = align(rows, 4)
    group, row_bytes, after = {"fp32": (1, 4, 0), "fp16": (1, 2, 0), "bf16": (1, 2, 0), "int8": (4, 4, 8), "narrow int8": (4, 4, 4), "int4": (32, 17, 4), "int8g32": (32, 34, 0)}[form]
    return padded * (align(columns, group) // group * row_bytes + after)


def sections(data):
    if data[:8] != b"SEQRT\r\n\x1a":
        raise ValueError("not a .seq file")
    major, minor, count, length = struct.unpack_from("<HHIQ", data, 8)
    if major != 2 or length != len(data):
        raise ValueError("another version, or cut short")
    head = bytearray(data[:64 + 32 * count])
    checksum, = struct.unpack_from("<I", head, 60)
    head[60:64] = bytes(4)
    if crc32c(head) != checksum:
        raise ValueError("the header's checksum does not match")
    found = {}
    for i in range(count):
        name, _, offset, size, crc = struct.unpack_from("<4sIQQI", data, 64 + 32 * i)
        found[name.decode()] = data[offset:offset + size]
        if name != b"DATA" and crc32c(found[name.decode()]) != crc:
            raise ValueError(f"the checksum of {name.decode()} does not match")
    return found


def tensors(reader):
    def one():
        name, kind, type_, shape = reader.text(), reader.byte(), reader.byte(), reader.shape()
        form = FORMATS[kind & 0x7F]
        count, length = 1, TYPES[type_][1]
        if form == "dense":
            for size in shape:
                length *= size
        else:
            count = reader.number()
            length = count * align(matrix_bytes(form, *shape), 64)
        return {"name": name, "format": form, "type": TYPES[type_][0], "shape": shape, "count": count, "bytes": length}

    found = reader.list(one)
    reader.end()
    end = 0
    for small in (False, True):
        for tensor in found:
            if (tensor["bytes"] < 64) == small:
                tensor["offset"] = end
                end = align(end + tensor["bytes"], 8 if small else 64)
    return found, align(end, 64) + 64


def graphs(reader, all_tensors):
    def one():
        name, symbols = reader.text(), reader.list(reader.text)
        expected = 0

        def value():
            nonlocal expected
            kind = reader.byte()
            if kind == 1:
                return [reader.text(), TYPES[reader.byte()][0], [symbols[-1 - s] if s < 0 else s for s in reader.shape()]]
            if kind == 2:
                tensor = expected + reader.number()
                expected = tensor + 1
                return [all_tensors[tensor]["name"]]
            return [reader.text() if kind == 3 else ""]

        values = reader.list(value)
        inputs, outputs = reader.list(reader.number), reader.list(reader.number)
        states = reader.list(lambda: (reader.text(), reader.number(), reader.number(), reader.number()))
        origin = 0

        def attribute():
            key, kind = reader.byte(), reader.byte()
            single = lambda: struct.unpack("<f", reader.take(4))[0]
            return key, {1: reader.number, 2: single, 3: lambda: reader.list(reader.number), 4: lambda: reader.list(single), 5: reader.text}[kind]()

        def node():
            nonlocal origin
            title, kind = reader.text(), reader.number()
            ins, outs = reader.list(lambda: reader.near(origin)), reader.list(lambda: reader.near(origin))
            for i, output in enumerate(outs):
                if output >= 0 and values[output] == [""]:
                    values[output] = [title if len(outs) == 1 else f"{title}:{i}"]
            if outs and outs[-1] >= 0:
                origin = outs[-1] + 1
            return title, kind, ins, outs, reader.list(attribute)

        nodes = reader.list(node)
        return name, values, inputs, outputs, states, nodes

    found = reader.list(one)
    reader.end()
    return found


def main(path):
    with open(path, "rb") as file:
        parts = sections(file.read())
    listed, length = tensors(Reader(parts["TNS2"]))
    if length != len(parts["DATA"]):
        raise ValueError("the tensors do not fill the data")
    for tensor in listed:
        shape = ",".join(map(str, tensor["shape"]))
        print(f"tensor {tensor['name']} {tensor['format']} {tensor['type']} [{shape}] x{tensor['count']} {tensor['bytes']} at {tensor['offset']}")
    for name, values, inputs, outputs, states, nodes in graphs(Reader(parts["GRP2"]), listed):
        print(f"graph {name}")
        for index in inputs:
            print(f"  input {values[index][0]} {values[index][1]} [{','.join(map(str, values[index][2]))}]")
        for state, value, update, _ in states:
            print(f"  state {state} {values[value][1]} [{','.join(map(str, values[value][2]))}] becomes {values[update][0]}")
        for title, kind, ins, outs, attributes in nodes:
            print(f"  node {title} {kind} ({','.join('-' if i < 0 else values[i][0] for i in ins)}) {len(outs)} outputs, {len(attributes)} attributes")
        for index in outputs:
            print(f"  output {values[index][0]}")


main(sys.argv[1])
