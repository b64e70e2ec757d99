//! What a program tells of the control packets in a capture, in words that both programs share.
//!
//! Invariant: text and bytes are exact (what is not ASCII is escaped), so equal words mean equal bytes.

use std::collections::{BTreeMap, BTreeSet};

/// Of each frame, the packets that it completes.
pub(crate) type Frames = BTreeMap<u64, Vec<Told>>;

/// The fields of a control packet: name and values, in the order of the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told(BTreeMap<&'static str, Vec<String>>);

impl Told {
    pub(crate) fn number(&mut self, name: &'static str, value: u64) {
        self.text(name, &value.to_string());
    }

    /// A field that says something only when it is not zero.
    pub(crate) fn flag(&mut self, name: &'static str, value: u64) {
        if value != 0 {
            self.number(name, value);
        }
    }

    pub(crate) fn bytes(&mut self, name: &'static str, value: &[u8]) {
        self.text(name, &value.escape_ascii().to_string());
    }

    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        self.0.entry(name).or_default().push(value.to_owned());
    }

    /// The values of a field.
    pub(crate) fn of(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The names of the fields that two programs tell differently; `packets` when one sees more packets.
pub(crate) fn differing(one: &[Told], other: &[Told]) -> BTreeSet<&'static str> {
    if one.len() != other.len() {
        return BTreeSet::from(["packets"]);
    }
    let pairs = one.iter().zip(other);
    let names = pairs.flat_map(|(one, other)| {
        let names: BTreeSet<&'static str> = one.0.keys().chain(other.0.keys()).copied().collect();
        names.into_iter().filter(|name| one.of(name) != other.of(name))
    });
    names.collect()
}
