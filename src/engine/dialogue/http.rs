//! HTTP messages as facts of a session.
//!
//! Invariant: a query is never kept: it may hold a token or a password.

use crate::capture::Moment;
use crate::session::{HttpAnswer, TextFact, UpgradeRequest};
use crate::transport::websocket::{self, Request, Response};

/// Bytes kept of each text.
const TEXT: usize = 256;

/// The answer that `bytes` are, as far as they go.
pub(super) fn answer(bytes: &[u8], at: Moment) -> Option<HttpAnswer> {
    websocket::answer(bytes).map(|response| answer_fact(&response, at))
}

pub(super) fn answer_fact(response: &Response, at: Moment) -> HttpAnswer {
    HttpAnswer {
        at,
        status: response.status,
        phrase: text(&response.phrase),
        subprotocol: response.subprotocol.as_deref().map(text),
        location: response.location.as_deref().map(without_query),
        server: response.server.as_deref().map(text),
        flaw: response.flaw.filter(|_| response.status == 101),
    }
}

pub(super) fn request_fact(request: &Request, at: Moment) -> UpgradeRequest {
    UpgradeRequest {
        at,
        path: without_query(&request.target),
        host: request.host.as_deref().map(text),
        subprotocols: request.subprotocols.as_deref().map(text),
    }
}

fn text(bytes: &[u8]) -> TextFact {
    TextFact::new(bytes.get(..TEXT).unwrap_or(bytes))
}

/// An address without its query and without a user's name and password.
fn without_query(address: &[u8]) -> TextFact {
    let plain = address.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let begin = plain.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
    let (scheme, rest) = plain.split_at_checked(begin).unwrap_or((&[], plain));
    let host_ends = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let user_ends = rest.get(..host_ends).and_then(|host| host.iter().rposition(|byte| *byte == b'@'));
    let host = user_ends.filter(|_| begin > 0).and_then(|at| rest.get(at + 1..)).unwrap_or(rest);
    text(&[scheme, host].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_addresses_are_left_out() {
        let plain = |address: &str| without_query(address.as_bytes()).as_str().unwrap().to_owned();
        assert_eq!(plain("/mqtt?token=secret"), "/mqtt");
        assert_eq!(plain("http://user:secret@login.example/a#b"), "http://login.example/a");
        assert_eq!(plain("/a@b/c"), "/a@b/c");
    }
}
