// The logos of both alleles of a region, one above the other on the columns of one coordinate map.

const HIGH = 120;      // pixels of an allele's letters, above and below zero together
const LANE = 16;       // of a row of sites
const THIN = 13;       // of a row of seqlets
const BETWEEN = 26;    // between the alleles
const AXIS = 92;       // left of the letters
const MOST_LANES = 12;

/** Bytes in base64 as little-endian 16-bit integers times `unit`. */
function contributionsOf(text, unit) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) * unit);
}

/**
 * The columns of a region: for each allele its letter ("-" for a gap, " " beyond the ends of its window) and its
 * contribution (NaN without a base), and the reference position (0-based; null for inserted bases). `bases[allele]` has
 * the column of each base of the window, by its offset.
 */
function columnsOf(detail) {
  const count = detail.alleles[0].length;
  const values = [0, 1].map((allele) => {
    const present = contributionsOf(detail.contributions[allele], detail.unit);
    let next = 0;
    const letters = [...detail.alleles[allele]];
    return Float64Array.from(letters, (letter) => ("- ".includes(letter) ? NaN : present[next++]));
  });
  const positions = new Array(count).fill(null);
  for (const [column, length, position, step] of detail.positions) {
    for (let i = 0; i < length; i++) positions[column + i] = position + step * i;
  }
  const bases = [0, 1].map((allele) => {
    const columns = new Map();
    let offset = detail.skipped[allele];
    for (let column = 0; column < count; column++) {
      if (!"- ".includes(detail.alleles[allele][column])) columns.set(offset++, column);
    }
    return columns;
  });
  return { count, letters: detail.alleles, values, positions, bases };
}

/** First and last column of a reference span (0-based half-open); an insertion without a reference base is a place. */
function columnsOfSpan(columns, start, end) {
  let [first, last] = [-1, -1];
  columns.positions.forEach((position, column) => {
    if (position !== null && position >= start && position < Math.max(end, start + 1)) {
      if (first < 0) first = column;
      last = column;
    }
  });
  return first < 0 ? null : [first, last];
}

/** Boxes in as few rows as their labels permit: adds `lane` to each; gives the number of rows. */
function stackBoxes(boxes, width) {
  const ends = [];
  for (const box of boxes.sort((a, b) => a.first - b.first || a.last - b.last)) {
    const from = box.first * width;
    const to = Math.max((box.last + 1) * width, from + 6.4 * box.label.length + 10);
    let lane = ends.findIndex((end) => end <= from);
    if (lane < 0) lane = ends.push(0) - 1;
    ends[lane] = to + 3;
    box.lane = lane;
  }
  return ends.length;
}

