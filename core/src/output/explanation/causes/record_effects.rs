//! The effects in both backgrounds in one record of an annotated VCF.

use crate::genome::carried_alleles;
use crate::genome::HaplotypeSource;
use crate::io::plain_text::percent_decoded;
use crate::io::vcf::genotypes::Call;
use crate::io::vcf::VcfHeader;
use crate::output::vcf_info;

/// What the header says of the fields.
pub(super) struct Fields {
    pub region: String,
    backgrounds: [String; 2],
    all: String,
    /// Where an entry of `DA_ALL` has the region and both backgrounds.
    in_all: Option<[usize; 3]>,
    /// The haplotypes, and where the samples are among the columns of a line.
    haplotypes: [HaplotypeSource; 2],
    columns: [Option<usize>; 2],
}

/// A region of a record, and the effects of its alternatives in both backgrounds.
#[derive(Debug, PartialEq)]
pub(super) struct InRegion {
    pub name: String,
    /// The effects of haplotype 1's allele over that of haplotype 2, in both backgrounds; None without a prediction.
    pub effect: Option<[f64; 2]>,
    /// Whether the effects are those of another region.
    pub borrowed: bool,
}

/// The alleles of a record and their effects.
#[derive(Debug, PartialEq)]
pub(super) struct RecordEffects {
    /// Allele indices of the two haplotypes.
    pub alleles: [u32; 2],
    pub regions: Vec<InRegion>,
}

/// The haplotypes named by the description of the fields of both backgrounds.
pub(super) fn haplotypes_of(header: &VcfHeader, tag: Option<&str>) -> [Option<HaplotypeSource>; 2] {
    [(vcf_info::LFC_BACKGROUND1, 1), (vcf_info::LFC_BACKGROUND2, 2)].map(|(field, number)| {
        let line = info_line(header, &vcf_info::tagged(field, tag))?;
        let (_, rest) = line.split_once(&format!("in haplotype {number} ("))?;
        let end = rest.find(")\"").or_else(|| rest.find("), model")).or_else(|| rest.find(')'))?;
        rest[..end].parse().ok()
    })
}

fn info_line(header: &VcfHeader, name: &str) -> Option<String> {
    let start = format!("##INFO=<ID={name},");
    let lines = header.text().split(|&b| b == b'\n').map(String::from_utf8_lossy);
    lines.into_iter().find(|line| line.starts_with(&start)).map(|line| line.into_owned())
}

impl Fields {
    /// Of these haplotypes, with this suffix of the names.
    ///
    /// # Errors
    /// A sentence without the file: a field is not declared, or a sample is not there.
    pub fn of_header(header: &VcfHeader, tag: Option<&str>, haplotypes: [HaplotypeSource; 2]) -> Result<Self, String> {
        let name = |field: &str| vcf_info::tagged(field, tag);
        let backgrounds = [name(vcf_info::LFC_BACKGROUND1), name(vcf_info::LFC_BACKGROUND2)];
        let (region, all) = (name(vcf_info::REGION), name(vcf_info::ALL));
        if let Some(missing) = backgrounds.iter().chain([&region]).find(|field| !header.has_info(field)) {
            return Err(format!(
                "has no INFO/{missing}: write effects in both haplotypes with deepallele annotate -s SAMPLE -L REGIONS"
            ));
        }
        let in_all = info_line(header, &all).and_then(|line| {
            let (_, format) = line.split_once("Format: ")?;
            let names: Vec<&str> = format.split(['"', ',']).next()?.split('|').map(str::trim).collect();
            let at = |name: &str| names.iter().position(|known| *known == name);
            Some([at("Region")?, at("LFC_BG1")?, at("LFC_BG2")?])
        });
        let line = header.text().split(|&b| b == b'\n').find(|line| line.starts_with(b"#CHROM")).unwrap_or_default();
        let names: Vec<String> = String::from_utf8_lossy(line).split('\t').map(String::from).collect();
        let mut columns = [None; 2];
        for (column, haplotype) in columns.iter_mut().zip(&haplotypes) {
            let Some(sample) = haplotype.sample() else { continue };
            let found = names.iter().skip(9).position(|name| name == sample);
            *column = Some(9 + found.ok_or_else(|| {
                format!("has no sample \"{sample}\", whose haplotypes its effects are of: annotate a file that has its genotypes")
            })?);
        }
        Ok(Self { region, backgrounds, all, in_all, haplotypes, columns })
    }

