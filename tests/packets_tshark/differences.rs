//! The list of what tshark gets wrong: `tests/tshark_differences.toml`.

/// Frames of a capture of which tshark says something wrong.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    /// The capture's name, without folder and ending.
    pub(crate) capture: String,
    /// Numbered as both programs do.
    pub(crate) frames: Vec<u64>,
    /// The field that is wrong, `packets` for their number; all of the frame when absent.
    field: Option<String>,
    /// Why, checked in the bytes.
    reason: String,
}

impl Difference {
    /// Whether a field of a frame may differ.
    pub(crate) fn covers(&self, frame: u64, field: &str) -> bool {
        self.frames.contains(&frame) && self.field.as_ref().is_none_or(|wrong| wrong == field)
    }
}

/// All that are known, each with its reason.
pub(crate) fn listed() -> Vec<Difference> {
    #[derive(serde::Deserialize)]
    struct List {
        difference: Vec<Difference>,
    }
    let list: List = toml::from_str(include_str!("../tshark_differences.toml")).unwrap();
    assert!(list.difference.iter().all(|difference| !difference.reason.is_empty()));
    list.difference
}
