//! The opening handshake (RFC 6455 §4): the client's HTTP request and the server's answer.
//!
//! Invariant: of each at most [`Limits::http_bytes`] are kept, over all connections no more than
//! their [`Room`] has, and only until it is whole.

use httparse::{EMPTY_HEADER, Header, ParserConfig, Status};

use crate::capture::Moment;
use crate::limits::{Limits, Room, Share};
use crate::stream::Chunk;

use super::flaw::{self, Flaw};

/// Header fields of one, at most.
const FIELDS: usize = 100;

/// A request to change the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// What is asked for: a path, and perhaps a query.
    pub target: Vec<u8>,
    /// Whether it asks for WebSocket.
    pub upgrade: bool,
    /// Host.
    pub host: Option<Vec<u8>>,
    /// Sec-WebSocket-Protocol: the subprotocols offered, as sent.
    pub subprotocols: Option<Vec<u8>>,
    /// Sec-WebSocket-Key.
    pub key: Option<Vec<u8>>,
}

/// The answer to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub phrase: Vec<u8>,
    /// Sec-WebSocket-Protocol: the subprotocol that was chosen.
    pub subprotocol: Option<Vec<u8>>,
    /// Sec-WebSocket-Accept: the answer to the key.
    pub accept: Option<Vec<u8>>,
    /// Location.
    pub location: Option<Vec<u8>>,
    /// Server: what its program calls itself.
    pub server: Option<Vec<u8>>,
    /// What a client may not accept in it.
    pub flaw: Option<Flaw>,
}

/// What the first bytes of a direction are.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// All of it; the bytes after it begin at this index of the newest chunk.
    Whole(T, usize),
    /// More is to come.
    More,
    /// Not HTTP, or longer than is read.
    Foreign,
    /// There is no room to wait for all of it.
    NoRoom,
}

/// A request or answer that comes in pieces.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    /// When the newest of them came.
    newest: Moment,
    most: usize,
    share: Share,
}

impl Head {
    /// Nothing of it yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Head {
        Head { bytes: Vec::new(), newest: Moment::default(), most: limits.http_bytes, share: Share::default() }
    }

    /// The same, which keeps no more than there is `room` for.
    #[must_use]
    pub fn within(mut self, room: &Room) -> Head {
        self.share = Share::of(room);
        self
    }

    /// Takes the next bytes of a request.
    pub fn request(&mut self, chunk: &Chunk<'_>) -> Read<Request> {
        self.read(chunk, request)
    }

    /// Takes the next bytes of an answer. Interim answers (1xx but 101) are passed over.
    pub fn response(&mut self, chunk: &Chunk<'_>) -> Read<Response> {
        let mut data = chunk.data;
        loop {
            let part = Chunk { data, ..*chunk };
            match self.read(&part, response) {
                Read::Whole(answer, rest) if answer.status < 200 && answer.status != 101 => {
                    data = data.get(rest..).unwrap_or_default();
                }
                Read::Whole(answer, rest) => return Read::Whole(answer, chunk.data.len() - data.len() + rest),
                Read::More if !may_be_answer(&self.bytes) => return Read::Foreign,
                other => return other,
            }
        }
    }

    /// How many bytes there are of one that is not whole, and when the newest of them came.
    #[must_use]
    pub fn begun(&self) -> Option<(usize, Moment)> {
        (!self.bytes.is_empty()).then_some((self.bytes.len(), self.newest))
    }

    /// What is there of an answer that is not whole, and when the newest of it came.
    #[must_use]
    pub fn begun_answer(&self) -> Option<(Response, Moment)> {
        answer(&self.bytes).map(|answer| (answer, self.newest))
    }

    fn read<T>(&mut self, chunk: &Chunk<'_>, parse: impl Fn(&[u8]) -> Option<Status<(usize, T)>>) -> Read<T> {
        let before = self.bytes.len();
        let room = self.most.saturating_sub(before);
        let new = chunk.data.get(..room).unwrap_or(chunk.data);
        if !self.share.make_room(&mut self.bytes, new.len(), self.most) {
            return Read::NoRoom;
        }
        self.bytes.extend_from_slice(new);
        self.newest = chunk.at;
        // What came before held no empty line: only what is new can end it.
        let tail = self.bytes.get(before.saturating_sub(3)..).unwrap_or_default();
        let ended = tail.windows(2).any(|two| two == b"\n\n") || tail.windows(3).any(|three| three == b"\n\r\n");
        match if ended { parse(&self.bytes) } else { Some(Status::Partial) } {
            Some(Status::Complete((length, head))) => {
                self.bytes = Vec::new();
                self.share.hold(0);
                Read::Whole(head, length.saturating_sub(before))
            }
            Some(Status::Partial) if self.bytes.len() < self.most => Read::More,
            _ => Read::Foreign,
        }
    }
}

/// Whether the first of `bytes` may begin an answer; empty lines may come before it.
fn may_be_answer(bytes: &[u8]) -> bool {
    const BEGINS: &[u8] = b"HTTP/";
    let bytes = bytes.get(bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()..).unwrap_or_default();
    bytes.iter().zip(BEGINS).all(|(byte, expected)| byte == expected)
}

