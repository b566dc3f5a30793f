//! Finds commands.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const PREFIX: &str = "deepallele-";

/// Letters, digits, `-` and `_` only, so that a name cannot lead out of the folders searched.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The folder of this program.
pub fn own_folder() -> Option<PathBuf> {
    env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf))
}

/// The folders searched: our own, then those of PATH.
fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    own_folder().into_iter().chain(env::split_paths(&path).filter(|p| p.is_absolute())).collect()
}

/// The program of the command `name`.
pub fn find(name: &str) -> Option<PathBuf> {
    folders().into_iter().map(|folder| folder.join(format!("{PREFIX}{name}"))).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Every command found, by name; of several of one name that in the first folder.
pub fn commands() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in folders() {
        let Ok(entries) = folder.read_dir() else { continue };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let Some(name) = file.to_str().and_then(|f| f.strip_prefix(PREFIX)) else { continue };
            if is_name(name) && is_program(&entry.path()) {
                found.entry(name.to_owned()).or_insert_with(|| entry.path());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder() {
        assert!(is_name("count") && is_name("my-plugin_2"));
        for wrong in ["", "../x", "a/b", "a b", "é"] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_executable_files_are_commands() {
        let folder = env::temp_dir().join(format!("deepallele-door-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("deepallele-x");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!is_program(&file));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_program(&file));
        assert!(!is_program(&folder));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
