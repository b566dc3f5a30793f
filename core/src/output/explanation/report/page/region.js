// One region: what is measured and predicted, its alleles, variants and sites.

const view = { width: 10, kept: false, whole: false };

/** The block of data of a region, which is read when it is opened. */
function detailOf(region) {
  return read("region-" + region.number);
}

function predictedTable(region) {
  const titles = ["", "haplotype 1", "haplotype 2", "log2 ratio"];
  const rows = [["predicted, log2", region.hap1, region.hap2, region.ratio]];
  if (region.measured) {
    titles.push("standard error", "p", "q");
    rows[0].push("", "", "");
    const { hap1, hap2, ratio, se, p, q } = region.measured;
    rows.unshift(["measured, fragments", hap1, hap2, ratio, se, p, q]);
  }
  const sum = report.settings.head === "ratio" ? "sum of contributions to the ratio" : "sum of contributions";
  rows.push([sum, region.sum1, region.sum2, "", ...(region.measured ? ["", "", ""] : [])]);
  return plainTable(titles, rows, [1, 2, 3, 4, 5, 6]);
}

function mechanismTable(region) {
  if (!region.mechanism) return null;
  const found = region.mechanism;
  const row = (by, motif, change, unit, name) =>
    [by, motif, change === "." ? change : `${change} ${unit}`, name.replaceAll("_", " ")];
  const rows = [row("motifs alone", found.motif, found.motif_change, "bits", found.class)];
  if (found.model_class !== ".") {
    rows.push(row("model", found.model_motif, found.model_change, "log2", found.model_class));
  }
  return make("div", {}, make("h4", {}, "Mechanism"),
    plainTable(["by", "motif that decides", "better in haplotype 1 by", "class"], rows, [2]));
}

function differenceTable(region, detail) {
  const title = make("h4", {}, "Variants");
  if (detail.cause) {
    const { columns, rows, none } = detail.cause;
    const numbers = columns.map((_, i) => i).filter((i) => !["variant", "ref", "alt"].includes(columns[i]));
    return make("div", {}, title, plainTable(columns.map((name) => name.replaceAll("_", " ")), rows, numbers,
      `Probability that no variant of the region is the cause: ${none}. Effects and contributions are on ` +
      "log2(haplotype 1 / haplotype 2); credible is 1 in the credible set."));
  }
  const note = report.settings.head === "ratio"
    ? "effect on log2(haplotype 1 / haplotype 2): contribution of the base against that of the other allele's base"
    : "effect on log2(haplotype 1 / haplotype 2), from the count of the haplotype that has the base";
  const rows = detail.differences.map((each) => [each.place, each.hap1 || "-", each.hap2 || "-", ...each.effects]);
  const titles = [designed ? "position in allele A" : "position", "haplotype 1", "haplotype 2", "effect in haplotype 1",
    "effect in haplotype 2"];
  const table = rows.length === 0
    ? make("p", {}, "The alleles have the same bases in the window.")
    : plainTable(titles, rows, [0, 3, 4], `1-based; ${note}. “.” where bases are inserted or deleted.`);
  return make("div", {}, title, table, absence("cause"));
}

/** A site as an object by the names of the columns of hits.tsv.gz. */
function siteOf(row) {
  const [packed, ...others] = row;
  const values = packed.split(" ").concat(others);
  const site = Object.fromEntries(report.site_columns.map((name, i) => [name, i < values.length ? values[i] : "."]));
  for (const name of ["score", "p", "attribution"]) {
    if (site["hap2_" + name] === "=") site["hap2_" + name] = site["hap1_" + name];
  }
  site.motif = report.motif_names[Number(site.motif)];
  site.state = states[Number(site.state)];
  return site;
}

function siteBox(site, columns) {
  const span = columnsOfSpan(columns, Number(site.start), Number(site.end));
  if (span === null) return null;
  const name = `${site.motif} ${site.state.name}`;
  const title = `${name}, strand ${site.strand}; score ${site.hap1_score} and ${site.hap2_score} bits; ` +
    `attribution ${site.hap1_attribution} and ${site.hap2_attribution}; q of change ${site.q_change}`;
  const label = site.state.name === "kept" ? site.motif : name;
  return { first: span[0], last: span[1], label, colour: site.state.colour, title };
}

function seqletBoxes(detail, columns) {
  const boxes = [[], []];
  for (const [haplotype, offset, length, motif, common, mean] of detail.seqlets) {
    const allele = haplotype - 1;
    const [first, last] = [offset, offset + length - 1].map((at) => columns.bases[allele].get(at));
    if (first === undefined || last === undefined) continue;
    const name = motif === "." ? "" : motif;
    const where = common === "1" ? "in both alleles" : "in this allele only";
    boxes[allele].push({ first, last, label: name, colour: common === "1" ? "#777777" : report.colours[allele],
      title: `seqlet ${name}, ${where}; mean contribution ${mean}, log2` });
  }
  return boxes;
}

function siteTable(sites) {
  const place = make("div");
  const columns = report.site_columns.map((name) => {
    const text = ["motif", "strand", "state", "variants", "concordance"].includes(name);
    const value = (site) => (name === "state" ? site.state.name : String(site[name]));
    const cell = name === "state" ? (site) => make("span", {}, swatch(site.state.colour), site.state.name) : null;
    return { title: name.replaceAll("_", " "), number: !text, value, cell };
  });
  const caption = (shown) => counted(shown, "site", "sites") +
    ": start and end as in hits.tsv.gz (0-based, half-open), scores in bits, attributions and effect in log2";
  new PagedTable(place, columns, sites, { size: 15, caption });
  return place;
}

