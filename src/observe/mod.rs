//! File → Observed. Opens for reading only, and reads only what was asked for.

mod block;
mod carried;
mod descent;
mod each;
mod look;
mod metadata;
mod moves;
mod naming;
mod pair;
mod presence;
mod rebuilds;
mod reduce;
mod regions;
mod stored;
mod tree;

pub use block::{ReadError, read_values};
pub use carried::Carried;
pub use descent::MOST_DEPTH;
pub use metadata::{ObserveError, metadata};
pub use naming::Naming;
pub use pair::{PairWork, compare_pair};
pub use presence::presence;
pub use rebuilds::rebuilds;
pub use reduce::{Reduced, Reduction, reduce};
pub use regions::{Watch, regions};
pub use tree::{AttrPick, AttrWish, ResolveError, attrs, resolve, walk};