    /// Of a line of VCF; None for a record in which the haplotypes are not known or do not differ.
    ///
    /// # Errors
    /// A sentence without the record: a value is not what the field holds.
    pub fn read(&self, line: &str) -> Result<Option<RecordEffects>, String> {
        let columns: Vec<&str> = line.split('\t').collect();
        let place = columns.get(8).and_then(|format| format.split(':').position(|key| key == "GT"));
        let call = |column: Option<usize>| {
            let text = column.and_then(|column| columns.get(column)?.split(':').nth(place?));
            text.map_or(Call::Missing, Call::from_text)
        };
        let Some(alleles) = carried_alleles(self.haplotypes.each_ref(), self.columns.map(call)) else {
            return Ok(None);
        };
        if alleles[0] == alleles[1] {
            return Ok(None);
        }
        let info = columns.get(7).copied().unwrap_or_default();
        let value = |name: &str| info.split(';').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        let Some(names) = value(&self.region) else { return Ok(None) };
        let names: Vec<String> = names.split(',').map(unescape).collect();
        let first: [Vec<Option<f64>>; 2] = [self.numbers(0, &value)?, self.numbers(1, &value)?];
        let entries: Vec<Vec<&str>> = match self.in_all.and(value(&self.all)) {
            Some(text) => text.split(',').map(|entry| entry.split('|').collect()).collect(),
            None => Vec::new(),
        };
        let mut regions = Vec::with_capacity(names.len());
        for (number, name) in names.into_iter().enumerate() {
            let mut own = None;
            if let (true, Some([region, one, two])) = (number > 0, self.in_all) {
                let entries: Vec<&Vec<&str>> =
                    entries.iter().filter(|entry| entry.get(region).is_some_and(|r| unescape(r) == name)).collect();
                if !entries.is_empty() {
                    let read = |at: usize| entries.iter().map(|e| float(e.get(at).copied().unwrap_or("."))).collect();
                    let values: [Result<Vec<Option<f64>>, String>; 2] = [read(one), read(two)];
                    let [one, two] = values;
                    own = Some([one?, two?]);
                }
            }
            let borrowed = number > 0 && own.is_none();
            let of_alleles = own.as_ref().unwrap_or(&first);
            let effect = |background: usize| {
                let of = |allele: u32| match allele {
                    0 => Some(0.0),
                    allele => of_alleles[background].get(allele as usize - 1).copied().flatten(),
                };
                Some(of(alleles[0])? - of(alleles[1])?)
            };
            let effect = effect(0).zip(effect(1)).map(|(one, two)| [one, two]);
            regions.push(InRegion { name, effect, borrowed });
        }
        Ok(Some(RecordEffects { alleles, regions }))
    }

    fn numbers<'a>(
        &self,
        background: usize,
        value: &impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Vec<Option<f64>>, String> {
        let name = &self.backgrounds[background];
        match value(name) {
            None => Ok(Vec::new()),
            Some(text) => {
                text.split(',').map(float).collect::<Result<_, _>>().map_err(|problem| format!("INFO/{name} {problem}"))
            }
        }
    }
}

fn float(text: &str) -> Result<Option<f64>, String> {
    match text {
        "." | "" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(format!("is \"{text}\", not a number")),
        },
    }
}

