//! Where reading can go on in a damaged file.
//!
//! Invariant: every byte is looked at a bounded number of times, and no more is kept than one chain of
//! records needs. How unlikely it is that bytes without order are taken for records is said in
//! `docs/robustness.md`.

/// Whether records begin at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// More bytes are needed to tell.
    More,
}

/// What a search of some bytes found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// Records begin after so many bytes.
    Found(usize),
    /// They do not begin within so many bytes; what is behind them is not known yet.
    Nothing(usize),
}

/// Asks `begins` at every byte of `input`.
pub(super) fn search(input: &[u8], begins: impl Fn(&[u8]) -> Begins) -> Search {
    for at in 0..input.len() {
        match begins(input.get(at..).unwrap_or_default()) {
            Begins::Yes => return Search::Found(at),
            Begins::No => {}
            Begins::More => return Search::Nothing(at),
        }
    }
    Search::Nothing(input.len())
}
