//! The list of commands.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::search::{commands, own_folder};

/// Hidden argument with which a command prints its place in the list, a tab, and the line about it.
const ABOUT_LINE: &str = "--about-line";
/// Longest time to wait for those lines.
const PATIENCE: Duration = Duration::from_secs(10);
/// More bytes than any such line has.
const LONGEST: u64 = 1000;
const NONE: &str = "none found, neither next to this program nor on PATH";

/// The commands found, each with the line about it: in the order that they give, then those without a line.
///
/// Only the programs next to this one are started to ask for it: another one on PATH may be a script that runs whatever
/// its arguments are.
pub fn lines() -> Vec<(String, String)> {
    let found = commands();
    let own = own_folder();
    let asked: BTreeMap<String, Question> = found
        .iter()
        .filter(|(_, program)| program.parent() == own.as_deref())
        .filter_map(|(name, program)| Some((name.clone(), Question::put(program)?)))
        .collect();
    let until = Instant::now() + PATIENCE;
    let mut answers: BTreeMap<String, (u32, String)> =
        asked.into_iter().filter_map(|(name, question)| Some((name, question.answer(until)?))).collect();
    let mut lines: Vec<(u32, String, String)> = found
        .into_keys()
        .map(|name| {
            let (place, about) = answers.remove(&name).unwrap_or((u32::MAX, String::new()));
            (place, name, about)
        })
        .collect();
    lines.sort();
    lines.into_iter().map(|(_, name, about)| (name, about)).collect()
}

/// A program that was asked for its line.
struct Question {
    program: Child,
    output: Receiver<String>,
}

impl Question {
    /// Start `program`. None where that fails; running the command will say why.
    fn put(program: &PathBuf) -> Option<Self> {
        let mut command = Command::new(program);
        command.arg(ABOUT_LINE).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().ok()?;
        let stdout = program.stdout.take()?;
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.take(LONGEST).read_to_string(&mut text);
            // Nobody listens any more after the time is up.
            let _ = sender.send(text);
        });
        Some(Self { program, output })
    }

    /// What it answered before `until`, if that is a line as expected.
    fn answer(mut self, until: Instant) -> Option<(u32, String)> {
        let text = self.output.recv_timeout(until.saturating_duration_since(Instant::now()));
        let _ = self.program.kill();
        let _ = self.program.wait();
        parse(&text.ok()?)
    }
}

/// Place and text of an answer.
fn parse(answer: &str) -> Option<(u32, String)> {
    let (place, about) = answer.strip_suffix('\n')?.split_once('\t')?;
    let about = Some(about).filter(|text| !text.contains(char::is_control))?;
    Some((place.parse().ok()?, about.to_owned()))
}

/// The names of the commands found, on one line.
pub fn names() -> String {
    let found = commands();
    match found.is_empty() {
        true => NONE.to_owned(),
        false => found.into_keys().collect::<Vec<_>>().join(", "),
    }
}

/// What `deepallele` alone prints.
pub fn overview() -> String {
    let mut text = String::from(
        "Which variant makes one allele more active than the other?\n\n\
         Usage: deepallele NAME [OPTIONS]\n       deepallele help NAME\n       deepallele --version\n\nCommands:\n",
    );
    let lines = lines();
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, about) in &lines {
        text.push_str(format!("  {name:<width$}  {about}").trim_end());
        text.push('\n');
    }
    if lines.is_empty() {
        text.push_str(&format!("  {NONE}\n"));
    }
    text
}

/// For the completion scripts: each command and, after a tab, the line about it.
pub fn list() -> String {
    lines().iter().map(|(name, about)| format!("{name}\t{about}\n")).collect()
}

/// For completion scripts that show no descriptions: the commands, one per line.
pub fn list_of_names() -> String {
    commands().into_keys().map(|name| name + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_and_a_line_are_an_answer() {
        assert_eq!(parse("20\tCount fragments\n"), Some((20, "Count fragments".into())));
        for wrong in ["", "\n", "Count\n", "x\tCount\n", "1\tCount", "1\ta\nb\n", "1\ta\tb\n"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
