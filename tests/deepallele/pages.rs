//! Man pages and completion scripts: that they are there, say what `--help` says, and work in man and in the shells.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deepallele_tests::*;

/// The front door and every command, as programs.
fn programs() -> Vec<String> {
    let commands = commands().iter().map(|name| format!("deepallele-{name}"));
    std::iter::once("deepallele".to_owned()).chain(commands).collect()
}

/// A program of the built folder itself, not through the front door.
fn direct(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(bin_folder().join(program));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn page(program: &str) -> PathBuf {
    bin_folder().join(format!("man/man1/{program}.1"))
}

fn scripts(shell: &str) -> PathBuf {
    bin_folder().join("completions").join(shell)
}

/// Whether a program is there that the tests can do without; says so where it is not.
fn there_is(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("{program} is not installed: not tested with it");
    }
    found
}

#[test]
fn the_built_ones_are_those_that_the_commands_write() {
    let folder = scratch();
    for program in programs() {
        assert_eq!(good(direct(&program, &["--generate-pages"]).arg(folder.path())), b"");
        for file in [
            format!("man/man1/{program}.1"),
            format!("completions/bash/{program}"),
            format!("completions/zsh/_{program}"),
            format!("completions/fish/{program}.fish"),
        ] {
            let new = fs::read_to_string(folder.path().join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert!(new.len() > 100, "{file}: {new:?}");
            let built = fs::read_to_string(bin_folder().join(&file));
            assert!(built.is_ok_and(|built| built == new), "{file} is old: run `make build`, or `make test`");
        }
    }
    // Where nothing can be written, a line says so.
    for program in programs() {
        let output = run(&mut direct(&program, &["--generate-pages", "/proc/no"]));
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said:?}");
        assert!(said.starts_with("deepallele") && said.contains("/proc/no/man/man1"), "{said:?}");
        misused(&mut direct(&program, &["--generate-pages"]));
    }
}

/// `-m, --model <ONNX>` of every option and `[VCF]` of every argument, as `--help` has them.
fn in_help(name: &str) -> BTreeSet<String> {
    let mut words = name.split(' ');
    let mut command = deepallele(words.next().expect("a name"));
    let help = good_text(command.args(words).arg("--help").env("COLUMNS", "110"));
    let (_, listed) = help.split_once("\nUsage: ").expect("a usage line");
    let header = |line: &str| -> Option<String> {
        let indent = line.len() - line.trim_start().len();
        (indent > 0 && indent < 10).then(|| line.trim().to_owned())
    };
    listed.lines().filter_map(header).filter(|line| line.starts_with(['-', '[', '<'])).collect()
}

/// The same of the page: the line behind each `.TP` of an option, without fonts and defaults.
fn in_page(page: &str) -> BTreeSet<String> {
    let lines: Vec<&str> = page.lines().collect();
    let headers = lines.windows(2).filter(|pair| pair[0] == ".TP").map(|pair| {
        let plain =
            ["\\fB", "\\fI", "\\fR"].iter().fold(pair[1].replace("\\-", "-"), |text, font| text.replace(font, ""));
        plain.split(" [default: ").next().unwrap_or_default().trim().to_owned()
    });
    headers.filter(|header| header.starts_with(['-', '[', '<'])).collect()
}

