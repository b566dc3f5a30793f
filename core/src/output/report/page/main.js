// What is where, and links to a region: #region=NUMBER.

function drawSummary(place) {
  const { settings } = report;
  const pairs = counted(report.all_regions, designed ? "designed pair" : "region", designed ? "designed pairs" : "regions");
  const prediction = settings.head === "ratio" ? "log2(haplotype 1 / haplotype 2)" : "log2 of the counts of each haplotype";
  place.append(make("p", {}, `${pairs} of ${settings.window} bases. `,
    make("span", { className: "hap1" }, "Haplotype 1: " + settings.haplotypes[0]), "; ",
    make("span", { className: "hap2" }, "haplotype 2: " + settings.haplotypes[1]),
    `. Contributions to ${prediction}, by ${settings.method}, gauge ${settings.gauge}.`));
  for (const note of report.notes) place.append(make("p", {}, note));
}

function drawSources(place) {
  place.append(
    make("p", {}, "Every number of a table is as the file has it that is named here; sorting and filtering change nothing. Contributions are drawn with 16 bits."),
    plainTable(["shown", "from", "as"], report.origins, []),
    make("h4", {}, "Files and the commands that made them"),
    plainTable(["file", "version", "command"], report.files.map(({ file, version, command }) => [file, version, command === "." ? "." : make("code", {}, command)]), []),
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
  const things = designed ? ["designed pair", "designed pairs"] : ["region", "regions"];
  const table = new PagedTable(document.getElementById("region-table"), regionColumns(), report.regions, {
    size: 12, open, show: () => place.scrollIntoView(), label: "Regions", caption: (shown, all) => (shown === all ? counted(all, ...things) : `${shown.toLocaleString("en")} of ${counted(all, ...things)}`),
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
    place.replaceChildren(make("p", { className: "quiet" }, "Choose a row to see its alleles, variants and sites; then the arrow keys open the next and the previous one."));
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
