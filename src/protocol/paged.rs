//! Lists that come page by page.

use super::Request;

/// The params of a method whose answer is one page of a list. Only those of the protocol are.
pub trait PagedRequest: Request + Clone + sealed::Paged + 'static {
    /// What the list consists of.
    type Item: Send + 'static;

    /// The cursor at which the page begins. `None` where the list begins, or at what is no cursor.
    fn page_cursor(&self) -> Option<&str>;

    /// Asks for the page at this cursor instead.
    fn set_page_cursor(&mut self, cursor: String);

    /// Asks for no more items than this in one page.
    fn set_page_limit(&mut self, limit: u32);

    /// The items of a page, and the cursor of the page after it, if there is one.
    fn into_page(response: Self::Response) -> (Vec<Self::Item>, Option<String>);
}

pub(super) mod sealed {
    /// Keeps others from implementing [`PagedRequest`](super::PagedRequest), so that it can grow.
    #[expect(unnameable_types, reason = "that is the point of it")]
    pub trait Paged {}
}
