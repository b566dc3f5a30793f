//! Helpers of the end-to-end tests: where the built commands and the test data lie, how to run them, and
//! small genomes, reads and variants made on the spot.

#[path = "helpers/cells.rs"]
pub mod cells;
pub mod simulator;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every command.
pub const COMMANDS: [&str; 8] = ["haplotypes", "count", "train", "evaluate", "predict", "annotate", "import", "export"];

/// The folder of the built commands: `$DEEPALLELE_BIN`, else the one this test was built into.
pub fn bin_folder() -> PathBuf {
    let folder = match std::env::var_os("DEEPALLELE_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let test = std::env::current_exe().expect("a running test has a path");
            // target/release/deps/count-0123 -> target/release
            test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps").to_path_buf()
        }
    };
    assert!(folder.join("deepallele").is_file(), "no commands in {folder:?}: run `make build`, or `make test`");
    folder
}

/// A file of `test-data/`.
pub fn data(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data").join(name);
    assert!(path.exists(), "{path:?} is missing");
    path
}

pub fn reads() -> PathBuf {
    data("ctcf_chip.chr22.bam")
}
pub fn phased() -> PathBuf {
    data("NA12878.chr22.phased.vcf.gz")
}
pub fn genome() -> PathBuf {
    data("chr22.hg19.fa.gz")
}
pub fn regions() -> PathBuf {
    data("regions.narrowPeak")
}

/// A scratch folder that goes away with the value.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

/// `deepallele NAME`, through the front door, with no variable that says where an engine is: the commands
/// must find theirs by themselves.
pub fn deepallele(name: &str) -> Command {
    let mut command = Command::new(bin_folder().join("deepallele"));
    command.arg(name).stdin(Stdio::null());
    without_engines(&mut command);
    command
}

/// `command`, as [`deepallele`] has it, of another program that starts ours.
pub fn without_engines(command: &mut Command) -> &mut Command {
    for variable in ["ORT_DYLIB_PATH", "LD_LIBRARY_PATH", "LIBTORCH", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command
}

/// `command` started with its signals as `env` is told: the tests may run where some are ignored.
pub fn with_signals(how: &str, command: &Command) -> Command {
    let mut env = tool("env", [how]);
    env.arg(command.get_program()).args(command.get_args());
    without_engines(&mut env);
    env
}

/// Another program, such as samtools.
pub fn tool<I: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null());
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The shared libraries that a program is linked against, as `ldd` names and finds them: without the addresses at
/// which they lie this time, whose digits can spell a name.
pub fn libraries(program: &Path) -> String {
    let listing = good_text(&mut tool("ldd", [program]));
    listing.lines().map(|line| format!("{}\n", without_address(line))).collect()
}

fn without_address(line: &str) -> &str {
    line.split_once(" (0x").map_or(line, |(name, _)| name)
}

#[test]
fn an_address_is_no_part_of_a_library() {
    assert_eq!(without_address("\tlibm.so.6 => /lib/libm.so.6 (0x00007f03cc10f000)"), "\tlibm.so.6 => /lib/libm.so.6");
    assert_eq!(without_address("\tlibc10.so => not found"), "\tlibc10.so => not found");
}

/// Run, wait, and give back exit status, stdout and stderr.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{:?} does not start: {e}", command.get_program()))
}

/// Run and expect success; gives back stdout.
pub fn good(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(output.status.success(), "{command:?} ended with {}: {}", output.status, text(&output.stderr));
    output.stdout
}

