//! A session over TLS as the rules see it: what its certificates prove, and words for its ends and alerts.
//!
//! Invariant: a flaw is one that the certificate proves against the capture's own clock, and against the name or the
//! address that the client asked for. Whether an authority is trusted stands in the client, not in the capture.

use crate::capture::Moment;
use crate::session::{AlertFact, ChainFacts, TextFact, TlsFacts};
use crate::stream::Side;
use crate::transport::tls::{Alert, Certificate, Name, Version};

use super::story::{SECOND, Story};
use super::words;

/// Below this, the first bytes of a hello are a clock that counts from the start of the device, or of 1970.
const EARLY: u32 = 30 * 86_400;
/// By how much, in nanoseconds, a capture of two directions may hold frames in the wrong order.
const MISPLACED: i64 = SECOND / 50;
/// Names of a certificate that a sentence lists.
const NAMED: usize = 3;

/// Length of the record of an alert that TLS 1.3 hides (RFC 8446 §5.2, §6): two bytes, its type, and what encryption adds.
const HIDDEN_ALERT: u16 = 19;

/// A session over TLS.
#[derive(Clone, Copy)]
pub(crate) struct Secured<'a> {
    /// As the rules see it.
    pub(crate) story: &'a Story<'a>,
    /// Its facts.
    pub(crate) tls: &'a TlsFacts,
}

/// What is wrong with a certificate, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// What kind.
    pub(crate) kind: FlawKind,
    /// The sentence.
    pub(crate) sentence: String,
}

/// What kind of flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlawKind {
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for another name than the one asked for.
    Name,
    /// It is not for the address, and no name was asked for: the client may know one all the same.
    Address,
}

impl<'a> Secured<'a> {
    /// The session of `story`, if it is over TLS.
    pub(crate) fn of(story: &'a Story<'a>) -> Option<Secured<'a>> {
        story.session.tls.as_deref().map(|tls| Secured { story, tls })
    }

    /// The client as a host.
    pub(crate) fn client(&self) -> String {
        self.story.client_host()
    }

    /// The server by its name and its address.
    pub(crate) fn server(&self) -> String {
        let address = self.story.server();
        let own = self.story.session.wire.peers.server.endpoint.address.to_string();
        match self.tls.server_name() {
            Some(name) if *name.0 != *own.as_bytes() => format!("{} ({address})", words::plain(name)),
            _ => address,
        }
    }

    /// The arguments with which openssl reaches the server as the client did.
    pub(crate) fn connect_arguments(&self) -> String {
        let server = self.story.server();
        match self.tls.server_name().and_then(TextFact::as_str).filter(|name| is_host(name)) {
            Some(name) => format!("-connect {server} -servername {name}"),
            None => format!("-connect {server}"),
        }
    }

    /// Seconds since 1970 at which the handshake was captured.
    pub(crate) fn now(&self) -> i64 {
        self.story.session.wire.first.time.0.div_euclid(SECOND)
    }

    /// Whether the server's certificate came, readable or not.
    pub(crate) fn showed_certificate(&self) -> bool {
        let resumed = self.tls.server_hello.as_ref().is_some_and(|hello| hello.resumed);
        self.tls.chain.server.is_some() || self.tls.hidden_flight.is_some() && !resumed
    }

    /// Whether the handshake's messages after the hellos are encrypted.
    pub(crate) fn is_hidden(&self) -> bool {
        self.tls.version().is_some_and(Version::hides_handshake)
    }

    /// Whether nobody knows if the handshake came to its end. The capture has its beginning, but the hello was cut short, and
    /// without it what TLS 1.3 hides of a handshake looks like data; and no answer of the server to such data is longer than
    /// an alert.
    pub(crate) fn is_unsettled(&self) -> bool {
        let (client, server) = (&self.tls.data.client, &self.tls.data.server);
        let cut = self.tls.client_hello.is_none() && self.story.session.wire.start_captured();
        let asked_before = client.first.zip(server.last).is_some_and(|(asked, told)| asked.is_before(told));
        let answered = asked_before && (server.records > 1 || server.last_length != HIDDEN_ALERT);
        // Before TLS 1.3 the end of a handshake is no data.
        cut && self.tls.finished.server.is_none() && client.records + server.records > 0 && !answered
    }

    /// Bytes of content in a record of this length: what the cipher adds taken away (RFC 8446 §5.2, RFC 5288, RFC 7905).
    pub(crate) fn content(&self, length: u16) -> Option<u16> {
        let cipher = self.tls.server_hello.as_ref()?.cipher_name?;
        let added = match () {
            () if self.is_hidden() => 17,
            () if cipher.contains("CHACHA20") => 16,
            () if cipher.contains("GCM") => 24,
            () => return None,
        };
        length.checked_sub(added)
    }

    /// What the server's certificates prove to be wrong, those of time first.
    pub(crate) fn server_flaws(&self) -> Vec<Flaw> {
        let Some(chain) = &self.tls.chain.server else { return Vec::new() };
        let mut flaws = self.flaws_of_time(chain, Side::Server);
        flaws.extend(chain.own().and_then(|own| self.flaw_of_name(own)));
        flaws
    }

    /// What the client's certificates prove to be wrong.
    pub(crate) fn client_flaws(&self) -> Vec<Flaw> {
        let chain = self.tls.chain.client.as_ref();
        chain.map(|chain| self.flaws_of_time(chain, Side::Client)).unwrap_or_default()
    }

    fn flaws_of_time(&self, chain: &ChainFacts, side: Side) -> Vec<Flaw> {
        let now = self.now();
        let mut flaws = Vec::new();
        for (place, certificate) in chain.certificates.iter().enumerate() {
            let it = subject_of(side, place, certificate);
            let (from, until) = (certificate.not_before, certificate.not_after);
            if now > until {
                let ago = words::days(now - until);
                let sentence = format!("{it} expired on {}, {ago} before this capture.", words::date(until));
                flaws.push(Flaw { kind: FlawKind::Expired, sentence });
            } else if now < from {
                let sentence = format!(
                    "{it} is valid from {} on, and this was captured on {}.",
                    words::date(from),
                    words::date(now)
                );
                flaws.push(Flaw { kind: FlawKind::NotYetValid, sentence });
            }
        }
        flaws
    }

    fn flaw_of_name(&self, own: &Certificate) -> Option<Flaw> {
        let names = names(own);
        let address = self.story.session.wire.peers.server.endpoint.address;
        let (kind, sentence) = match self.tls.server_name() {
            _ if own.more_names > 0 => return None,
            Some(name) if !own.names_host(&name.0) => {
                let asked = words::plain(name);
                let sentence = format!(
                    "The server's certificate is for {names}, and not for {asked}, the name that the client asked for."
                );
                (FlawKind::Name, sentence)
            }
            // Nothing was asked for: as one does who connects by address, or does not know of names.
            None if self.tls.client_hello.is_some() && !own.names_address(address) => {
                let sentence = format!(
                    "The client asked for no name, as one does that connects by address, and the server's certificate is for {names}, not for {address}."
                );
                (FlawKind::Address, sentence)
            }
            _ => return None,
        };
        Some(Flaw { kind, sentence })
    }

    /// The clock of the client, where its hello shows one that stands near 1970 (RFC 5246 §7.4.1.2).
    pub(crate) fn early_clock(&self) -> Option<u32> {
        let hello = self.tls.client_hello.as_ref()?;
        let old = hello.highest().is_none_or(|version| version < Version::V1_3);
        (old && hello.time < EARLY).then_some(hello.time)
    }

    /// When the server took its leave inside TLS, if nobody had before: who then closes only follows.
    pub(crate) fn ended_by_server(&self) -> Option<Moment> {
        let alerts = &self.tls.sealed_alert;
        let first = |at: &Moment| alerts.client.is_none_or(|own| at.is_before(own));
        let close = self.story.close_by(Side::Client)?;
        alerts.server.filter(first).filter(|at| at.is_before(close.at))
    }

    /// An alert with its sender: `the TLS alert unknown_ca (48)`.
    pub(crate) fn alert(fact: &AlertFact) -> String {
        format!("the TLS alert {}", fact.alert)
    }

    /// The alert in the clear by which `side` ended the handshake. One that follows the other side's close is only
    /// what a library makes of that (OpenSSL sends `decode_error` then).
    pub(crate) fn failure_of(&self, side: Side) -> Option<&'a AlertFact> {
        let wire = &self.story.session.wire;
        let (own, other) = (wire.sent.of(side), wire.sent.of(side.other()));
        // What a close acknowledges came before it, whatever the order in which the capture holds the two.
        let heard = other.fin_acknowledges() >= own.sent;
        let earlier =
            |alert: &AlertFact| other.fin_at().is_none_or(|fin| fin.time.nanoseconds_since(alert.at.time) > MISPLACED);
        self.tls.failure(side).filter(|alert| heard || earlier(alert))
    }

    /// The alert in the clear that ended the handshake, and its sender: the first of either side.
    pub(crate) fn failure(&self) -> Option<(Side, &'a AlertFact)> {
        let of = |side| self.failure_of(side).map(|alert| (side, alert));
        match (of(Side::Client), of(Side::Server)) {
            (Some(client), Some(server)) if server.1.at.is_before(client.1.at) => Some(server),
            (client, server) => client.or(server),
        }
    }
}

