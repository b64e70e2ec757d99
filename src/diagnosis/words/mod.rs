//! Facts as words: captured text made harmless, packets and codes by their names.
//!
//! Invariant: whatever a sentence takes from the capture goes through [`quoted`] or [`plain`],
//! so that no control character or bidirectional override reaches a reader. Nothing here judges.

mod date;
mod packet;
mod quantity;
mod text;

pub(crate) use crate::text::{counted, duration, list, number};
pub(crate) use date::{date, days};
pub(crate) use packet::{code_in_words, code_name, last_in_words, named, undecodable};
pub(crate) use quantity::bytes;
pub(crate) use text::{plain, quoted, quoted_words};
