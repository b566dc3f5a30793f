//! `bcftools +deepallele`, in the bcftools that is installed: what it lists, what goes through it, how it ends, and
//! which program it becomes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use deepallele_tests::*;

/// The folder to name in `BCFTOOLS_PLUGINS`.
fn plugins() -> PathBuf {
    let folder = bin_folder().join("bcftools");
    assert!(folder.join("deepallele.so").is_file(), "no plugin in {folder:?}: run `make build`, or `make test`");
    folder
}

/// bcftools that looks for plugins in `folder`, with nothing set that says where the program or an engine is.
fn bcftools<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = tool("bcftools", arguments);
    for variable in ["DEEPALLELE", "ORT_DYLIB_PATH", "LD_LIBRARY_PATH", "LIBTORCH", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command.env("BCFTOOLS_PLUGINS", folder);
    command
}

/// `bcftools +deepallele -m MODEL -f GENOME`
fn plugin(model: &Path) -> Command {
    let mut command = bcftools(&plugins(), ["+deepallele", "-m"]);
    command.arg(model).arg("-f").arg(genome()).arg("--quiet");
    command
}

fn records(bytes: &[u8]) -> String {
    text(&feed(&mut tool("bcftools", ["view", "-H"]), bytes))
}

fn annotated(model: &Path) -> String {
    records(&good(&mut annotate(model, &phased())))
}

#[test]
fn three_functions_are_exported_and_nothing_hangs_on_it() {
    let file = plugins().join("deepallele.so");
    let listing = good_text(tool("nm", ["-D", "--defined-only"]).arg(&file));
    let mut symbols: Vec<&str> = listing.lines().filter_map(|line| line.split_whitespace().last()).collect();
    symbols.sort_unstable();
    assert_eq!(symbols, ["about", "run", "version"], "{listing}");
    for line in libraries(&file).lines() {
        let known = ["linux-vdso", "linux-gate", "libgcc_s.so", "libc.so", "ld-linux"];
        assert!(known.iter().any(|name| line.contains(name)), "it hangs on {line:?}");
    }
}

#[test]
fn bcftools_lists_it() {
    let output = run(&mut bcftools(&plugins(), ["plugin", "-lv"]));
    assert!(output.status.success());
    let (listed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(listed.contains("\n-- deepallele --\nAdd predicted allelic effects"), "{listed:?}");
    assert!(!(listed + &said).to_lowercase().contains("mismatch"), "{said}");
}

/// A program that opens the plugin as bcftools does, and has versions of its own.
#[test]
fn the_versions_are_those_of_the_host() {
    let folder = scratch();
    let host = |name: &str, functions: &str| -> String {
        let main = "#include <dlfcn.h>\n#include <stdio.h>\nint main(int n, char **v) {\n\
            void *plugin = dlopen(v[1], RTLD_NOW);\n\
            void (*version)(const char **, const char **) = dlsym(plugin, \"version\");\n\
            const char *bcftools, *htslib;\nversion(&bcftools, &htslib);\nprintf(\"%s %s\", bcftools, htslib);\n}\n";
        let source = put(folder.path(), &format!("{name}.c"), format!("{functions}\n{main}"));
        let program = folder.path().join(name);
        good(tool("cc", ["-rdynamic", "-o"]).arg(&program).arg(source).arg("-ldl"));
        good_text(Command::new(program).arg(plugins().join("deepallele.so")))
    };
    let function = |name: &str, version: &str| format!("const char *{name}(void) {{ return \"{version}\"; }}");
    let both = function("bcftools_version", "9.87") + &function("hts_version", "6.54-dirty");
    assert_eq!(host("both", &both), "9.87 6.54-dirty");
    assert_eq!(host("one", &function("hts_version", "1.2")), "unknown 1.2");
}

#[test]
fn a_pipe_goes_in_and_a_pipe_comes_out() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let format = "%POS %DA_LFC %DA_CLFC\n";
    let mut first = tool("bcftools", ["view", "-Ob"]);
    first.arg(phased());
    let mut middle = plugin(&model);
    middle.arg("-Ob");
    let piped = text(&pipeline(&mut [first, middle, tool("bcftools", ["query", "-f", format])]));
    let file = put(folder.path(), "plain.vcf", good(&mut annotate(&model, &phased())));
    assert_eq!(piped, good_text(tool("bcftools", ["query", "-f", format]).arg(file)));
    assert_eq!(piped.lines().count(), 623);
    assert!(piped.lines().any(|line| line.split(' ').nth(1).unwrap().parse::<f64>().unwrap() != 0.0));
}

