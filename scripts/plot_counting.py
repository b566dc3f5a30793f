#!/usr/bin/env python3
"""Draw how `deepallele count` assigns fragments across a deletion in a repeat, as an SVG.

    plot_counting.py > docs/counting.svg

A scheme, but with the real arithmetic: log-likelihood ratios are those of `count` at base quality 30. Standard
library only.
"""
import math
from xml.sax.saxutils import escape

HAP1 = "GTCAGCATTGCAACTACTACTGGTCAGATTCGATCCGTGAAGCTCT"
# Haplotype 2 lacks one of three copies of ACT, written at the first as in a VCF, and has T for G.
REPEAT, DELETED, SNV, SNV_BASE = range(12, 21), range(12, 15), 36, "T"
HAP2 = "".join("-" if i in DELETED else SNV_BASE if i == SNV else base for i, base in enumerate(HAP1))

CELL, ROW, LEFT, TOP = 14, 22, 196, 52
GRID = LEFT + len(HAP1) * CELL
LLR, CLASS, WIDTH = GRID + 24, GRID + 170, GRID + 310
BLUE, ORANGE, GREY, RED, INK, SOFT = "#0072b2", "#d55e00", "#8a8a8a", "#b3336b", "#222222", "#666666"

# Phred units: a base of quality 30 that fits against one that does not, the deletion of one of three copies, and the
# cheapest way to explain five clipped bases that do not continue haplotype 1 (adapter: 13, and 3 for each).
SNV_LLR = -10 * math.log10(0.001 / 3) + 10 * math.log10(1 - 0.001)
INDEL_LLR = 45 - 2 * (3 - 1)
CLIP_LLR = 13 + 3 * 5
ENOUGH = 10 * math.log10(0.95 / 0.05)


def read(sequence, first, last):
    """Bases of a haplotype by column, `last` included; a column without a base is a gap of the alignment."""
    return {i: sequence[i] for i in range(first, last + 1)}


# Name, lines of (note, mates, clipped columns), terms of the ratio, class. A mate that reaches a border of the picture
# goes on beyond it.
CLIPPED = dict(zip(range(18, 23), HAP1[21:26]))
FRAGMENTS = [
    ("spans the repeat", [("", [read(HAP1, 0, 25), read(HAP1, 31, 45)], ())], [INDEL_LLR, SNV_LLR], "haplotype 1"),
    ("spans it, with a gap", [("", [read(HAP2, 0, 27), read(HAP2, 32, 45)], ())], [-INDEL_LLR, -SNV_LLR], "haplotype 2"),
    ("covers neither variant", [("", [read(HAP1, 0, 8), read(HAP1, 24, 34)], ())], [], "uninformative"),
    ("ends inside the repeat", [("", [read(HAP1, 0, 17)], ())], [0.0], "uninformative"),
    ("ends just after it", [("as aligned: soft-clipped", [read(HAP1, 0, 17) | CLIPPED], CLIPPED),
                           ("realigned", [read(HAP2, 0, 25)], ())], [-CLIP_LLR], "haplotype 2"),
    ("its mates disagree", [("", [read(HAP1, 0, 24), read(HAP2, 31, 45)], ())], [INDEL_LLR, -SNV_LLR], "conflicting"),
]
COLOURS = {"haplotype 1": BLUE, "haplotype 2": ORANGE, "uninformative": GREY, "conflicting": RED}


def column(i):
    return LEFT + i * CELL


def text(x, y, words, style="", anchor="start", colour=INK):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" class="{style}">{escape(words)}</text>'


def letters(bases, y, colours):
    """One letter a column; `colours` gives the columns whose letter is set off, with the colour of its box."""
    out = []
    for i, base in bases.items():
        if i in colours:
            out.append(f'<rect x="{column(i) + 0.5}" y="{y - 12}" width="{CELL - 1}" height="16" rx="2" fill="{colours[i]}"/>')
        out.append(text(column(i) + CELL / 2, y, base, "b w" if i in colours else "b", "middle",
                        "white" if i in colours else INK))
    return out


def informative(bases, clipped):
    """Columns at which a read shows one haplotype, with that one's colour."""
    colours = {}
    if not clipped and all(i in bases for i in (REPEAT[0] - 1, REPEAT[-1] + 1)):
        colour = ORANGE if any(bases[i] == "-" for i in REPEAT) else BLUE
        colours = {i: colour for i in REPEAT if bases[i] != "-"}
    if SNV in bases:
        colours[SNV] = BLUE if bases[SNV] == HAP1[SNV] else ORANGE
    return colours


