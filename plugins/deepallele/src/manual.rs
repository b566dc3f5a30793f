//! The man page of a command, on a terminal.

use std::io::{self, IsTerminal};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::search::own_folder;

/// Replace this process by `man` with the page of the command `name`. Returns when stdout is not a terminal, or when
/// there is no page or no `man`; the command's own help is shown then.
pub fn show(name: &str) {
    if !io::stdout().is_terminal() {
        return;
    }
    let page = format!("deepallele-{name}");
    // Prefer the page that was installed with this program; man might find one of another version.
    let page = match own_page(&page) {
        Some(file) => file.into_os_string(),
        None if is_known(&page) => page.into(),
        None => return,
    };
    let _no_man = Command::new("man").arg(page).exec();
}

/// The file of a page, where `make` writes it or where an installation in `bin` and `share` has it.
fn own_page(page: &str) -> Option<PathBuf> {
    let own = own_folder()?;
    let folders = [own.join("man/man1"), own.join("../share/man/man1")];
    let files = folders.iter().flat_map(|folder| [".1", ".1.gz"].map(|end| folder.join(format!("{page}{end}"))));
    files.into_iter().find(|file| file.is_file())
}

fn is_known(page: &str) -> bool {
    let mut query = Command::new("man");
    query.args(["-w", page]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    query.status().is_ok_and(|status| status.success())
}