/// Run, expect success and not a word on stderr; gives back stdout.
pub fn silently(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(output.status.success(), "{command:?} ended with {}: {}", output.status, text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{command:?}");
    output.stdout
}

/// [`good`], as text.
pub fn good_text(command: &mut Command) -> String {
    text(&good(command))
}

/// Run with `--quiet` and expect a refusal as the house wants it: exit 1, nothing on stdout, one line on
/// stderr that starts with the command's name and holds every one of `words`. Gives back that line.
pub fn refused(command: &mut Command, words: &[&str]) -> String {
    let name = command.get_args().next().expect("a command").to_string_lossy().into_owned();
    let output = run(command.arg("--quiet"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
    assert!(output.stdout.is_empty(), "{command:?} wrote {} bytes to stdout", output.stdout.len());
    assert_eq!(said.lines().count(), 1, "one line, not: {said:?}");
    assert!(said.starts_with(&format!("deepallele {name}: ")), "{said:?}");
    assert!(!said.contains("internal error"), "a panic: {said:?}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    said
}

/// [`refused`], and nothing new in `folder`: neither the output nor a temporary file.
pub fn refused_in(folder: &Path, command: &mut Command, words: &[&str]) -> String {
    let before = listing(folder);
    let said = refused(command, words);
    assert_eq!(before, listing(folder), "something was left behind");
    said
}

/// The names in a folder, sorted.
pub fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Send a running program a signal, by its name without SIG. The shell has a `kill` where the system has none.
pub fn signal(child: &Child, name: &str) {
    good(&mut tool("sh", ["-c", "kill -s \"$0\" \"$1\"", name, &child.id().to_string()]));
}

/// Run `commands` as a pipeline, all of them expected to succeed; gives back the last one's stdout.
pub fn pipeline(commands: &mut [Command]) -> Vec<u8> {
    let mut running = Vec::new();
    let mut input = None;
    for command in commands.iter_mut() {
        if let Some(from) = input.take() {
            command.stdin(from);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{:?} does not start: {e}", command.get_program()));
        input = child.stdout.take().map(Stdio::from);
        running.push(child);
        // Only the last command's stdout is read here; the others' went to their successor.
    }
    let last = running.len() - 1;
    let mut result = Vec::new();
    if let Some(from) = input {
        // Hand the last stdout back through a child that copies it, so that no pipe fills up.
        let copied = run(Command::new("cat").stdin(from));
        result = copied.stdout;
    }
    for (number, child) in running.into_iter().enumerate() {
        let output = child.wait_with_output().expect("a child to wait for");
        assert!(
            output.status.success(),
            "command {number} of {last} in the pipe ended with {}: {}",
            output.status,
            text(&output.stderr)
        );
    }
    result
}

/// Lines that are not `##` header lines: what is left holds no command line and no version.
pub fn without_header(table: &str) -> String {
    table.lines().filter(|line| !line.starts_with("##")).map(|line| format!("{line}\n")).collect()
}

/// A table by its header line: each row as text by column name.
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn parse(table: &str) -> Self {
        let mut lines = table.lines().filter(|line| !line.starts_with("##"));
        let header = lines.next().expect("a header line").trim_start_matches('#');
        let columns: Vec<String> = header.split('\t').map(str::to_owned).collect();
        let rows: Vec<Vec<String>> =
            lines.map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>()).collect();
        for row in &rows {
            assert_eq!(row.len(), columns.len(), "{row:?} against {columns:?}");
        }
        Self { columns, rows }
    }

    fn index(&self, column: &str) -> usize {
        let found = self.columns.iter().position(|c| c == column);
        found.unwrap_or_else(|| panic!("no column {column} in {:?}", self.columns))
    }

    pub fn text(&self, row: usize, column: &str) -> &str {
        &self.rows[row][self.index(column)]
    }

    pub fn number(&self, row: usize, column: &str) -> f64 {
        let value = self.text(row, column);
        value.parse().unwrap_or_else(|_| panic!("{column} of row {row} is {value:?}"))
    }

    /// All values of a column.
    pub fn column(&self, column: &str) -> Vec<String> {
        let index = self.index(column);
        self.rows.iter().map(|row| row[index].clone()).collect()
    }

    pub fn sum(&self, column: &str) -> f64 {
        (0..self.rows.len()).map(|row| self.number(row, column)).sum()
    }
}

/// Write `content` to `folder/name` and give back the path.
pub fn put(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).expect("a scratch file");
    path
}

/// Give `content` to `command` on stdin; gives back its stdout.
pub fn feed(command: &mut Command, content: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child");
    let mut sink = child.stdin.take().expect("a stdin");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = sink.write_all(content);
        });
        let output = child.wait_with_output().expect("output");
        assert!(output.status.success(), "{command:?} ended with {}", output.status);
        output.stdout
    })
}

/// A BAM with its index from SAM text; the records must be sorted.
pub fn bam(folder: &Path, name: &str, sam: &str) -> PathBuf {
    let path = folder.join(name);
    feed(tool("samtools", ["view", "-b", "-o"]).arg(&path).arg("-"), sam.as_bytes());
    good(tool("samtools", ["index"]).arg(&path));
    path
}

/// A bgzipped VCF with its tabix index from VCF text; the records must be sorted.
pub fn vcf_gz(folder: &Path, name: &str, vcf: &str) -> PathBuf {
    let packed = feed(&mut tool("bgzip", ["-c"]), vcf.as_bytes());
    let path = put(folder, name, packed);
    good(tool("tabix", ["-p", "vcf"]).arg(&path));
    path
}

/// A FASTA with its index from names and sequences.
pub fn fasta(folder: &Path, name: &str, sequences: &[(&str, &str)]) -> PathBuf {
    let body: String = sequences.iter().map(|(name, bases)| format!(">{name}\n{bases}\n")).collect();
    let path = put(folder, name, body);
    good(tool("samtools", ["faidx"]).arg(&path));
    path
}

/// A published network as `model.onnx` in `folder`: `mh`, `cr` or `sh` of the golden vectors. Its window is 110.
pub fn imported(folder: &Path, network: &str) -> PathBuf {
    let model = folder.join(format!("{network}.onnx"));
    good(deepallele("import").arg(data(&format!("parity/{network}/model.ckpt"))).arg("-o").arg(&model));
    model
}

/// Bases of the real chromosome, 0-based half-open, upper case, through samtools.
pub fn bases(start: u64, end: u64) -> String {
    let place = format!("chr22:{}-{end}", start + 1);
    let fasta = good_text(tool("samtools", ["faidx"]).arg(genome()).arg(place));
    let bases: String = fasta.lines().skip(1).collect::<String>().to_uppercase();
    assert_eq!(bases.len() as u64, end - start);
    bases
}

/// The network's own outputs for pairs of sequences, through `predict --pairs --raw`: the third path of a
/// number, beside tables and VCF fields.
pub fn raw_predictions(folder: &Path, model: &Path, pairs: &[(String, String)]) -> Vec<[f64; 3]> {
    let mut content = String::from("id\tallele_a\tallele_b\n");
    for (number, (a, b)) in pairs.iter().enumerate() {
        content += &format!("p{number}\t{a}\t{b}\n");
    }
    let file = put(folder, "pairs.tsv", content);
    let table =
        Table::parse(&good_text(deepallele("predict").arg("-m").arg(model).arg("--pairs").arg(file).arg("--raw")));
    assert_eq!(table.rows.len(), pairs.len());
    (0..pairs.len())
        .map(|row| {
            assert_eq!(table.text(row, "id"), format!("p{row}"));
            ["count_a", "count_b", "ratio"].map(|column| table.number(row, column))
        })
        .collect()
}

/// Differences beyond rounding in a file of six digits.
pub fn close(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{what}: {a} against {b}");
}

/// One training at a time: several that share the cores take many times as long as one after the other.
static TURN: Mutex<()> = Mutex::new(());

pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