def bar(bases, y, clipped):
    """A mate: its aligned bases in a box, gaps as a line, clipped bases hatched."""
    out, runs = [], []
    for i in sorted(bases):
        kind = "gap" if bases[i] == "-" else "clip" if i in clipped else "aligned"
        if runs and runs[-1][0] == kind:
            runs[-1][2] = i
        else:
            runs.append([kind, i, i])
    for kind, first, last in runs:
        left, right = column(first), column(last + 1)
        if kind == "gap":
            out.append(f'<line x1="{left}" x2="{right}" y1="{y - 4}" y2="{y - 4}" stroke="{INK}" stroke-width="1.2"/>')
            continue
        fill = "url(#clip)" if kind == "clip" else "#e9edf2"
        dash = ' stroke-dasharray="3 2"' if kind == "clip" else ""
        out.append(f'<rect x="{left}" y="{y - 13}" width="{right - left}" height="18" rx="3" fill="{fill}" '
                   f'stroke="#9aa5b1" stroke-width="0.8"{dash}/>')
    # Beyond the picture.
    for edge, here, way in ((column(0), 0, -1), (GRID, len(HAP1) - 1, 1)):
        if here in bases:
            out.append(f'<path d="M{edge} {y - 13} l{6 * way} 9 l{-6 * way} 9 z" fill="#c3ccd6"/>')
    shown = {i: base for i, base in bases.items() if base != "-"}
    colours = {i: c for i, c in informative(bases, clipped).items() if i in shown}
    return out + letters(shown, y, colours)


def ratio(terms):
    number = lambda value: f"{value:+.0f}".replace("-", "\u2212")
    if not terms:
        return "no evidence"
    if len(terms) == 1:
        return number(terms[0]) if terms[0] else "0"
    return f"{' '.join(number(t) for t in terms)} = {number(sum(terms))}"


def main():
    out, y = [], TOP
    lines = []
    for name, hap, colour in (("haplotype 1", HAP1, BLUE), ("haplotype 2", HAP2, ORANGE)):
        lines.append(text(LEFT - 14, y, name, "h", "end", colour))
        bases = dict(enumerate(hap))
        gaps = [i for i in bases if bases[i] == "-"]
        shown = {i: base for i, base in bases.items() if base != "-"}
        lines += letters(shown, y, {i: colour for i in (*REPEAT, SNV) if i in shown})
        if gaps:
            lines.append(f'<line x1="{column(gaps[0]) + 2}" x2="{column(gaps[-1] + 1) - 2}" y1="{y - 4}" y2="{y - 4}" '
                         f'stroke="{colour}" stroke-width="1.5" stroke-dasharray="3 3"/>')
        y += ROW
    y += 10
    rule = y
    lines += [text(LEFT - 14, y + 16, "fragment", "s", "end", SOFT), text(LLR, y + 16, "log-likelihood ratio", "s", "start", SOFT),
              text(CLASS, y + 16, "counted as", "s", "start", SOFT)]
    y += 42
    for name, rows, terms, kind in FRAGMENTS:
        middle = y + (len(rows) - 1) * (ROW + 2) / 2
        lines.append(text(LEFT - 14, middle, name, "", "end"))
        for note, mates, clipped in rows:
            ends = [(min(mate), max(mate)) for mate in mates]
            for (_, before), (after, _) in zip(ends, ends[1:]):
                lines.append(f'<line x1="{column(before + 1)}" x2="{column(after)}" y1="{y - 4}" y2="{y - 4}" '
                             f'stroke="#9aa5b1" stroke-width="1.2" stroke-dasharray="1 3"/>')
            for mate in mates:
                lines += bar(mate, y, clipped)
            if note:
                lines.append(text(column(ends[-1][1] + 1) + 12, y, note, "s", "start", SOFT))
            y += ROW + 2
        lines.append(text(LLR, middle, ratio(terms), "n"))
        lines.append(f'<rect x="{CLASS}" y="{middle - 15}" width="124" height="22" rx="11" fill="{COLOURS[kind]}"/>')
        lines.append(text(CLASS + 62, middle, kind, "w", "middle", "white"))
        y += 12
    bottom = y - 18
    # Behind everything: where the variants are.
    for first, last in ((REPEAT[0], REPEAT[-1]), (SNV, SNV)):
        out.append(f'<rect x="{column(first) - 1}" y="{TOP - 16}" width="{(last + 1 - first) * CELL + 2}" '
                   f'height="{bottom - TOP + 16}" fill="#fff6d6"/>')
    out.append(f'<line x1="16" x2="{WIDTH - 16}" y1="{rule}" y2="{rule}" stroke="#cccccc"/>')
    out.append(text((column(REPEAT[0]) + column(REPEAT[-1] + 1)) / 2, TOP - 24, "deletion of one ACT in a repeat", "s", "middle", SOFT))
    out.append(text(column(SNV) + CELL / 2, TOP - 24, "SNV", "s", "middle", SOFT))
    note = (f"Phred units at base quality 30, haplotype 1 positive. Assigned from \u00b1{ENOUGH:.1f} (95 % against 5 %); conflicting "
            "when both sides reach it and neither outweighs the other by it.")
    lines.append(text(16, bottom + 26, note, "s", "start", SOFT))
    height = bottom + 40
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}" '
          'font-family="Helvetica, Arial, sans-serif" font-size="13">')
    print("<style>.s { font-size: 12px } .h { font-weight: bold } .b { font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; "
          "font-size: 12px } .w { font-weight: bold } .n { font-size: 13px }</style>")
    print('<defs><pattern id="clip" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
          '<rect width="5" height="5" fill="white"/><line x1="0" y1="0" x2="0" y2="5" stroke="#c9d1da" stroke-width="2"/></pattern></defs>')
    print(f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>')
    print("\n".join(out + lines))
    print("</svg>")


if __name__ == "__main__":
    main()
