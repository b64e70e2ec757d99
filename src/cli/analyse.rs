//! From files to a report: the wiring of source, engine and diagnosis.

use crate::report::Report;
use crate::session::Detail;

use super::arguments::Input;
use super::failure::Failure;

/// Reads the captures of `input` to their end and judges every session.
pub(super) fn analyse(_input: &Input, _detail: Detail) -> Result<Report, Failure> {
    Err(Failure::Capture {
        message: "captures are not read yet".into(),
        hint: "wait for the source".into(),
    })
}

/// Whether a finding or outcome of this id exists.
pub(super) fn is_known_id(id: &str) -> bool {
    !id.is_empty()
}
