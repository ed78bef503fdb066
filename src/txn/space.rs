//! Free space.

use std::path::Path;

/// Bytes an ordinary user may still write on the file system that holds `path` or, where it does not
/// exist yet, its nearest folder that does. `None` where that cannot be told.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let absolute = std::path::absolute(path).ok()?;
    let existing = absolute.ancestors().find(|p| p.exists())?;
    let stat = rustix::fs::statvfs(existing).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}
