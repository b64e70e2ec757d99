//! From findings to text: one renderer a file, all over one [`Report`], each writing to a writer.
//!
//! Invariant: a renderer decides nothing. What went wrong, how sure that is and which frames show
//! it were decided by [`crate::diagnosis`]; captured text reaches the output only through
//! [`crate::text::escape`] or as JSON strings.

pub mod across;
mod event_text;
pub mod explain;
mod explanation;
pub mod json;
mod kept;
pub mod ladder;
mod listing;
mod messages;
pub mod model;
pub mod news;
pub mod packets;
mod page;
pub mod row;
mod schema;
pub mod table;
mod tls_document;
mod tls_text;
mod value;
mod words;

pub use kept::Kept;
pub use model::{CaptureSummary, Case, Extent, Report, Style, Summary};

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
