//! How an interface is captured on.

use super::wanted::Wanted;

/// How to capture.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the kernel's buffer: what may come while the program is busy.
    pub buffer: u32,
    /// Hand over each frame as it comes instead of many together.
    pub immediate: bool,
    /// Bytes of each frame that are captured.
    pub snap_length: u32,
    /// Take frames that are not for this host, too.
    pub promiscuous: bool,
    /// What is to be seen: the kernel lets nothing else pass.
    pub wanted: Wanted,
}

impl Options {
    /// The smallest buffer that is of use: a few blocks.
    pub const SMALLEST_BUFFER: u32 = 1 << 20;
    /// The buffer that suits a gateway: it counts as the program's memory.
    pub const BUFFER: u32 = 8 << 20;
    /// Whole frames: offloaded ones are up to 64 KiB and more.
    pub const SNAP_LENGTH: u32 = 262_144;
}

impl Default for Options {
    fn default() -> Options {
        Options {
            buffer: Options::BUFFER,
            immediate: false,
            snap_length: Options::SNAP_LENGTH,
            promiscuous: true,
            wanted: Wanted::default(),
        }
    }
}
