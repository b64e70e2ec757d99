//! Facts as words: numbers with their units, captured text made harmless, packets by their names.
//!
//! Invariant: whatever a sentence takes from the capture goes through [`quoted`] or [`plain`],
//! so that no control character or bidirectional override reaches a reader. Nothing here judges.

mod packet;
mod quantity;
mod text;

pub(crate) use packet::{code_in_words, code_name, last_in_words};
pub(crate) use quantity::{bytes, counted, duration, number};
pub(crate) use text::{plain, quoted};
