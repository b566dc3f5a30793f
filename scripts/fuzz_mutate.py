"""Damage to files: of any bytes, of tables, and inside of what is compressed or has checksums."""
import gzip
import io
import struct
import zipfile
import zlib

NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 37449, 37450, 37451, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
           1 << 32, (1 << 63) - 1, (1 << 64) - 1]
WORDS = [b"", b"0", b"-1", b"1e400", b"nan", b"2147483648", b"9223372036854775808", b"99999999999999999999", b".", b"\x00",
         b"\xff\xfe", b"\t", b"chr9", b"<NON_REF>", b"*", b"A" * 5000, b"END=99999999999", b"0|1|1", b"%s%n", b"\"", b"'"]


def any_bytes(rng, data, others):
    """A few changes of bytes: values, numbers of four or eight bytes, removed, repeated or foreign pieces."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        if not data:
            return bytes(data)
        at, kind = rng.randrange(len(data)), rng.randrange(9)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice([0, 1, 9, 10, 32, 0x7f, 0x80, 0xff, rng.randrange(256)])
        elif kind == 2:
            size = rng.choice([2, 4, 4, 4, 8])
            at -= at % rng.choice([1, size])
            data[at:at + size] = struct.pack("<Q", rng.choice(NUMBERS) & (1 << 64) - 1)[:size]
        elif kind == 3:
            del data[at:at + rng.choice([1, 4, 8, 100])]
        elif kind == 4:
            data[at:at] = data[at:at + rng.choice([1, 8, 50])]
        elif kind == 5:
            del data[at:]
        elif kind == 6:
            other = rng.choice(others)
            begin = rng.randrange(len(other)) if other else 0
            data[at:at + rng.choice([0, 16])] = other[begin:begin + rng.choice([4, 16, 200])]
        elif kind == 7:
            data[at:at + rng.choice([4, 16, 64])] = bytes([rng.choice([0, 0xff])]) * rng.choice([4, 16, 64])
        else:
            begin = rng.randrange(len(data))
            data[at:at + 8], data[begin:begin + 8] = data[begin:begin + 8], data[at:at + 8]
    return bytes(data)


def text(rng, data, others):
    """A few changes of fields and lines, else of bytes."""
    if rng.random() < 0.3:
        return any_bytes(rng, data, others)
    lines = data.split(b"\n")
    for _ in range(rng.choice([1, 1, 2, 4])):
        number = rng.randrange(len(lines))
        separator = b"\t" if b"\t" in lines[number] else rng.choice([b" ", b";", b"=", b","])
        fields = lines[number].split(separator)
        field, kind = rng.randrange(len(fields)), rng.randrange(7)
        if kind <= 2:
            fields[field] = rng.choice(WORDS)
        elif kind == 3:
            del fields[field]
        elif kind == 4:
            fields.insert(field, fields[rng.randrange(len(fields))])
        lines[number] = separator.join(fields)
        if kind == 5:
            lines.insert(number, lines[rng.randrange(len(lines))])
        elif kind == 6:
            del lines[number]
            lines = lines or [b""]
    return b"\n".join(lines)


def bgzf(data):
    """`data` as BGZF, in blocks that end where htslib's would not."""
    out = bytearray()
    for begin in list(range(0, len(data), 60000)) + [None]:
        piece = b"" if begin is None else data[begin:begin + 60000]
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        body = packer.compress(piece) + packer.flush()
        out += struct.pack("<4BI2BH2BHH", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(body) + 25)
        out += body + struct.pack("<2I", zlib.crc32(piece), len(piece))
    return bytes(out)


def inside(change):
    """The change applied to what a BGZF or gzip file contains; now and then to the file itself."""
    def changed(rng, data, others):
        if rng.random() < 0.15:
            return any_bytes(rng, data, others)
        blocks = data[3:4] == b"\x04"
        content = change(rng, gzip.decompress(data), others)
        return bgzf(content) if blocks else gzip.compress(content, 1)
    return changed


def member(rng, data, others):
    """The change applied to a member of a zip archive, with its checksum."""
    if rng.random() < 0.3:
        return any_bytes(rng, data, others)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as copy:
        names = archive.namelist()
        chosen = next(n for n in names if n.endswith("data.pkl")) if rng.random() < 0.7 else rng.choice(names)
        for name in names:
            content = archive.read(name)
            copy.writestr(name, any_bytes(rng, content, others) if name == chosen else content)
    return out.getvalue()


def itf8(data, at):
    """A number of CRAM and where the next one begins."""
    first = data[at]
    extra = 0 if first < 0x80 else 1 if first < 0xc0 else 2 if first < 0xe0 else 3 if first < 0xf0 else 4
    value = first & (0x7f >> extra) if extra < 4 else first & 0x0f
    for i in range(extra):
        value = (value << 8 | data[at + 1 + i]) if i < 3 or extra < 4 else (value << 4 | data[at + 4] & 0x0f)
    return value, at + 1 + extra


def ltf8(data, at):
    """Where the next number begins."""
    extra = 0
    while extra < 8 and data[at] & (0x80 >> extra):
        extra += 1
    return at + 1 + extra


def cram_parts(data):
    """(begin of a part of a CRAM 3, its end, which is where its checksum is): headers of containers, and blocks."""
    parts, at = [], 26
    while at < len(data):
        begin, length = at, struct.unpack_from("<i", data, at)[0]
        at += 4
        for _ in range(4):
            _, at = itf8(data, at)
        at = ltf8(data, ltf8(data, at))
        blocks, at = itf8(data, at)
        landmarks, at = itf8(data, at)
        for _ in range(landmarks):
            _, at = itf8(data, at)
        parts.append((begin, at))
        at += 4
        stop = at + length
        for _ in range(blocks):
            begin = at
            _, at = itf8(data, at + 2)
            packed, at = itf8(data, at)
            _, at = itf8(data, at)
            at += packed
            parts.append((begin, at))
            at += 4
        at = max(at, stop)
    return parts


def cram(rng, data, others):
    """Changes of single bytes in a CRAM 3, with the checksums that then fit; now and then of any bytes."""
    if rng.random() < 0.2:
        return any_bytes(rng, data, others)
    try:
        parts = cram_parts(data)
    except (IndexError, struct.error):
        return any_bytes(rng, data, others)
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        begin, end = rng.choice(parts)
        if end <= begin or end + 4 > len(data):
            continue
        for _ in range(rng.choice([1, 1, 3])):
            # Mostly near the beginning: sizes, encodings.
            at = begin + min(int(rng.expovariate(1 / 40)), end - begin - 1) if rng.random() < 0.6 else \
                rng.randrange(begin, end)
            data[at] = rng.choice([0, 1, 0x7f, 0x80, 0xff, data[at] ^ 1 << rng.randrange(8), rng.randrange(256)])
        data[end:end + 4] = struct.pack("<I", zlib.crc32(bytes(data[begin:end])))
    return bytes(data)
