// What is where, and links to a region: #region=NUMBER.

const things = designed ? ["designed pair", "designed pairs"] : ["region", "regions"];

function drawSummary(place) {
  const { settings } = report;
  const ofCounts = "log2 of the counts of each haplotype";
  const prediction = settings.head === "ratio" ? "log2(haplotype 1 / haplotype 2)" : ofCounts;
  place.append(make("p", {}, `${counted(report.all_regions, ...things)} of ${settings.window} bases. `,
    make("span", { className: "hap1" }, "Haplotype 1: " + settings.haplotypes[0]), "; ",
    make("span", { className: "hap2" }, "haplotype 2: " + settings.haplotypes[1]),
    `. Contributions to ${prediction}, by ${settings.method}, gauge ${settings.gauge}.`));
  for (const note of report.notes) place.append(make("p", {}, note));
}

/** Files that one command wrote in one row. */
function sourcesByCommand() {
  const rows = new Map();
  for (const { file, version, command } of report.files) {
    const key = JSON.stringify([version, command]);
    if (!rows.has(key)) rows.set(key, { files: [], version, command });
    rows.get(key).files.push(file);
  }
  return [...rows.values()].map(({ files, version, command }) =>
    [files.join(", "), version, command === "." ? "." : make("code", {}, command)]);
}

function drawSources(place) {
  place.append(
    make("p", {}, "Every number of a table is as the file has it that is named here; sorting changes nothing. " +
      "Contributions are drawn with 16 bits."),
    plainTable(["shown", "from", "as"], report.origins, []),
    make("h4", {}, "Files and the commands that made them"),
    plainTable(["files", "version", "command"], sourcesByCommand(), []),
    make("p", {}, "Models: " + report.settings.models.join(", ") + "."),
    make("p", {}, `This page: deepallele ${report.version}, `, make("code", {}, report.command)));
}

function start() {
  defineLetters();
  drawSummary(document.getElementById("summary"));
  const place = document.getElementById("region");
  const open = (region) => {
    openRegion(place, region, (step) => table.move(step));
    history.replaceState(null, "", "#region=" + region.number);
  };
  const part = (shown, all) => (shown === all ? "" : shown.toLocaleString("en") + " of ");
  const table = new PagedTable(document.getElementById("region-table"), regionColumns(), report.regions, {
    size: 12, open, show: () => place.scrollIntoView(), label: "Regions",
    caption: (shown, all) => part(shown, all) + counted(all, ...things),
  });
  const form = filterForm(document.getElementById("filters"), (keep) => table.filter(keep));
  const follow = () => {
    const asked = /^#region=(\d+)$/.exec(location.hash);
    if (!asked) return false;
    const region = report.regions.find((each) => each.number === Number(asked[1]));
    if (region === undefined) {
      place.replaceChildren(make("p", {}, `Region ${asked[1]} is not in this page.`));
    } else if (region !== table.selected) {
      table.choose(region);
      place.scrollIntoView();
    }
    return true;
  };
  addEventListener("hashchange", follow);
  if (!follow() && report.regions.length > 0) {
    place.replaceChildren(remark("Choose a row to see its alleles, variants and sites; then the arrow keys open the " +
      "next and the previous one."));
  }
  const search = (motif) => {
    form.fields.motif.value = motif;
    form.changed();
    document.getElementById("regions").scrollIntoView();
  };
  // The table first: the rest is drawn when it stands.
  setTimeout(() => {
    drawGallery(document.getElementById("gallery"), search);
    drawMechanisms(document.getElementById("mechanism-table"));
    drawSources(document.getElementById("sources"));
  });
}

start();
