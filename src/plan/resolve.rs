//! What is declared, as it is about one file.

use std::borrow::Cow;

use super::{aliases, storage};
use crate::model::{Desired, Observed};

/// The declaration with what is said of a dataset under several names under one, and with what rules say of storage as entries of the datasets that
/// they are about. All else is planned from this, and knows neither.
pub fn resolved<'d>(desired: &'d Desired, observed: &Observed) -> Cow<'d, Desired> {
    match aliases::unified(desired, observed) {
        Cow::Borrowed(desired) => storage::with_storage(desired, observed),
        Cow::Owned(unified) => Cow::Owned(storage::with_storage(&unified, observed).into_owned()),
    }
}