/// Whether `bytes` are an answer whose head is not whole.
#[must_use]
pub fn begins_answer(bytes: &[u8]) -> bool {
    let mut fields = [EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    matches!(ParserConfig::default().parse_response(&mut parsed, bytes), Ok(Status::Partial))
}

/// Reads a whole answer, or the part of it that is there.
#[must_use]
pub fn answer(bytes: &[u8]) -> Option<Response> {
    let mut fields = [EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    // An error in a later line leaves what was read before it.
    let _ = ParserConfig::default().parse_response(&mut parsed, bytes);
    of_response(&parsed)
}

fn request(bytes: &[u8]) -> Option<Status<(usize, Request)>> {
    let mut fields = [EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let status = parsed.parse(bytes).ok()?;
    let field = |name| field(parsed.headers, name);
    let upgrade = field("upgrade").is_some_and(|value| lists(&value, b"websocket"));
    let request = Request {
        target: parsed.path.unwrap_or_default().as_bytes().to_vec(),
        upgrade,
        host: field("host"),
        subprotocols: all(parsed.headers, "sec-websocket-protocol"),
        key: field("sec-websocket-key"),
    };
    Some(map(status, request))
}

fn response(bytes: &[u8]) -> Option<Status<(usize, Response)>> {
    let mut fields = [EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let status = ParserConfig::default().parse_response(&mut parsed, bytes).ok()?;
    Some(map(status, of_response(&parsed)?))
}

fn of_response(parsed: &httparse::Response<'_, '_>) -> Option<Response> {
    Some(Response {
        status: parsed.code?,
        phrase: parsed.reason.unwrap_or_default().as_bytes().to_vec(),
        subprotocol: all(parsed.headers, "sec-websocket-protocol"),
        accept: field(parsed.headers, "sec-websocket-accept"),
        location: field(parsed.headers, "location"),
        server: field(parsed.headers, "server"),
        flaw: flaw::of(|name| all(parsed.headers, name)),
    })
}

fn map<T>(status: Status<usize>, head: T) -> Status<(usize, T)> {
    match status {
        Status::Complete(length) => Status::Complete((length, head)),
        Status::Partial => Status::Partial,
    }
}

fn field(headers: &[Header<'_>], name: &str) -> Option<Vec<u8>> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.to_vec())
}

/// The values of all fields of that name: a list may come in several (RFC 9110 §5.3).
fn all(headers: &[Header<'_>], name: &str) -> Option<Vec<u8>> {
    let found = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let values: Vec<&[u8]> = found.map(|header| header.value).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

/// Whether a list with commas names `word`, in any case.
pub(super) fn lists(list: &[u8], word: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(data: &[u8]) -> Chunk<'_> {
        let (offset, at) = <(crate::stream::StreamOffset, crate::capture::Moment)>::default();
        Chunk { offset, data, at, starts_segment: true }
    }

    const ASKED: &[u8] = b"GET /mqtt?token=x HTTP/1.1\r\nHost: broker:9001\r\nConnection: keep-alive, Upgrade\r\nUpgrade: \
        WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqttv3.1\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

    #[test]
    fn a_request_cut_anywhere() {
        for cut in 1..ASKED.len() {
            let mut head = Head::new(&Limits::default());
            assert_eq!(head.request(&chunk(&ASKED[..cut])), Read::More, "{cut}");
            let rest = [&ASKED[cut..], b"\x82\x80"].concat();
            let Read::Whole(request, after) = head.request(&chunk(&rest)) else { panic!("{cut}") };
            assert_eq!(&rest[after..], b"\x82\x80");
            assert!(request.upgrade);
            assert_eq!(request.target, b"/mqtt?token=x");
            assert_eq!(request.subprotocols.unwrap(), b"mqttv3.1, mqtt");
        }
    }

    #[test]
    fn an_answer_after_an_interim_one() {
        let answers = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Protocol: mqtt\r\n\r\n\x82\x02";
        for cut in 1..answers.len() - 2 {
            let mut head = Head::new(&Limits::default());
            assert_eq!(head.response(&chunk(&answers[..cut])), Read::More, "{cut}");
            let Read::Whole(answer, after) = head.response(&chunk(&answers[cut..])) else { panic!("{cut}") };
            assert_eq!((answer.status, answer.subprotocol.as_deref()), (101, Some(&b"mqtt"[..])));
            assert_eq!(&answers[cut..][after..], b"\x82\x02");
        }
    }

    #[test]
    fn what_is_no_answer() {
        assert_eq!(Head::new(&Limits::default()).response(&chunk(b"\x20\x02\x00\x00\n\n")), Read::Foreign);
        assert_eq!(Head::new(&Limits::default()).response(&chunk(&[b'a'; 16 << 10])), Read::Foreign);
        for begun in [&b"200 OK"[..], b"-ERR unknown command", b"\x15\x03\x01\x00\x02\x02F", b"\x20", b"HTTQ"] {
            assert_eq!(Head::new(&Limits::default()).response(&chunk(begun)), Read::Foreign, "{begun:?}");
        }
        for begun in [&b"H"[..], b"HTTP/1.1 101 Sw", b"\r\n", b"\r\nHT"] {
            assert_eq!(Head::new(&Limits::default()).response(&chunk(begun)), Read::More, "{begun:?}");
        }
        let moved = answer(b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\nServ").unwrap();
        assert_eq!((moved.status, moved.location.as_deref()), (302, Some(&b"http://login/"[..])));
        assert_eq!(answer(b"<html>"), None);
    }

    #[test]
    fn an_answer_of_which_a_part_came() {
        const REFUSED: &[u8] = b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n";
        for end in 1..REFUSED.len() {
            assert!(begins_answer(&REFUSED[..end]), "{end}");
            let mut head = Head::new(&Limits::default());
            assert_eq!(head.response(&chunk(&REFUSED[..end])), Read::More, "{end}");
            let status = head.begun_answer().map(|(answer, _)| answer.status);
            assert_eq!(status, (end >= 12).then_some(404), "{end}");
        }
        assert!(!begins_answer(REFUSED));
        assert!(!begins_answer(b"<html>"));
    }
}