#[test]
fn a_page_has_the_options_of_help() {
    for name in command_lines() {
        let page = fs::read_to_string(page(&format!("deepallele-{}", name.replace(' ', "-")))).unwrap();
        // An argument's <NAME> loses its brackets in help when it may be left out, and its dots in the page.
        let plain = |set: BTreeSet<String>| -> BTreeSet<String> {
            set.into_iter()
                .map(|s| if s.starts_with('-') { s } else { s.trim_matches(['[', ']', '<', '>', '.']).to_owned() })
                .collect()
        };
        let (listing, written) = (plain(in_help(name)), plain(in_page(&page)));
        assert!(listing.len() > 8, "{name}: {listing:?}");
        assert_eq!(listing, written, "{name}");
        assert!(!page.replace("\\-", "-").contains("--generate-pages"), "{name}");
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "VERSION", "\"EXIT STATUS\"", "EXAMPLES", "\"SEE ALSO\""]
        {
            assert!(page.contains(&format!("\n.SH {section}\n")), "{name} has no {section}");
        }
        assert!(page.contains(&format!("\\fBdeepallele {name}\\fR ")), "{name}: the synopsis is what is typed");
    }
    let door = fs::read_to_string(page("deepallele")).unwrap();
    for name in commands() {
        assert!(door.contains(&format!("\n.BR deepallele\\-{name} (1)\n")), "{door}");
    }
    for option in ["--list-commands", "--generate-pages"] {
        assert!(!good_text(&mut direct("deepallele", &["--help"])).contains(option));
        assert!(!door.replace("\\-", "-").contains(option));
    }
}

