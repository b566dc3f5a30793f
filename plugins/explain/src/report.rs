//! `explain report`.

use deepallele_common::{check_files, Progress};
use deepallele_core::explanation::attributions::folder::ExplainedFolder;
use deepallele_core::output::explanation::report::counts::MeasuredRegions;
use deepallele_core::output::explanation::report::{write_report, ReportOptions};

use crate::args::ReportArgs;

/// Run it.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    check_files(&args.files())?;
    let folder = ExplainedFolder::open(&args.folder)?;
    let sample = args.count_sample.as_deref();
    let counts = args.compare.as_ref().map(|path| MeasuredRegions::read(path, sample, folder.labels())).transpose()?;
    let provenance = args.provenance.provenance("explain");
    let options = ReportOptions { counts, most: args.regions_at_most as usize, provenance: provenance.as_ref() };
    let mut progress = Progress::new("regions", Some(folder.labels().len() as u64));
    let written = write_report(&folder, &options, &args.output, &mut || progress.add(1))?;
    drop(progress);
    let megabytes = written.bytes as f64 / 1e6;
    log::info!("{} of {} regions in a page of {megabytes:.1} MB", written.regions, written.all_regions);
    if written.regions < written.all_regions {
        let left = written.all_regions - written.regions;
        log::warn!("{left} regions with weaker evidence are left out: --regions-at-most takes more");
    }
    if written.sites_elsewhere > 0 {
        log::warn!("{} sites of hits.tsv.gz are in none of the regions explained", written.sites_elsewhere);
    }
    Ok(())
}
