// The motifs that the model has learned, and the mechanisms.

const MOTIF_COLUMN = 18;
const MOTIF_HIGH = 80;

/** Letters of each column stacked, those below zero upside down, the largest outermost. `heights`: four a column. */
function motifLogo(heights, unit, label) {
  const sumOf = (four, sign) => four.reduce((sum, value) => sum + Math.max(sign * value, 0), 0);
  const sums = heights.map((four) => [1, -1].map((sign) => sumOf(four, sign)));
  const [above, below] = [0, 1].map((side) => Math.max(0, ...sums.map((sum) => sum[side])));
  const scale = above + below > 0 ? MOTIF_HIGH / (above + below) : 0;
  const zero = 6 + above * scale;
  const [left, across] = [58, 58 + heights.length * MOTIF_COLUMN + 4];
  const high = MOTIF_HIGH + 14;
  const middle = 6 + MOTIF_HIGH / 2;
  const svg = draw("svg", { width: across, height: high, viewBox: `0 0 ${across} ${high}`, role: "img",
    "aria-label": label, "font-family": "system-ui, sans-serif" });
  svg.append(draw("line", { x1: left, x2: across - 4, y1: zero, y2: zero, stroke: "#999", "stroke-width": 0.5 }),
    draw("line", { x1: left - 1, x2: left - 1, y1: 6, y2: 6 + MOTIF_HIGH, stroke: "#555" }),
    textAt(10, middle, { transform: `rotate(-90 10 ${middle})`, "text-anchor": "middle", fill: "#555" }, unit));
  for (const value of ticksOf(above, below, scale)) {
    svg.append(textAt(left - 6, zero - value * scale + 4, { "text-anchor": "end" },
      value === 0 ? "0" : (value > 0 ? "+" : "−") + String(Number(Math.abs(value).toPrecision(2)))));
  }
  heights.forEach((four, column) => {
    const order = [0, 1, 2, 3].sort((a, b) => Math.abs(four[a]) - Math.abs(four[b]));
    let [up, down] = [zero, zero];
    for (const base of order) {
      const high = four[base] * scale;
      if (Math.abs(high) < 0.3) continue;
      const from = high > 0 ? up : down;
      svg.append(letterAt("ACGT"[base], left + column * MOTIF_COLUMN, from, MOTIF_COLUMN * 0.96, high));
      if (high > 0) up -= high;
      else down -= high;
    }
  });
  return svg;
}

/** Frequencies times the information of their column, bits. */
function information(frequencies) {
  return frequencies.map((four) => {
    const entropy = four.reduce((sum, p) => sum - (p > 0 ? p * Math.log2(p) : 0), 0);
    return four.map((p) => p * Math.max(2 - entropy, 0));
  });
}

function motifCard(motif, search) {
  const matches = motif.matches.map((each) => [each.name, each.p, each.q, each.offset, each.overlap, each.strand]);
  const facts = `${motif.n} seqlets, ${motif.increase} increase and ${motif.decrease} decrease the activity of their ` +
    `haplotype; ${motif.regions} regions, share ${motif.share}; mean effect ${motif.mean_effect}, log2; ` +
    `share common to both alleles ${motif.common}`;
  const searched = report.motif_names.includes(motif.name)
    ? make("button", { type: "button", onclick: () => search(motif.name) }, "Regions with a site") : null;
  return make("article", { className: "motif" },
    make("div", { className: "heading" }, make("h3", {}, `${motif.name} (${motif.direction})`), searched),
    remark(facts),
    motif.contributions ? motifLogo(motif.contributions, "log2", "contributions of " + motif.name) : null,
    motif.frequencies ? motifLogo(information(motif.frequencies), "bits", "base frequencies of " + motif.name) : null,
    matches.length > 0 ? plainTable(["most like", "p", "q", "offset", "overlap", ""], matches, [1, 2, 3, 4]) : null);
}

function drawGallery(place, search) {
  if (!has("motifs")) {
    place.replaceChildren(absence("motifs"));
    return;
  }
  if (report.motifs.length === 0) {
    place.replaceChildren(make("p", {}, "motifs.tsv has no motif."));
    return;
  }
  const tree = report.tree === null ? make("p", { className: "absent" }, "There is no motif_tree.svg in the folder.")
    : make("img", { className: "tree", src: "data:image/svg+xml;base64," + report.tree,
      alt: "Tree of the motifs with their shares of the regions" });
  place.replaceChildren(
    make("p", {}, counted(report.motifs.length, "motif", "motifs") +
      ", each with its mean contributions (log2) and the information of its base frequencies (bits)."),
    make("div", { className: "gallery" }, ...report.motifs.map((motif) => motifCard(motif, search))),
    make("h4", {}, "Tree"), tree);
}

const FIRST_COLUMNS = ["motif", "pairs", "changed", "more_active", "less_active", "median", "signed_log10_p", "p_value",
  "q_value", "correlation", "correlation_q"];

function drawMechanisms(place) {
  if (!has("mechanisms")) {
    place.replaceChildren(absence("mechanisms"));
    return;
  }
  const { columns, rows, classes } = report.mechanisms;
  const table = make("div");
  const all = make("input", { type: "checkbox" });
  const show = () => {
    const shown = columns.map((name, i) => [name, i]).filter(([name]) => all.checked || FIRST_COLUMNS.includes(name));
    const made = shown.map(([name, i]) =>
      ({ title: name.replaceAll("_", " "), number: name !== "motif", value: (row) => row[i] }));
    const p = shown.findIndex(([name]) => name === "p_value");
    const caption = (n) => counted(n, "motif", "motifs") +
      ": whether the more active allele has the better site. Median in bits; Pearson's correlation with the log2 ratio";
    new PagedTable(table, made, rows, { size: 15, sort: p < 0 ? null : { column: p, down: false }, caption });
  };
  all.addEventListener("change", show);
  show();
  const names = classes.columns.map((name) => name.replaceAll("_", " "));
  const shares = classes.rows.length === 0 ? null : make("div", {}, make("h4", {}, "Regions by class"),
    plainTable(names, classes.rows, classes.columns.map((_, i) => i).filter((i) => i > 0), classes.note));
  const option = make("div", { className: "options" }, make("label", {}, all, " all columns of mechanisms.tsv"));
  place.replaceChildren(...[option, table, shares].filter(Boolean));
}
