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
    for name in COMMANDS {
        assert_eq!(good_text(deepallele(name).arg("--version")), version, "{name}");
    }
}

#[test]
fn it_lists_the_commands_it_finds() {
    let said = front_door(&[]);
    let said = text(&said.stdout) + &text(&said.stderr);
    for name in COMMANDS {
        assert!(said.contains(name), "{name} is not in {said:?}");
    }
}

#[test]
fn help_of_a_command_comes_both_ways() {
    for name in COMMANDS {
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
    for name in COMMANDS {
        let program = bin_folder().join(format!("deepallele-{name}"));
        let libraries = libraries(&program);
        assert_eq!(libraries.contains("torch"), name == "train", "{name}:\n{libraries}");
        assert!(!libraries.contains("not found"), "{name} does not start by itself:\n{libraries}");
    }
}
