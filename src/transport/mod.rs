//! What may stand where MQTT is looked for: tells protocols apart by their first bytes.
//!
//! A first byte proves nothing (`H` of HTTP is the type of a PUBACK): MQTT is accepted only when
//! the bytes after it agree, see [`crate::mqtt`]. Ports are no evidence here. What MQTT is carried inside of has a
//! module each: WebSocket, and what TLS shows in the clear; so have the header that a load balancer puts before it, and an HTTP proxy's
//! tunnel.

pub mod proxy;
pub mod tls;
pub mod tunnel;
pub mod websocket;

/// So many zeros are none that somebody sent by chance. The shortest CONNECT has 14 bytes.
const BLANK_AT_LEAST: usize = 14;

/// A protocol recognised by the first bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// A TLS or SSL record.
    Tls,
    /// An HTTP request or response; or a bare page of HTML, as HTTP 0.9 sends it.
    Http,
    /// A PROXY protocol header, version 1 or 2.
    Proxy,
    /// SSH.
    Ssh,
    /// AMQP.
    Amqp,
    /// A text line that begins like a greeting of SMTP or FTP (`220 `).
    Greeting,
    /// Nothing but zeros: where payload is not to be shown, programs write them in its place.
    Blank,
    /// None that is known here.
    Unknown,
}

impl Protocol {
    /// Recognises the protocol that `bytes` begin with.
    pub fn of(bytes: &[u8]) -> Protocol {
        const HTTP: [&[u8]; 9] =
            [b"HTTP/", b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"CONNECT "];
        const HTML: [&[u8]; 2] = [b"<!doctype html", b"<html"];
        match bytes {
            [0x14..=0x17, 0x03, 0x00..=0x04, ..] => Protocol::Tls,
            _ if HTTP.iter().any(|word| bytes.starts_with(word)) => Protocol::Http,
            _ if HTML.iter().any(|tag| begins_in_any_case(bytes, tag)) => Protocol::Http,
            _ if bytes.starts_with(b"PROXY ") || bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n") => Protocol::Proxy,
            _ if bytes.starts_with(b"SSH-") => Protocol::Ssh,
            _ if bytes.starts_with(b"AMQP") => Protocol::Amqp,
            _ if bytes.starts_with(b"220 ") || bytes.starts_with(b"220-") => Protocol::Greeting,
            _ => Protocol::Unknown,
        }
    }

    /// The same of the first bytes of somebody who spoke at a wrong door.
    pub fn at_wrong_door(bytes: &[u8]) -> Protocol {
        let blank = bytes.len() >= BLANK_AT_LEAST && bytes.iter().all(|byte| *byte == 0);
        if blank { Protocol::Blank } else { Protocol::of(bytes) }
    }

    /// Its name for a report.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tls => "TLS",
            Protocol::Http => "HTTP",
            Protocol::Proxy => "PROXY",
            Protocol::Ssh => "SSH",
            Protocol::Amqp => "AMQP",
            Protocol::Greeting => "a mail or file server's greeting",
            Protocol::Blank => "zeros",
            Protocol::Unknown => "an unknown protocol",
        }
    }
}

fn begins_in_any_case(bytes: &[u8], word: &[u8]) -> bool {
    bytes.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_server_without_a_status_line() {
        assert_eq!(Protocol::of(b"<!DOCTYPE HTML>\n<html>"), Protocol::Http);
        assert_eq!(Protocol::of(b"<html lang"), Protocol::Http);
        assert_eq!(Protocol::of(b"<htm"), Protocol::Unknown);
    }

    #[test]
    fn payload_that_was_blanked() {
        assert_eq!(Protocol::at_wrong_door(&[0; 14]), Protocol::Blank);
        assert_eq!(Protocol::at_wrong_door(&[0; 13]), Protocol::Unknown);
        assert_eq!(Protocol::at_wrong_door(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"), Protocol::Unknown);
        assert_eq!(Protocol::at_wrong_door(b"SSH-2.0-OpenSSH"), Protocol::Ssh);
    }
}
