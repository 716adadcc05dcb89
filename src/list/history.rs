//! What the lists of a thread's history can be told.

use super::List;
use crate::protocol::{SortDirection, ThreadItemsListParams, ThreadTurnsListParams, TurnItemsView};

impl List<ThreadTurnsListParams> {
    /// How much of its items each turn has: a summary if this is not called.
    pub fn items_view(self, view: impl Into<TurnItemsView>) -> Self {
        self.params(|params| params.items_view(view))
    }

    /// Sorts in this direction. The newest turn comes first if this is not called.
    pub fn sort_direction(self, direction: impl Into<SortDirection>) -> Self {
        self.params(|params| params.sort_direction(direction))
    }
}

impl List<ThreadItemsListParams> {
    /// Lists only the items of this turn.
    pub fn turn(self, id: impl Into<String>) -> Self {
        self.params(|params| params.turn_id(id))
    }

    /// Sorts in this direction. The oldest item comes first if this is not called.
    pub fn sort_direction(self, direction: impl Into<SortDirection>) -> Self {
        self.params(|params| params.sort_direction(direction))
    }
}
