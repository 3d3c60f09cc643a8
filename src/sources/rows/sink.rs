//! What takes the rows.

use crate::report::Row;

/// Gets the cells of each row, with the names of their columns.
pub(super) type Sink<'a> = dyn FnMut(&Row<'_>) + 'a;