#[test]
fn man_has_nothing_to_warn_of() {
    if !there_is("man") {
        return;
    }
    for program in programs() {
        let mut man = tool("man", ["--warnings=w", "-l", "-Tutf8", "-E", "UTF-8"]);
        let output = run(man.arg(page(&program)).env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8"));
        assert!(output.status.success());
        assert_eq!(text(&output.stderr), "", "{program}");
        let shown = text(&output.stdout);
        assert!(shown.contains(&program.to_uppercase()) && shown.lines().count() > 40, "{program}: {shown}");
    }
    // With the folder of the commands on PATH, man finds the pages by itself.
    let path = format!("{}:{}", bin_folder().display(), std::env::var("PATH").unwrap());
    let found = good_text(tool("man", ["-w", "deepallele-annotate"]).env("PATH", path).env_remove("MANPATH"));
    assert_eq!(fs::canonicalize(found.trim()).unwrap(), fs::canonicalize(page("deepallele-annotate")).unwrap());
}

/// What a command line prints on a terminal, whose width is not known.
fn on_a_terminal(line: &str, path: &str) -> String {
    let mut command = tool("script", ["-qec", line, "/dev/null"]);
    command.env("PATH", path).env("MANPAGER", "cat").env("MANWIDTH", "100").env("TERM", "dumb").env_remove("MANPATH");
    // Where CI is set, help has colours even on a terminal that says it shows none.
    command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    // Bold as man writes it for a pager.
    let shown = text(&run(&mut command).stdout).replace('\r', "");
    let mut plain = String::new();
    for letter in shown.chars() {
        match letter {
            '\u{8}' => drop(plain.pop()),
            letter => plain.push(letter),
        }
    }
    plain
}

#[test]
fn help_shows_the_page_on_a_terminal() {
    let folder = scratch();
    let everything = std::env::var("PATH").unwrap();
    // A shell and nothing else: no man.
    let bare_folder = path_of_only(folder.path(), "bare", &["sh", "script"]);
    let bare = bare_folder.display().to_string();
    let line = format!("'{}' help annotate", bin_folder().join("deepallele").display());
    if there_is("man") {
        let shown = on_a_terminal(&line, &everything);
        assert!(shown.starts_with("DEEPALLELE-ANNOTATE(1)") && shown.contains("\nEXIT STATUS\n"), "{shown}");
    }
    let shown = on_a_terminal(&line, &bare);
    assert!(shown.contains("Usage: deepallele annotate") && !shown.contains("EXIT STATUS"), "{shown}");

    // Which page: the one beside, then the one in ../share/man, then whatever man knows. And only of commands there are.
    let home = folder.path().join("home");
    let bin = home.join("bin");
    shell_script(&bin, "deepallele-greet", "echo greet \"$@\"\n");
    copied(&bin_folder().join("deepallele"), &bin);
    let line = format!("'{}' help greet", bin.join("deepallele").display());
    shell_script(&bare_folder, "man", "[ \"$1\" = -w ] && exit ${UNKNOWN:-0}\necho man \"$@\"\n");
    let installed = home.join("share/man/man1/deepallele-greet.1");
    let beside = bin.join("man/man1/deepallele-greet.1");
    assert_eq!(on_a_terminal(&format!("UNKNOWN=1 {line}"), &bare), "greet --help\n");
    assert_eq!(on_a_terminal(&line, &bare), "man deepallele-greet\n");
    fs::create_dir_all(installed.parent().unwrap()).unwrap();
    fs::write(format!("{}.gz", installed.display()), "").unwrap();
    let shown = on_a_terminal(&line, &bare);
    assert!(shown.starts_with("man ") && shown.ends_with("/share/man/man1/deepallele-greet.1.gz\n"), "{shown}");
    fs::create_dir_all(beside.parent().unwrap()).unwrap();
    fs::write(&beside, "").unwrap();
    assert_eq!(on_a_terminal(&line, &bare), format!("man {}\n", beside.display()));
    assert!(on_a_terminal(&format!("{line}ings"), &bare).starts_with("deepallele: unknown command \"greetings\""));
    // In a pipe it is the command's own help.
    let piped = run(Command::new(bin.join("deepallele")).args(["help", "greet"]).env("PATH", &bare));
    assert_eq!(text(&piped.stdout), "greet --help\n");
}

#[test]
fn scripts_get_the_list_of_commands_that_the_front_door_lists() {
    let listing = good_text(&mut direct("deepallele", &["--list-commands"]));
    let names: Vec<&str> = listing.lines().map(|line| line.split_once('\t').expect("a tab").0).collect();
    for name in commands() {
        assert!(names.contains(&name.as_str()), "{listing}");
    }
    let listed = good_text(&mut direct("deepallele", &["--help"]));
    for line in listing.lines() {
        assert!(listed.contains(line.split_once('\t').unwrap().1), "{line:?} is not in {listed}");
    }
}

/// What bash has to offer at the end of each line, with the scripts sourced and the words set as bash sets them.
#[test]
fn bash_completes_the_words_it_is_given() {
    let folder = scratch();
    put(folder.path(), "network.onnx", "");
    put(folder.path(), "netto.onnx", "");
    let path = format!("{}:{}", bin_folder().display(), std::env::var("PATH").unwrap());
    let offers = |words: &[&str]| -> Vec<String> {
        // compopt is an error outside of a completion that bash itself began.
        let script = "compopt() { :; }; source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))\n\
            function=$(complete -p \"$1\" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')\n\
            $function \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n\
            [[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\\n' \"${COMPREPLY[@]}\"\n";
        let mut bash = tool("bash", ["--norc", "-c", script, "bash"]);
        bash.arg(scripts("bash").join(words[0])).args(words).env("PATH", &path).current_dir(folder.path());
        let output = run(&mut bash);
        assert_eq!(text(&output.stderr), "", "{words:?}");
        let mut offered: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
        offered.sort();
        offered
    };
    let mut all = offers(&["deepallele", ""]);
    all.retain(|name| name != "help");
    for name in commands() {
        assert!(all.iter().any(|offered| offered == name), "{name} is not in {all:?}");
    }
    assert_eq!(offers(&["deepallele", "an"]), ["annotate"]);
    assert_eq!(offers(&["deepallele", "--"]), ["--help", "--version"]);
    assert_eq!(offers(&["deepallele", "help", "hap"]), ["haplotypes"]);
    assert_eq!(offers(&["deepallele", "help", "annotate", ""]), [""; 0]);
    assert_eq!(offers(&["deepallele", "annotate", "--mo"]), ["--model", "--model-sample"]);
    assert_eq!(offers(&["deepallele", "annotate", "-m", "x y", "in.vcf", "--bed"]), ["--bedgraph"]);
    assert_eq!(offers(&["deepallele", "annotate", "-m", "net"]), ["netto.onnx", "network.onnx"]);
    assert_eq!(offers(&["deepallele", "evaluate", "--part", "t"]), ["test", "train"]);
    assert_eq!(offers(&["deepallele", "nonesuch", "--mo"]), [""; 0]);
    assert_eq!(offers(&["deepallele", "../x", "--mo"]), [""; 0]);
    assert_eq!(offers(&["deepallele-annotate", "--mo"]), ["--model", "--model-sample"]);
    for name in commands() {
        let offered = offers(&["deepallele", name, "-"]);
        for header in in_help(name) {
            for option in header.split([' ', ',', '=', '[']).filter(|word| word.starts_with('-')) {
                assert!(offered.iter().any(|o| o == option), "{name} {option} is not in {offered:?}");
            }
        }
        assert_eq!(offered, offers(&[&format!("deepallele-{name}"), "-"]));
    }
}

/// Lines typed into a shell, tabs and all, after `setting`; gives back what `deepallele` was called with. `home` has
/// the scripts where this shell looks for them.
fn typed(shell: &str, home: &Path, setting: &str) -> String {
    let record = home.join("record");
    let bin = home.join("bin");
    let script = format!(
        "[ \"$1\" = --list-commands ] && exec '{}' \"$@\"\n(printf '[%s]' \"$@\"; echo) >>'{}'\n",
        bin_folder().join("deepallele").display(),
        record.display()
    );
    shell_script(&bin, "deepallele", &script);
    put(home, "network.onnx", "");
    put(home, "my genome.fa", "");
    let path = format!("{}:{}:{}", bin.display(), bin_folder().display(), std::env::var("PATH").unwrap());
    let mut command = tool("timeout", ["60", "script", "-qec", shell, "/dev/null"]);
    command.env("PATH", path).env("HOME", home).env("TERM", "xterm").env("INPUTRC", "/dev/null").current_dir(home);
    for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR", "ENV", "BASH_ENV"] {
        command.env_remove(variable);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
    let lines = format!(
        "{setting}\n\
         deepallele annot\t--no-v\t-m netw\t-f my\t\n\
         deepallele evaluate --part val\t\n\
         deepallele help haplo\t\n\
         ~/bin/deepallele pred\t--no-v\t\n\
         exit\n"
    );
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let seen = text(&child.wait_with_output().unwrap().stdout);
    fs::read_to_string(record).unwrap_or_else(|e| panic!("{e}: {seen}"))
}

const TYPED: &str = "[annotate][--no-version][-m][network.onnx][-f][my genome.fa]\n[evaluate][--part][validation]\n\
    [help][haplotypes]\n[predict][--no-version]\n";

#[test]
fn bash_completes_what_is_typed() {
    let folder = scratch();
    let setting = format!("source '{}'", scripts("bash").join("deepallele").display());
    assert_eq!(typed("bash --norc --noprofile -i", folder.path(), &setting), TYPED);
}

#[test]
fn zsh_completes_what_is_typed() {
    if there_is("zsh") {
        let folder = scratch();
        let folders = scripts("zsh");
        for program in programs() {
            good(tool("zsh", ["-n"]).arg(folders.join(format!("_{program}"))));
        }
        let setting = format!("fpath=('{}' $fpath); autoload -Uz compinit; compinit -u -D", folders.display());
        assert_eq!(typed("zsh -f -i", folder.path(), &setting), TYPED);
    }
}

#[test]
fn fish_completes_what_is_typed() {
    if there_is("fish") {
        let folder = scratch();
        let own = folder.path().join(".config/fish/completions");
        fs::create_dir_all(&own).unwrap();
        for program in programs() {
            let script = scripts("fish").join(format!("{program}.fish"));
            good(tool("fish", ["-n"]).arg(&script));
            fs::copy(&script, own.join(format!("{program}.fish"))).unwrap();
        }
        assert_eq!(typed("fish -i", folder.path(), ""), TYPED);
    }
}
