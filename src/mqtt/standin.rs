//! Stand-ins.
#![allow(missing_docs)]
use super::{Packet, RawPacket, Version};
use crate::stream::Side;
#[derive(Debug, Default)]
pub struct VersionEvidence;
impl VersionEvidence {
    pub fn observe(&mut self, _: &RawPacket<'_>, _: Side) {}
    pub fn verdict(&self) -> Option<(Version, &'static str)> { None }
}
#[derive(Debug)]
pub struct Violation { pub side: Side, pub clause: &'static str, pub what: &'static str }
impl Violation { pub fn is_grave(&self) -> bool { false } }
pub fn check(_: &RawPacket<'_>, _: &Packet<'_>, _: Option<Version>, _: Side, _: &mut impl FnMut(Violation)) {}
