//! Arrays of NumPy in files of one array, `.npz` with the key `arr_0`, as `numpy.savez` writes them and tools for
//! attributions read them; written and read row after row in constant memory.

mod reader;
mod writer;

pub use reader::{read_member, read_npz, NpzReader};
pub use writer::NpzWriter;

/// The name of the array.
const MEMBER: &str = "arr_0.npy";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_row_after_row_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut writer = NpzWriter::<f32>::create(&path, &[3, 4, 2]).unwrap();
        (0..3).for_each(|row| writer.write(&[row as f32 + 0.5; 8]).unwrap());
        let set = writer.complete().unwrap();
        assert!(!path.exists());
        set.rename().unwrap();
        let array = read_npz::<f32>(&path).unwrap();
        assert_eq!(array.shape(), [3, 4, 2]);
        assert!(array.outer_iter().zip([0.5, 1.5, 2.5]).all(|(row, value)| row.iter().all(|v| *v == value)));
        assert!(read_npz::<i8>(&path).unwrap_err().to_string().contains("another type"));
    }

    #[test]
    fn too_few_elements_are_an_error_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut writer = NpzWriter::<i8>::create(&path, &[2, 2]).unwrap();
        writer.write(&[1; 3]).unwrap();
        assert!(writer.complete().is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_array_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        for (content, words) in [(&b"PK"[..], "is not an .npz file"), (b"", "is not an .npz file")] {
            std::fs::write(&path, content).unwrap();
            let message = read_npz::<f32>(&path).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains("a.npz"), "{message}");
        }
        assert!(read_npz::<f32>(&folder.path().join("none.npz")).is_err());
    }
}
