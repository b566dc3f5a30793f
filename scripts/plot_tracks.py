#!/usr/bin/env python3
"""Draw the demo's tracks over one interval of the genome as an SVG, as a genome browser would show them.

    plot_tracks.py DEMO-OUT CHROM:FROM-TO > tracks.svg

Everything comes from the bedGraph files. Standard library only.
"""
import re
import sys
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 1000, 200, 30, 66, 16, 34
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#555555"


def bedgraph(path, chrom, start, end):
    spans = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            columns = line.split("\t")
            if len(columns) == 4 and columns[0] == chrom and int(columns[1]) < end and int(columns[2]) > start:
                spans.append((int(columns[1]), int(columns[2]), float(columns[3])))
    return spans


def panel(number, label, spans, colours, start, end, scale=None):
    """One track: `colours` are those of values above and below zero; returns SVG lines. Spans narrower than
    two pixels are drawn two pixels wide."""
    top = TOP + number * (PANEL + GAP)
    low = min([0.0, *(value for _, _, value in spans)])
    high = max([0.0, *(value for _, _, value in spans)])
    if scale is not None:
        low, high = scale
    if high == low:
        high = low + 1
    if low < 0:  # both signs: zero in the middle
        high = max(high, -low)
        low = -high
    x = lambda position: LEFT + (position - start) / (end - start) * (WIDTH - LEFT - RIGHT)
    y = lambda value: top + PANEL - (value - low) / (high - low) * PANEL
    out = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PANEL}" fill="#f7f7f7"/>',
           f'<text x="{LEFT - 52}" y="{top + PANEL / 2 + 4:.0f}" text-anchor="end">{escape(label)}</text>',
           f'<text x="{LEFT - 6}" y="{top + 9}" text-anchor="end" class="s">{high:.3g}</text>',
           f'<text x="{LEFT - 6}" y="{top + PANEL}" text-anchor="end" class="s">{low:.3g}</text>']
    for from_, to, value in spans:
        left, right = x(max(from_, start)), x(min(to, end))
        if right - left < 2:
            left, right = (left + right) / 2 - 1, (left + right) / 2 + 1
        ends = sorted([y(max(min(value, high), low)), y(0)])
        colour = colours[0] if value >= 0 else colours[1]
        out.append(f'<rect x="{left:.1f}" y="{ends[0]:.1f}" width="{right - left:.1f}" '
                   f'height="{max(ends[1] - ends[0], 0.6):.1f}" fill="{colour}"/>')
    out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(0):.1f}" y2="{y(0):.1f}" stroke="{GREY}" stroke-width="0.6"/>')
    return out


def axis(chrom, start, end, bottom):
    step = 10 ** (len(str(end - start)) - 1)
    while (end - start) / step < 4:
        step //= 2
    digits = 2 if step % 10_000 == 0 else 3
    out = []
    for position in range(-(-start // step) * step, end + 1, step):
        x = LEFT + (position - start) / (end - start) * (WIDTH - LEFT - RIGHT)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#dddddd" stroke-width="0.5"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle" class="s">{position / 1e6:.{digits}f}</text>')
    out.append(f'<text x="{LEFT - 52}" y="{bottom + 15}" text-anchor="end" class="s">{escape(chrom)}, Mb</text>')
    return out


def main():
    if len(sys.argv) != 3 or not (place := re.fullmatch(r"([^:]+):([\d,]+)-([\d,]+)", sys.argv[2])):
        sys.exit(__doc__)
    folder, chrom = Path(sys.argv[1]), place[1]
    start, end = (int(place[i].replace(",", "")) for i in (2, 3))
    graph = lambda name: bedgraph(folder / name, chrom, start, end)
    names = ["predicted.measured.hap1", "predicted.measured.hap2", "predicted.hap1", "predicted.hap2"]
    counts = [graph(f"{name}.bedGraph") for name in names]
    scale = (0, max([1.0, *(value for spans in counts for _, _, value in spans)]))
    ratios = [graph(f"{name}.bedGraph") for name in ["predicted.measured.ratio", "predicted.ratio"]]
    widest = max([1.0, *(abs(value) for spans in ratios for _, _, value in spans)])
    tracks = [
        ("measured, haplotype 1", counts[0], (BLUE, BLUE), scale),
        ("measured, haplotype 2", counts[1], (ORANGE, ORANGE), scale),
        ("predicted, haplotype 1", counts[2], (BLUE, BLUE), scale),
        ("predicted, haplotype 2", counts[3], (ORANGE, ORANGE), scale),
        ("measured log2 ratio", ratios[0], (BLUE, ORANGE), (-widest, widest)),
        ("predicted log2 ratio", ratios[1], (BLUE, ORANGE), (-widest, widest)),
        ("effects of SNVs, log2", graph("effects.bedGraph"), ("#009e73", "#cc79a7"), None),
    ]
    bottom = TOP + len(tracks) * (PANEL + GAP) - GAP
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 28}" viewBox="0 0 {WIDTH} {bottom + 28}" '
          'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222222">')
    print("<style>.s { font-size: 10px; fill: #555555 }</style>")
    print(f'<rect width="{WIDTH}" height="{bottom + 28}" fill="white"/>')
    print(f'<text x="{LEFT}" y="20">{escape(chrom)}:{start:,}-{end:,}, CTCF in GM12878</text>')
    for number, (label, spans, colours, scale) in enumerate(tracks):
        print("\n".join(panel(number, label, spans, colours, start, end, scale)))
    print("\n".join(axis(chrom, start, end, bottom)))
    print("</svg>")


if __name__ == "__main__":
    main()
