//! Making names in a folder durable.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::TxnError;

/// The folder that a file is in.
pub(super) fn folder_of(target: &Path) -> PathBuf {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Opens the target's folder, to be synced later: what can fail early fails before the commit point.
pub(super) fn open_folder(target: &Path) -> Result<File, TxnError> {
    File::open(folder_of(target)).map_err(|e| TxnError::io("open the folder of", target, &e))
}

/// Makes a rename in the folder durable: the last thing that a commit does.
pub(super) fn sync_folder(folder: &File, target: &Path) -> Result<(), TxnError> {
    settled(folder.sync_all(), target)
}

/// Makes the contents of files in this folder durable. One call for the file system costs little more than one for a
/// file, of which each waits for the disk.
#[cfg(target_os = "linux")]
pub(super) fn sync_contents(folder: &File, files: &[&File]) -> io::Result<()> {
    match files {
        [file] => file.sync_all(),
        _ => Ok(rustix::fs::syncfs(folder)?),
    }
}

/// Makes the contents of files in this folder durable.
#[cfg(not(target_os = "linux"))]
pub(super) fn sync_contents(_: &File, files: &[&File]) -> io::Result<()> {
    files.iter().try_for_each(|file| file.sync_all())
}

fn settled(synced: io::Result<()>, target: &Path) -> Result<(), TxnError> {
    match synced {
        Ok(()) => Ok(()),
        // File systems that cannot sync folders say so; there is nothing more to be done there.
        Err(e) if rustix::io::Errno::from_io_error(&e).is_some_and(|e| e == rustix::io::Errno::INVAL) => Ok(()),
        Err(e) => Err(TxnError::in_doubt(target, &e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_leaves_the_file_in_doubt() {
        let failed = |number| settled(Err(io::Error::from_raw_os_error(number)), Path::new("x.h5"));
        let text = failed(5).unwrap_err().to_string();
        assert!(matches!(failed(5), Err(TxnError::InDoubt { .. })));
        assert!(text.contains("x.h5") && text.contains("power failure"), "{text}");
        assert!(failed(22).is_ok());
    }
}