#[test]
fn files_and_options_as_bcftools_has_them() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let expected = annotated(&model);
    assert_eq!(expected.lines().count(), 623);
    assert!(expected == records(&silently(plugin(&model).arg(phased()))));
    // The long way to name a plugin.
    let mut long = bcftools(&plugins(), ["plugin", "deepallele", "--quiet"]);
    assert!(expected == records(&silently(long.arg(phased()).arg("-m").arg(&model).arg("-f").arg(genome()))));
    // bcftools +NAME [OPTIONS] FILE -- [PLUGIN OPTIONS]
    let out = folder.path().join("out.bcf");
    let mut apart = bcftools(&plugins(), ["+deepallele", "-Ob", "-o"]);
    apart.arg(&out).arg(phased()).args(["--", "--quiet", "-m"]).arg(&model).arg("-f").arg(genome());
    assert_eq!(silently(&mut apart), b"");
    assert!(fs::read(&out).unwrap().starts_with(b"\x1f\x8b"));
    assert!(expected == records(&fs::read(&out).unwrap()));
    // -r is annotate's too.
    let some = records(&silently(plugin(&model).args(["-r", "chr22:17000000-18000000"]).arg(phased())));
    assert!(!some.is_empty() && some.lines().count() < 623);
}

#[test]
fn it_ends_as_annotate_ends() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let code = |command: &mut Command| -> (i32, Output) {
        let output = run(command);
        (output.status.code().expect("no signal"), output)
    };
    let bad = put(folder.path(), "bad.vcf", "no header, no records\n");
    let (status, output) = code(plugin(&model).arg(&bad));
    assert_eq!((status, output.stdout.len()), (1, 0));
    let said = text(&output.stderr);
    assert!(said.starts_with("deepallele annotate: ") && said.contains("bad.vcf"), "{said:?}");
    assert_eq!(said.lines().count(), 1, "{said:?}");
    let (status, output) = code(plugin(&model).arg("--no-such-option").arg(phased()));
    assert_eq!((status, output.stdout.len()), (2, 0));
    assert!(text(&output.stderr).contains("--no-such-option"));
    let (status, output) = code(&mut bcftools(&plugins(), ["+deepallele", "--help"]));
    assert_eq!(status, 0);
    assert_eq!(output.stdout, good(deepallele("annotate").arg("--help")));
    // Nobody reads any more: an end without a word.
    ends_quietly_unread(plugin(&model).arg(phased()));
}

/// A program that says who it is and what it was given.
fn impostor(folder: &Path, who: &str) -> PathBuf {
    shell_script(folder, "deepallele", &format!("echo {who} \"$@\"\nexit 5\n"))
}

/// `$DEEPALLELE`, then beside the plugin or one folder up, then PATH.
#[test]
fn the_program_is_looked_for_in_order() {
    let folder = scratch();
    let home = folder.path().join("home");
    let nest = home.join("bcftools");
    fs::create_dir_all(&nest).unwrap();
    fs::copy(plugins().join("deepallele.so"), nest.join("deepallele.so")).unwrap();
    // bcftools and a shell, and nothing else.
    let path = path_of_only(folder.path(), "path", &["bcftools", "sh"]);
    let call = |plugins: &Path| {
        let mut command = bcftools(plugins, ["+deepallele", "in.vcf", "--", "-m", "a model"]);
        command.env("PATH", &path);
        command
    };
    let says = |command: &mut Command, who: &str| {
        let output = run(command);
        assert_eq!(text(&output.stdout), format!("{who} annotate in.vcf -m a model\n"), "{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(5));
    };
    let refuses = |command: &mut Command, program: &str| {
        let output = run(command);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{said}");
        assert_eq!(said.lines().count(), 1, "{said:?}");
        assert!(said.starts_with(&format!("bcftools +deepallele: \"{program}\" ")), "{said:?}");
        assert!(said.contains("$DEEPALLELE") && said.contains("PATH"), "{said:?}");
    };

    refuses(&mut call(&nest), "deepallele");
    impostor(&path, "on_the_path");
    says(&mut call(&nest), "on_the_path");
    impostor(&home, "one_folder_up");
    says(&mut call(&nest), "one_folder_up");
    impostor(&nest, "beside");
    says(&mut call(&nest), "beside");
    says(call(&nest).env("DEEPALLELE", ""), "beside");
    let named = impostor(&folder.path().join("elsewhere"), "named");
    says(call(&nest).env("DEEPALLELE", named), "named");
    // What was named and is not there is not replaced by another.
    refuses(call(&nest).env("DEEPALLELE", "/no/such/program"), "/no/such/program");
    // A link in a plugin folder of bcftools leads to what lies beside the file.
    let links = folder.path().join("links");
    fs::create_dir_all(&links).unwrap();
    symlink(nest.join("deepallele.so"), links.join("deepallele.so")).unwrap();
    says(&mut call(&links), "beside");
}
