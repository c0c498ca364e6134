"""Writes Chakra execution traces by hand: messages of Protocol Buffers behind their lengths."""

import struct

METADATA, MEM_LOAD, MEM_STORE, COMP, SEND, RECV, COLL = range(1, 8)
ALL_REDUCE, REDUCE, ALL_GATHER, GATHER, SCATTER, BROADCAST, ALL_TO_ALL, REDUCE_SCATTER = range(8)


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def number(field, n):
    return varint(field << 3) + varint(n)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def attribute(name, value):
    if isinstance(value, bool):
        body = number(27, value)
    elif isinstance(value, int):
        body = number(9, value)
    elif isinstance(value, float):
        body = varint(3 << 3 | 1) + struct.pack("<d", value)
    elif isinstance(value, list):
        body = text(28, text(1, bytes(value)))
    else:
        body = text(29, value)
    return text(1, name) + body


def metadata(version="0.0.4"):
    return text(1, version) + text(2, attribute("schema", "1.0.2-chakra.0.0.4"))


def node(id_, kind, micros=0, data=(), control=(), start=0, name="node", inputs="", packed=True,
         **attributes):
    out = number(1, id_) + text(2, name) + number(3, kind)
    for field, deps in ((4, control), (5, data)):
        if packed and deps:
            out += text(field, b"".join(varint(d) for d in deps))
        else:
            out += b"".join(number(field, d) for d in deps)
    out += number(6, start) if start else b""
    out += number(7, micros) if micros else b""
    out += text(8, text(1, inputs)) if inputs else b""
    return out + b"".join(text(10, attribute(k, v)) for k, v in attributes.items())


def trace(*nodes, head=None):
    messages = (metadata() if head is None else head, *nodes)
    return b"".join(varint(len(m)) + m for m in messages)


def collective(id_, kind, size, data=(), **more):
    return node(id_, COLL, data=data, comm_type=kind, comm_size=size, is_cpu_op=False, **more)
