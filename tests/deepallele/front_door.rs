//! `deepallele` itself and what every command has in common.

use std::process::{Command, Stdio};

use deepallele_tests::*;

fn front_door(arguments: &[&str]) -> std::process::Output {
    run(Command::new(bin_folder().join("deepallele")).args(arguments).stdin(Stdio::null()))
}

#[test]
fn the_version_is_one() {
    let version = format!("deepallele {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&front_door(&["--version"]).stdout), version);
    for name in commands() {
        assert_eq!(good_text(deepallele(name).arg("--version")), version, "{name}");
    }
}

/// The lines of the list of commands: name and description.
fn listed(overview: &str) -> Vec<(&str, &str)> {
    let (_, list) = overview.split_once("\nCommands:\n").expect("a list");
    list.lines()
        .map(|line| line.trim().split_once(' ').unwrap_or((line.trim(), "")))
        .map(|(name, about)| (name, about.trim()))
        .collect()
}

#[test]
fn it_lists_the_commands_it_finds() {
    let output = front_door(&[]);
    assert_eq!(output.status.code(), Some(2));
    let overview = text(&output.stdout);
    let listed = listed(&overview);
    for name in commands() {
        let (_, about) = listed.iter().find(|(listed, _)| listed == name).expect(name);
        assert!(about.starts_with(char::is_uppercase) && !about.ends_with('.'), "{name}: {about:?}");
        let help = good_text(deepallele(name).arg("--help"));
        assert_eq!(help.lines().next().expect(name).trim_end_matches('.'), *about);
    }
    assert!(overview.lines().all(|line| line.len() <= 80), "{overview}");
    // In the order of the work.
    let place = |name: &str| listed.iter().position(|(listed, _)| *listed == name).expect(name);
    let order = ["count", "train", "evaluate", "predict", "annotate"].map(place);
    assert!(order.is_sorted(), "{overview}");
}

#[test]
fn a_new_program_in_its_folder_is_a_command() {
    let folder = scratch();
    let door = copied(&bin_folder().join("deepallele"), folder.path());
    shell_script(
        folder.path(),
        "deepallele-foo",
        "[ \"$1\" = --about-line ] && printf '5\\tDo the foo\\n' || echo foo \"$@\"\n",
    );
    shell_script(folder.path(), "deepallele-bar", "[ \"$1\" = --about-line ] && printf '4\\tDo the bar\\n'\n");
    // Programs that do not know the question have no description, whatever they do instead.
    shell_script(folder.path(), "deepallele-other", "echo usage: other; exit 2\n");
    shell_script(folder.path(), "deepallele-silent", "exit 1\n");
    // Those elsewhere on PATH are not even started.
    let elsewhere = folder.path().join("elsewhere");
    let started = folder.path().join("started");
    shell_script(
        &elsewhere,
        "deepallele-far",
        &format!("touch '{}'\nprintf '1\\tDo it far away\\n'\n", started.display()),
    );
    let ask = |arguments: &[&str]| run(Command::new(&door).args(arguments).env("PATH", &elsewhere));
    let overview = text(&ask(&["--help"]).stdout);
    let expected = [("bar", "Do the bar"), ("foo", "Do the foo"), ("far", ""), ("other", ""), ("silent", "")];
    assert_eq!(listed(&overview), expected, "{overview}");
    let list = text(&ask(&["--list-commands"]).stdout);
    assert_eq!(list, expected.map(|(name, about)| format!("{name}\t{about}\n")).concat());
    assert_eq!(text(&ask(&["--list-commands", "names"]).stdout), "bar\nfar\nfoo\nother\nsilent\n");
    assert!(!started.exists());
    assert_eq!(text(&ask(&["foo", "a b"]).stdout), "foo a b\n");
}

#[test]
fn help_of_a_command_comes_both_ways() {
    for name in commands() {
        let help = good_text(deepallele(name).arg("--help"));
        assert!(help.contains(&format!("deepallele {name}")), "{help}");
        assert_eq!(text(&front_door(&["help", name]).stdout), help);
    }
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let output = front_door(&["divine"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("divine"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_command_of_ones_own_is_found_on_the_path() {
    let folder = scratch();
    shell_script(folder.path(), "deepallele-greet", "echo greetings to \"$1\"\nexit 7\n");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output = run(deepallele("greet").arg("all of you").env("PATH", path));
    assert_eq!(text(&output.stdout), "greetings to all of you\n");
    assert_eq!(output.status.code(), Some(7));
}

/// Only `train` may need libtorch to start.
#[test]
fn only_train_is_linked_against_libtorch() {
    for name in commands() {
        let program = bin_folder().join(format!("deepallele-{name}"));
        let libraries = libraries(&program);
        assert_eq!(libraries.contains("torch"), name == "train", "{name}:\n{libraries}");
        assert!(!libraries.contains("not found"), "{name} does not start by itself:\n{libraries}");
    }
}
