//! `proxy-header-mismatch`: a PROXY header where none is expected.

use super::{About, Judgement};
use crate::diagnosis::story::{Story, how};
use crate::diagnosis::{Confidence, Severity, words};
use crate::stream::Side;
use crate::transport::Protocol;

pub(super) const ABOUT: About = About {
    id: "proxy-header-mismatch",
    group: "wrong-door",
    severity: Severity::Error,
    text: include_str!("proxy_header_mismatch.md"),
};

/// The connection began with a PROXY header, and the server closed without a word.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let (protocol, at) = story.session.foreign_opening?;
    let close = story.close_by(Side::Server)?;
    if protocol != Protocol::Proxy || !story.server_silent() {
        return None;
    }
    let (host, server) = (story.client_host(), story.server());
    let span = words::duration(close.at.time.nanoseconds_since(at.time));
    let sentence = format!(
        "The connection of {host} to {server} began with a PROXY header, and the server {} it after {span}.",
        how(close.how)
    );
    Some(
        Judgement::new(Confidence::VeryLikely, sentence)
            .at([at, close.at])
            .cause("The load balancer adds a PROXY header, and the broker's listener does not expect one.")
            .step("Switch the PROXY protocol on at the broker's listener, or off at the load balancer."),
    )
}
