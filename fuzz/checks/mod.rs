//! What must hold for any bytes at all. Each check takes the bytes of one fuzzing input and panics
//! when something does not hold.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // inputs are short

pub(crate) mod assembler;
pub(crate) mod engine;
pub(crate) mod file;
pub(crate) mod fragments;
pub(crate) mod framer;
pub(crate) mod link;
pub(crate) mod parser;
mod reports;

/// Cuts the first `N` bytes off, as zeros where there are fewer.
fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let (head, rest) = data.split_at(N.min(data.len()));
    *data = rest;
    let mut taken = [0; N];
    taken[..head.len()].copy_from_slice(head);
    taken
}