/// Names of a certificate in words.
pub(crate) fn names(certificate: &Certificate) -> String {
    let name = |name: &Name| match name {
        Name::Dns(name) => words::plain(&TextFact::new(name)),
        Name::Address(address) => address.to_string(),
    };
    if certificate.names.is_empty() {
        return words::plain(&TextFact::new(&certificate.subject));
    }
    let mut all: Vec<String> = certificate.names.iter().take(NAMED).map(name).collect();
    let more = certificate.names.len() - all.len() + certificate.more_names;
    if more > 0 {
        all.push(format!("{more} more"));
    }
    match all.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        _ => all.concat(),
    }
}

/// An end of the connection, where both have been named.
pub(crate) fn end(side: Side) -> &'static str {
    match side {
        Side::Client => "the client",
        Side::Server => "the server",
    }
}

/// The certificate at this place of a chain as a subject: the sender's own stands first.
pub(crate) fn subject_of(side: Side, place: usize, certificate: &Certificate) -> String {
    match (place, side) {
        (0, Side::Client) => "The client's certificate".to_owned(),
        (0, Side::Server) => "The server's certificate".to_owned(),
        _ => format!("The certificate of the authority {}", quoted(&certificate.subject)),
    }
}

/// A name of a certificate in quotation marks.
pub(crate) fn quoted(name: &[u8]) -> String {
    words::quoted(&TextFact::new(name))
}

/// Whether a captured name may stand in a command that somebody copies.
fn is_host(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(plain) && !name.starts_with('-')
}

/// What an alert says of a certificate by its kind alone.
pub(crate) fn is_about_certificate(alert: Alert) -> bool {
    matches!(alert.0, 42..=46 | 48 | 113 | 114)
}
