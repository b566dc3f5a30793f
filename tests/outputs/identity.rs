//! An output that is an input, or the same file as another output, is refused before anything is read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

use crate::table::{tree, Case, CASES};
use crate::INPUTS;

/// Exit 2 and one line that contains `words`; nothing changes in `folder`.
fn refused_for(command: &mut Command, folder: &Path, words: &[&str]) {
    let before = tree(folder);
    let said = misused(command);
    assert_eq!(said.lines().count(), 1, "{command:?}: {said}");
    assert!(said.starts_with("deepallele "), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?} of {command:?}");
    }
    assert_eq!(before, tree(folder), "{command:?}");
}

/// Give `path` the other name `name`, in folders that are made.
fn other_name(path: &Path, name: &Path, link: fn(&Path, &Path) -> std::io::Result<()>) {
    fs::create_dir_all(name.parent().expect("a folder")).unwrap();
    link(path, name).unwrap();
}

fn soft(path: &Path, name: &Path) -> std::io::Result<()> {
    symlink(path, name)
}

fn hard(path: &Path, name: &Path) -> std::io::Result<()> {
    fs::hard_link(path, name)
}

/// Every output of `case` under a name that is also that of the input `read`.
fn output_is_input(case: &Case, read: &str) {
    let input = INPUTS.path(read);
    let content = fs::read(&input).unwrap();
    // By its name, if the option takes one: relative, absolute, and with detours.
    let folder = INPUTS.folder.path();
    let detour = format!("../{}/./{read}", folder.file_name().unwrap().to_string_lossy());
    for output in case.outputs.iter().filter(|output| output.file) {
        let Some(option) = output.option.last() else { continue };
        // A name by which MultiQC recognises the file is asked for first.
        if *option == "--multiqc" {
            continue;
        }
        for name in [read, &format!("./{read}"), &input.display().to_string(), &detour] {
            let others: Vec<_> = case.alone(output).into_iter().filter(|o| !std::ptr::eq(*o, output)).collect();
            let scratch = scratch();
            let mut command = case.with(&INPUTS, &others, scratch.path());
            command.current_dir(folder).args(output.option).arg(name);
            refused_for(&mut command, folder, &[option, "the input "]);
        }
    }
    // Every file that an option makes, by a link and by a second name.
    for output in case.outputs {
        for made in output.files {
            for link in [soft, hard] {
                let folder = tempfile::tempdir_in(INPUTS.folder.path().parent().unwrap()).unwrap();
                other_name(&input, &folder.path().join(made), link);
                let mut command = case.with(&INPUTS, &case.alone(output), folder.path());
                refused_for(&mut command, folder.path(), &[output.option.last().unwrap(), "the input ", read]);
            }
        }
    }
    assert!(content == fs::read(&input).unwrap(), "{}: {read} has changed", case.name);
}

#[test]
fn no_output_is_an_input() {
    for case in CASES {
        for read in case.reads {
            output_is_input(case, read);
        }
    }
}

#[test]
fn no_two_outputs_are_one_file() {
    for case in CASES {
        for (number, one) in case.outputs.iter().enumerate() {
            for two in &case.outputs[..number] {
                for link in [soft, hard] {
                    // The second leads to the first, which does not exist yet (a link) or does (a second name).
                    let folder = scratch();
                    let at = |name: &str| folder.path().join(name);
                    let first: PathBuf = at(two.files[0]);
                    fs::create_dir_all(first.parent().unwrap()).unwrap();
                    if std::ptr::fn_addr_eq(link, hard as fn(&Path, &Path) -> std::io::Result<()>) {
                        fs::write(&first, "before").unwrap();
                    }
                    other_name(&first, &at(one.files[0]), link);
                    let mut outputs = case.alone(two);
                    outputs.extend(case.alone(one));
                    let mut unique: Vec<&crate::table::Output> = Vec::new();
                    for output in outputs {
                        if !unique.iter().any(|other| std::ptr::eq::<crate::table::Output>(*other, output)) {
                            unique.push(output);
                        }
                    }
                    let options = [one, two].map(|output| *output.option.last().unwrap());
                    let mut command = case.with(&INPUTS, &unique, folder.path());
                    refused_for(
                        &mut command,
                        folder.path(),
                        &["two outputs name the same file", options[0], options[1]],
                    );
                }
                // By its name, spelled in another way.
                if one.file && two.file && *one.option.last().unwrap() != "--multiqc" {
                    let folder = scratch();
                    let mut outputs = case.alone(two);
                    for output in case.alone(one) {
                        if !outputs.iter().any(|other| std::ptr::eq::<crate::table::Output>(*other, output)) {
                            outputs.push(output);
                        }
                    }
                    outputs.retain(|output| !std::ptr::eq::<crate::table::Output>(*output, one));
                    let mut command = case.with(&INPUTS, &outputs, Path::new(""));
                    command.current_dir(folder.path()).args(one.option).arg(format!("./{}", two.value));
                    refused_for(&mut command, folder.path(), &["two outputs name the same file", two.files[0]]);
                }
            }
        }
    }
}

#[test]
fn standard_output_and_input_are_known_by_what_they_are() {
    let inputs = &*INPUTS;
    let folder = scratch();
    // The table goes to standard output, which is the file of the variants.
    let copy = folder.path().join("counts.tsv");
    fs::copy(inputs.path("counts.tsv"), &copy).unwrap();
    let mut command = deepallele("evaluate");
    command.arg("-m").arg(inputs.path("model.onnx")).arg(&copy).arg("-f").arg(inputs.path("ref.fa"));
    command.arg("-v").arg(inputs.path("in.vcf.gz")).args(["-s", "kid", "--part", "all", "--quiet"]);
    let length = fs::metadata(&copy).unwrap().len();
    let output = run(command.stdout(fs::File::options().append(true).open(&copy).unwrap()));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("-o - is the input COUNTS"), "{}", text(&output.stderr));
    assert_eq!(fs::metadata(&copy).unwrap().len(), length);
    // The input is standard input, which is the file of the output.
    let vcf = folder.path().join("in.vcf");
    fs::write(&vcf, cells::vcf()).unwrap();
    let mut command = deepallele("annotate");
    command.arg("-m").arg(inputs.path("model.onnx")).arg("-f").arg(inputs.path("ref.fa")).arg("--quiet");
    command.arg("-o").arg(&vcf).stdin(fs::File::open(&vcf).unwrap());
    let said = misused(&mut command);
    assert!(said.contains("is the input VCF -"), "{said}");
    // The graph that the description of a network names.
    fs::copy(inputs.path("model.onnx"), folder.path().join("net.onnx")).unwrap();
    let description = put(folder.path(), "other.toml", "window = 110\nmodel = \"net.onnx\"\nlayout = \"N4L\"\n");
    let mut command = deepallele("annotate");
    command.arg("-m").arg(description).arg("-f").arg(inputs.path("ref.fa")).arg(&vcf);
    let said = misused(command.arg("-o").arg(folder.path().join("net.onnx")));
    assert!(said.contains("the input -m"), "{said}");
}