/// Text with percent-encoded characters as they are.
fn unescape(text: &str) -> String {
    String::from_utf8_lossy(&percent_decoded(text, |_| true)).into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn header(more: &str) -> VcfHeader {
        let text = format!(
            "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n\
             ##INFO=<ID=DA_LFC_BG1,Number=A,Type=Float,Description=\"Effect, in haplotype 1 (kid:1)\">\n\
             ##INFO=<ID=DA_LFC_BG2,Number=A,Type=Float,Description=\"Effect, in haplotype 2 (kid:2)\">\n\
             ##INFO=<ID=DA_REGION,Number=.,Type=String,Description=\"Regions\">\n{more}\
             #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tmum\tkid\n"
        );
        VcfHeader::new(text.into_bytes(), Path::new("x.vcf")).unwrap()
    }

    fn fields(header: &VcfHeader) -> Fields {
        let [one, two] = haplotypes_of(header, None);
        Fields::of_header(header, None, [one.unwrap(), two.unwrap()]).unwrap()
    }

    fn line(alternatives: &str, info: &str, call: &str) -> String {
        format!("chr1\t11\t.\tA\t{alternatives}\t.\t.\t{info}\tDP:GT\t.:1|1\t3:{call}")
    }

    #[test]
    fn effects_have_the_sign_of_the_ratio() {
        let header = header("");
        let fields = fields(&header);
        let info = "DA_LFC_BG1=0.5,0.25;DA_LFC_BG2=0.75,.;DA_REGION=chr1:1-100";
        let effect =
            |call: &str| fields.read(&line("C,G", info, call)).unwrap().map(|r| (r.alleles, r.regions[0].effect));
        assert_eq!(effect("1|0"), Some(([1, 0], Some([0.5, 0.75]))));
        assert_eq!(effect("0|1"), Some(([0, 1], Some([-0.5, -0.75]))));
        // No prediction of the second alternative in background 2.
        assert_eq!(effect("1|2"), Some(([1, 2], None)));
        for call in ["1|1", "0/1", "./.", "0"] {
            assert_eq!(effect(call), None, "{call}");
        }
        assert_eq!(fields.read(&line("C", "DP=3", "0|1")), Ok(None));
        let problem = fields.read(&line("C", "DA_LFC_BG1=x;DA_REGION=chr1:1-100", "0|1")).unwrap_err();
        assert!(problem.contains("INFO/DA_LFC_BG1 is \"x\""), "{problem}");
    }

    #[test]
    fn further_regions_have_their_own_effects_or_borrow_those_of_the_first() {
        let plain = header("");
        let regions = "DA_LFC_BG1=0.5;DA_LFC_BG2=0.75;DA_REGION=chr1:1-100,chr1:9-40";
        let read = |fields: &Fields, info: &str| fields.read(&line("C", info, "1|0")).unwrap().unwrap().regions;
        let found = read(&fields(&plain), regions);
        assert_eq!((found[0].borrowed, found[1].borrowed, found[1].effect), (false, true, Some([0.5, 0.75])));
        let all = header(
            "##INFO=<ID=DA_ALL,Number=.,Type=String,Description=\"Every region. Format: \
             Allele|Consequence|Region|LFC|LFC_BG1|LFC_BG2|PAIR\">\n",
        );
        let entries = "DA_ALL=C|gain|chr1:1-100|0.6|0.5|0.75|1,C|gain|chr1:9-40|0.1|0.125|0.0625|1";
        let found = read(&fields(&all), &format!("{regions};{entries}"));
        assert_eq!((found[1].borrowed, found[1].effect), (false, Some([0.125, 0.0625])));
    }

    #[test]
    fn what_is_missing_is_named() {
        let header = header("");
        let of = |tag, one: &str| Fields::of_header(&header, tag, [one.parse().unwrap(), "kid:2".parse().unwrap()]);
        assert!(of(Some("liver"), "kid:1").err().unwrap().contains("INFO/DA_LFC_BG1_liver"));
        assert!(of(None, "dad:1").err().unwrap().contains("no sample \"dad\""));
        assert!(of(None, "ref").is_ok());
        assert_eq!(unescape("a%2Cb%3a%zz%"), "a,b:%zz%");
    }
}
