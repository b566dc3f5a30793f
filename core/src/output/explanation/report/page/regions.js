// The table of regions and its filters.

const designed = report.settings.designed;
const has = (what) => !report.absent.some((each) => each.what === what);

/** Where a region is, as its table has it: 0-based, half-open. */
function placeOf(region) {
  return designed ? region.name : `${region.chrom}:${region.start}-${region.end}`;
}

function regionColumns() {
  const part = (name, key) => (region) => (region[name] ? region[name][key] : ".");
  const columns = [
    { title: "number", number: true, value: (r) => String(r.number),
      hint: "as in the arrays, map.tsv.gz and logos/: from 0, in the order of " + report.table },
    { title: "name", value: (r) => r.name },
  ];
  if (!designed) {
    const hint = "start 0-based, end exclusive, as in " + report.table;
    columns.push({ title: "position", wide: true, value: placeOf, hint });
  }
  columns.push(
    { title: "predicted log2 ratio", number: true, down: true, value: (r) => r.ratio,
      order: (r) => Math.abs(numberOf(r.ratio)), hint: "log2(haplotype 1 / haplotype 2), sorted by its size" });
  if (has("counts")) {
    columns.push(
      { title: "measured log2 ratio", number: true, down: true, value: part("measured", "ratio"),
        order: (r) => Math.abs(numberOf(part("measured", "ratio")(r))),
        hint: "log2(haplotype 1 / haplotype 2), sorted by its size" },
      { title: "q of imbalance", number: true, value: part("measured", "q"),
        hint: "q-value of the measured imbalance" });
  }
  columns.push({ title: designed ? "differing bases" : "variants", number: true, down: true, value: (r) => r.variants,
    hint: designed ? "bases in which the alleles differ" : "records in which the alleles differ within the window" });
  if (has("hits")) {
    columns.push(
      { title: "sites changed", number: true, down: true, value: (r) => String(r.changed),
        hint: "binding sites that are not the same in both alleles" },
      { title: "strongest change", value: (r) => (r.best ? `${r.best.motif} ${r.best.state}` : "."), cell: bestCell,
        hint: "the changed site with the least q-value" },
      { title: "q of change", number: true, value: part("best", "q"), hint: "q-value of the change of that site" });
  }
  if (has("cause")) {
    columns.push(
      { title: "likeliest variant", value: part("cause", "variant"),
        hint: "the variant with the highest posterior probability" },
      { title: "probability", number: true, down: true, value: part("cause", "probability"),
        hint: "its posterior probability" });
  }
  if (has("mechanisms")) {
    columns.push({ title: "class", value: (r) => part("mechanism", "class")(r).replaceAll("_", " "),
      hint: "whether the sites of significant motifs go with the measured ratio" });
  }
  return columns;
}

function bestCell(region) {
  if (!region.best) return null;
  const state = states.find((each) => each.name === region.best.state);
  return make("span", { title: `${region.best.motif} ${region.best.state}` },
    state ? swatch(state.colour) : null, `${region.best.motif} ${region.best.state}`);
}

/** The filters of a form, as a function of a region. */
function regionFilter(values) {
  const words = values.text.trim().toLowerCase();
  const place = /^(\S+?):([\d,]+)(?:-([\d,]+))?$/.exec(words);
  const [from, to] = place ? [place[2], place[3] || place[2]].map((text) => Number(text.replaceAll(",", ""))) : [];
  const plain = (contig) => contig.toLowerCase().replace(/^chr/, "");
  const motifs = motifsLike(values.motif);
  const state = states.findIndex((each) => each.name === values.state);
  const changed = values.state === "changed";
  const ofSites = motifs !== null || state >= 0 || changed || !Number.isNaN(values.changeQ);
  const kept = states.findIndex((each) => each.name === "kept");
  return (region) => {
    if (words !== "") {
      const within = place && !designed && plain(region.chrom) === plain(place[1]) &&
        Number(region.start) < to && Number(region.end) >= from;
      const texts = [region.name, placeOf(region), region.cause ? region.cause.variant : "",
        region.best ? region.best.motif : ""];
      if (!within && !texts.some((text) => text.toLowerCase().includes(words))) return false;
    }
    if (!Number.isNaN(values.countQ)) {
      if (!region.measured || !(numberOf(region.measured.q) <= values.countQ)) return false;
    }
    if (values.mechanism !== "" && (!region.mechanism || region.mechanism.class !== values.mechanism)) return false;
    // One site has to fulfil what is asked of sites.
    return !ofSites || region.sites.some(([code, q]) => {
      const [motif, found] = [Math.floor(code / states.length), code % states.length];
      if (motifs !== null && !motifs.has(motif)) return false;
      if (state >= 0 && found !== state) return false;
      if (changed && found === kept) return false;
      return Number.isNaN(values.changeQ) || numberOf(q) <= values.changeQ;
    });
  };
}

/** Numbers of the motifs with this name, or whose names contain it; null for all. */
function motifsLike(text) {
  const words = text.trim().toLowerCase();
  if (words === "") return null;
  const numbers = report.motif_names.map((name, number) => [name.toLowerCase(), number]);
  const exact = numbers.filter(([name]) => name === words);
  const found = exact.length > 0 ? exact : numbers.filter(([name]) => name.includes(words));
  return new Set(found.map(([, number]) => number));
}

/** The form of filters; `apply` gets a function of a region. */
function filterForm(form, apply) {
  const fields = {};
  const field = (key, label, input) => {
    fields[key] = input;
    form.append(make("label", {}, label, input));
  };
  const choice = (options) => make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
  const threshold = () => make("input", { type: "number", min: "0", max: "1", step: "any", placeholder: "any" });
  const example = designed ? "" : "chr22:17,250,000-17,300,000";
  const title = designed ? "Name" : "Name, position or variant";
  field("text", title, make("input", { type: "search", placeholder: example }));
  if (has("counts")) field("countQ", "q of imbalance at most", threshold());
  if (has("hits")) {
    field("motif", "Motif of a site", make("input", { type: "search", list: "motif-names" }));
    const names = report.motif_names.map((value) => make("option", { value }));
    form.append(make("datalist", { id: "motif-names" }, ...names));
    field("state", "State of the site", choice([["", "any"], ["changed", "any but kept"],
      ...states.map((state) => [state.name, state.name])]));
    field("changeQ", "q of change at most", threshold());
  }
  if (has("mechanisms")) {
    const classes = [...new Set(report.regions.filter((r) => r.mechanism).map((r) => r.mechanism.class))].sort();
    field("mechanism", "Class", choice([["", "any"], ...classes.map((name) => [name, name.replaceAll("_", " ")])]));
  }
  const text = (key) => (fields[key] ? fields[key].value : "");
  const number = (key) => (text(key) === "" ? NaN : Number(text(key)));
  const values = () => ({ text: text("text"), motif: text("motif"), state: text("state"), mechanism: text("mechanism"),
    countQ: number("countQ"), changeQ: number("changeQ") });
  const changed = () => apply(regionFilter(values()));
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  form.append(make("button", { type: "reset" }, "Clear"));
  return { fields, changed };
}