/** Draw a region into `place`; `move(step)` opens another one. */
function openRegion(place, region, move) {
  const detail = detailOf(region);
  const columns = columnsOf(detail);
  const sites = detail.sites.map(siteOf);
  const step = (text, by) => make("button", { type: "button", onclick: () => move(by) }, text);
  const heading = make("div", { className: "heading" },
    make("h3", {}, designed ? region.name : `${region.name}   ${placeOf(region)}`),
    make("a", { href: "#region=" + region.number, className: "quiet" }, "link to this region"),
    make("span", { className: "buttons" }, step("Previous region", -1), " ", step("Next region", 1)));
  const uncounted = () =>
    (report.has_counts ? remark("The count table does not have this region.") : absence("counts"));
  const agreement = "Agreement of the networks (mean Pearson correlation): " + region.agreement;
  const tables = make("div", { className: "tables" },
    make("div", {}, make("h4", {}, "Measured and predicted"), predictedTable(region),
      region.measured ? null : uncounted(), region.agreement === "." ? null : make("p", {}, agreement)),
    mechanismTable(region));
  const logo = make("div");
  const below = make("div", { className: "tables" }, differenceTable(region, detail));
  const ofSites = make("div");
  const redraw = () => {
    drawLogo(logo, { region, detail, columns, sites, redraw });
    const shown = view.kept ? sites : sites.filter((site) => site.state.name !== "kept");
    const none = () => make("p", {}, view.kept ? "There is no site." : "No site differs between the alleles.");
    const table = () => (shown.length > 0 ? siteTable(shown) : none());
    ofSites.replaceChildren(make("h4", {}, "Binding sites"), has("hits") ? table() : absence("hits"));
  };
  redraw();
  place.replaceChildren(make("article", { className: "region" }, heading, tables, logo, below, ofSites));
}

function strongestColumn(columns) {
  const sizes = Array.from(columns.values[0], (value) => (Number.isNaN(value) ? 0 : Math.abs(value)));
  return sizes.indexOf(Math.max(...sizes));
}

function drawLogo(place, { region, detail, columns, sites, redraw }) {
  const readout = make("p", { className: "readout quiet" }, "Point at a column for its position and contributions.");
  const shown = sites.filter((site) => view.kept || site.state.name !== "kept");
  const boxes = shown.map((site) => siteBox(site, columns)).filter(Boolean);
  const whole = Math.max(document.documentElement.clientWidth - AXIS - 110, 300) / columns.count;
  const width = view.whole ? Math.min(Math.max(whole, 1), 14) : view.width;
  const drawing = pairLogo(columns, detail, { sites: boxes, seqlets: seqletBoxes(detail, columns), width,
    readout: (text) => { readout.textContent = text; } });
  const label = "Letters, scrolled with the arrow keys";
  const frame = { className: "letters", tabIndex: 0, role: "group", "aria-label": label };
  const letters = make("div", frame, drawing.letters);
  const kept = sites.filter((site) => site.state.name === "kept").length;
  const tick = (key, text) => make("label", {}, make("input", { type: "checkbox", checked: view[key],
    onchange: (event) => { view[key] = event.target.checked; redraw(); } }), " " + text);
  const zoom = (text, factor) => make("button", { type: "button", disabled: view.whole,
    onclick: () => { view.width = Math.min(Math.max(view.width * factor, 4), 28); redraw(); } }, text);
  const options = make("div", { className: "options" }, zoom("Wider letters", 1.4), zoom("Narrower letters", 1 / 1.4),
    tick("whole", "whole window"),
    kept > 0 ? tick("kept", `also the ${counted(kept, "site", "sites")} that both alleles have alike`) : null,
    has("hits") ? stateLegend() : null);
  const own = report.settings.head === "ratio"
    ? "the log2 ratio: what makes the own haplotype more active is above zero"
    : "the log2 count of its own haplotype";
  const notes = [`Contribution of each base to ${own}. ` +
    "Differences of the alleles on grey, gaps as dashes; positions are 1-based."];
  if (drawing.hidden > 0) {
    notes.push(`${counted(drawing.hidden, "site is", "sites are")} only in the table below, for want of room.`);
  }
  if (detail.columns < detail.all_columns) {
    notes.push(`${detail.columns} of ${detail.all_columns} columns are drawn, around the differences.`);
  }
  if (!report.has_seqlets && absence("motifs")) notes.push("Without seqlets, which explain motifs makes.");
  if (detail.reverse) notes.push("The model reads the window as its reverse complement, and so are the letters.");
  const logo = make("div", { className: "logo" }, drawing.axis, letters);
  place.replaceChildren(options, logo, readout, remark(notes.join(" ")));
  // In view: the middle one of the differences, else the column that contributes most.
  const spans = detail.differences.map((difference) => difference.columns);
  const middle = spans.length > 0 ? spans[Math.floor(spans.length / 2)][0] : strongestColumn(columns);
  requestAnimationFrame(() => { letters.scrollLeft = middle * width - letters.clientWidth / 2; });
}