/** A value for the axis with at most two digits, not above `most`. */
function roundDown(most) {
  if (!(most > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * power).find((value) => value <= most * 1.0001) || 0;
}

/** Values for the axis: zero, and one above and below it where there is room. */
function ticksOf(above, below, scale) {
  const ticks = [0, roundDown(above), -roundDown(below)];
  return ticks.filter((value, i) => i === 0 || Math.abs(value) * scale >= 12);
}

/**
 * The drawing of a region. `sites` are boxes {first, last, label, colour, title}, `seqlets` two lists of such boxes,
 * `width` the pixels of a column, `readout(text)` receives what is under the pointer.
 */
function pairLogo(columns, detail, { sites, seqlets, width, readout }) {
  const most = { above: 0, below: 0 };
  for (const values of columns.values) {
    for (const value of values) {
      if (value > most.above) most.above = value;
      if (-value > most.below) most.below = -value;
    }
  }
  const scale = most.above + most.below > 0 ? HIGH / (most.above + most.below) : 0;
  const up = scale > 0 ? most.above * scale : HIGH / 2;
  const lanes = Math.min(stackBoxes(sites, width), MOST_LANES);
  const seqletLanes = seqlets.map((boxes) => stackBoxes(boxes, width));
  const top = 6 + lanes * LANE + 8;
  const zeros = [top + up, top + HIGH + seqletLanes[0] * THIN + BETWEEN + up];
  const bottom = zeros[1] - up + HIGH + seqletLanes[1] * THIN + 4;
  const [across, high] = [columns.count * width, bottom + 34];
  const letters = draw("svg", { width: across, height: high, viewBox: `0 0 ${across} ${high}`, role: "img",
    "aria-label": "Contributions of the bases of both alleles" });

  for (const [first, length] of detail.differences.map((difference) => difference.columns)) {
    letters.append(draw("rect", { class: "difference", x: first * width, y: top, width: length * width,
      height: bottom - top, fill: "#e4e4e4" }));
  }
  for (const allele of [0, 1]) {
    const zero = zeros[allele];
    letters.append(draw("line", { x1: 0, x2: across, y1: zero, y2: zero, stroke: "#999", "stroke-width": 0.5 }));
    for (let column = 0; column < columns.count; column++) {
      const letter = columns.letters[allele][column];
      const x = column * width;
      if (letter === "-") {
        letters.append(draw("line", { class: "gap", x1: x + width / 8, x2: x + width * 7 / 8, y1: zero, y2: zero,
          stroke: "#000", "stroke-width": 2 }));
      } else if ("ACGT".includes(letter)) {
        const tall = columns.values[allele][column] * scale;
        if (Math.abs(tall) >= 0.2) letters.append(letterAt(letter, x, zero, width * 0.96, tall));
      }
    }
    drawBoxes(letters, seqlets[allele], width, zero - up + HIGH + 1, THIN);
  }
  drawBoxes(letters, sites.filter((site) => site.lane < lanes), width, 6, LANE);
  let free = 0;
  for (const { columns: [first, length], hap1, hap2 } of detail.differences) {
    const x = (first + length / 2) * width;
    // Without room for its letters a difference is on grey only.
    if (Math.max(hap1.length, hap2.length) > 3 || x - 16 < free) continue;
    free = x + 16;
    letters.append(textAt(x, zeros[1] - up - 6, { "text-anchor": "middle" }, `${hap1}|${hap2}`));
  }
  drawPositions(letters, columns, width, bottom);
  letters.addEventListener("mousemove", (event) => {
    const column = Math.floor((event.clientX - letters.getBoundingClientRect().left) / width);
    if (column >= 0 && column < columns.count) readout(columnText(columns, column));
  });

  const axis = draw("svg", { class: "axis", width: AXIS, height: high, viewBox: `0 0 ${AXIS} ${high}` });
  for (const allele of [0, 1]) {
    const zero = zeros[allele];
    const middle = zero - up + HIGH / 2;
    const upright = (x, fill, text) =>
      textAt(x, middle, { transform: `rotate(-90 ${x} ${middle})`, "text-anchor": "middle", fill }, text);
    axis.append(upright(12, report.colours[allele], `haplotype ${allele + 1}`),
      upright(27, "#555", "contribution, log2"),
      draw("line", { x1: AXIS - 1, x2: AXIS - 1, y1: zero - up, y2: zero - up + HIGH, stroke: "#555" }));
    for (const value of ticksOf(most.above, most.below, scale)) {
      const y = zero - value * scale;
      const text = value === 0 ? "0" : (value > 0 ? "+" : "−") + String(Number(Math.abs(value).toPrecision(2)));
      axis.append(draw("line", { x1: AXIS - 6, x2: AXIS - 1, y1: y, y2: y, stroke: "#555" }),
        textAt(AXIS - 9, y + 4, { "text-anchor": "end" }, text));
    }
  }
  const rowName = (y, text) => textAt(AXIS - 9, y, { "text-anchor": "end", fill: "#555" }, text);
  if (lanes > 0) axis.append(rowName(18, "sites"));
  for (const allele of [0, 1]) {
    if (seqletLanes[allele] === 0) continue;
    axis.append(rowName(zeros[allele] - up + HIGH + 12, "seqlets"));
  }
  return { axis, letters, hidden: sites.filter((site) => site.lane >= lanes).length };
}

function drawBoxes(svg, boxes, width, top, high) {
  for (const { first, last, label, colour, title, lane } of boxes) {
    const [x, y] = [first * width, top + lane * high];
    svg.append(draw("g", { class: "box" }, draw("title", {}, title),
      draw("rect", { x, y, width: (last + 1 - first) * width, height: high - 3, rx: 2, fill: colour,
        "fill-opacity": 0.35, stroke: colour }),
      textAt(x + 3, y + high - 6, {}, label)));
  }
}

/** Positions of the reference, 1-based as genome browsers have them, at round numbers. */
function drawPositions(svg, columns, width, bottom) {
  const step = [10, 20, 50, 100, 200, 500, 1000].find((each) => each * width >= 90) || 2000;
  svg.append(draw("line", { x1: 0, x2: columns.count * width, y1: bottom, y2: bottom, stroke: "#555" }));
  columns.positions.forEach((position, column) => {
    if (position === null || (position + 1) % step !== 0) return;
    const x = (column + 0.5) * width;
    svg.append(draw("line", { x1: x, x2: x, y1: bottom, y2: bottom + 5, stroke: "#555" }),
      textAt(x, bottom + 17, { "text-anchor": "middle" }, String(position + 1)));
  });
}

function columnText(columns, column) {
  const position = columns.positions[column];
  const place = position === null ? "inserted" : `position ${position + 1}`;
  const of = (allele) => {
    const letter = columns.letters[allele][column];
    if (letter === " ") return "window ended";
    return letter === "-" ? "gap" : `${letter} ${signed(columns.values[allele][column])}`;
  };
  return `${place}: haplotype 1 ${of(0)}, haplotype 2 ${of(1)}`;
}
