//! What a plan was made from, as one short text.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::model::{Base, Observed};

/// What was seen of a file, as far as a manifest is about it. Its hash goes into plans that are saved or read by machines: the same
/// plan on another state is another plan.
#[derive(Clone, Debug)]
pub struct State(Arc<Observed>);

impl State {
    /// Lengths and superblocks of files change with what no manifest is about.
    pub(super) fn new(seen: Observed) -> Self {
        Self(Arc::new(Observed { base: Base::Missing, ..seen }))
    }

    /// The hash. It is made here, and not with the plan, since few ask for it and there may be much to hash.
    pub fn hash(&self) -> String {
        let mut hasher = Hasher(Sha256::new());
        // Hashing does not fail.
        let _ = std::fmt::Write::write_fmt(&mut hasher, format_args!("{:?}", self.0));
        hasher.0.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect()
    }
}

/// Hashes text as it is written.
struct Hasher(Sha256);

impl std::fmt::Write for Hasher {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::H5Path;

    #[test]
    fn a_state_is_what_was_seen_but_for_the_files_length() {
        let empty = State::new(Observed::default()).hash();
        assert_eq!(empty.len(), 32);
        let base = Base::Existing { size: 7, superblock: 3, userblock: 0 };
        assert_eq!(State::new(Observed { base, ..Observed::default() }).hash(), empty);
        let matches = vec![vec![H5Path::root()]];
        assert_ne!(State::new(Observed { matches, ..Observed::default() }).hash(), empty);
    }
}
