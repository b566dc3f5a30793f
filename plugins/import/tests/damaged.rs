//! A file of which the HDF5 library never comes back. Alone in its program: the library stays locked.

use std::path::Path;
use std::time::{Duration, Instant};

use deepallele_import::reader::DataSet;

#[test]
fn a_file_that_the_library_hangs_on_is_given_up() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chip.hdf5");
    let mut bytes = std::fs::read(source).unwrap();
    // The heap of the names, zeroed after its head, as an interrupted download may leave it.
    let at = bytes.windows(4).position(|w| w == b"GCOL").unwrap();
    bytes[at + 16..at + 200].fill(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeroed.hdf5");
    std::fs::write(&path, bytes).unwrap();
    let start = Instant::now();
    let message = match DataSet::open(&path, None, None, Duration::from_secs(2)) {
        Err(error) => error.to_string(),
        Ok(set) => {
            let rest = set.read(deepallele_core::model::published::data_set::Values::Log, &mut |_| Ok(()));
            rest.expect_err("what is zero cannot be read").to_string()
        }
    };
    assert!(message.contains("zeroed.hdf5") && message.contains("damaged after row 0"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(20));
}
