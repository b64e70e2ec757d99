//! What lies around a session: the other sessions of the capture, and the capture's edges.

use crate::attempt::{Resolution, Search};
use crate::capture::{FrameNumber, Moment, Timestamp};
use crate::net::Endpoint;
use crate::session::wire::Close;

use super::{Empty, Rare, TextFact, WillFacts};

/// What other sessions of the capture had to do with this one.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// The last CONNECT with the same client id on another connection to the same server before
    /// this one was closed, if it came while this one was open.
    pub rival: Option<Box<Rival>>,
    /// The last CONNECT with the same user name and another client id, on another connection to the same server, that was
    /// accepted and came while this one was open, if no two connections with that user name were seen side by side.
    pub namesake: Option<Box<Namesake>>,
    /// Closes by the same server, within one second of its closing this one, of other sessions that
    /// no packet had announced (the first 16): the frames of their FIN or RST.
    pub closed_together: Vec<FrameNumber>,
    /// How many such closes there are.
    pub closed_together_count: u64,
    /// How many of these, up to 65,535, came after the same silence as the close of this one, each at its own time.
    pub closed_after_same_silence: u16,
    /// After the server had closed this one, it accepted a CONNECT with the same client id on another connection: the first
    /// that is known.
    pub returned: Option<FrameNumber>,
    /// After the same server had closed this one, or another session of its own accord, its host refused a new
    /// connection to the same port with a RST: the first such RST after the newest such close that is known.
    pub refused_after: Option<Moment>,
    /// Time to Live or Hop Limit of the SYN-ACKs that the server's address sent on any connection of the capture, from any
    /// port, if all had the same: it tells whether a RST that is this connection's only answer comes from the server itself.
    pub server_hop_limit: Option<u8>,
    /// The capture holds the newest SYN-ACK of the server's address twice, on its way in and out of a router for instance, and
    /// nothing on this connection came from the link-layer address from which that came.
    pub server_seen_twice: bool,
    /// The newest SYN-ACK of the server's address came from the server's port.
    pub port_answers: bool,
    /// The first frame of another connection to the same server address and port in which the
    /// client's first bytes were TLS and the server answered with TLS.
    pub tls_on_port: Option<Moment>,
    /// On another connection to the same server address and port MQTT was spoken inside a WebSocket.
    pub websocket_on_port: bool,
    /// The first CONNACK from the same server address and port, if it came before this
    /// connection's first frame.
    pub connack_before: Option<Moment>,
    /// The newest Maximum Packet Size, in bytes, that a CONNACK from the same server address and port
    /// announced to any client of MQTT 5.0, and that CONNACK.
    pub maximum_packet_size: Option<(u32, Moment)>,
    /// The name whose lookup led the client to the server's address.
    pub resolution: Option<Box<Resolution>>,
    /// Who looked for the server on its network in vain while this connection was tried.
    pub searched: Option<Box<Search>>,
    /// If the broker refused this client: whom it let in who had something in common with it.
    pub admitted: Option<Box<Admitted>>,
    /// What others show of the ways to a broker.
    pub ways: Rare<Ways>,
    /// How many other connections of the same client were closed by the same side after the same silence as this one.
    pub closed_again_alike: u64,
    /// If the client's side closed it without a goodbye: how many others it closed so from the same address, within a second.
    pub left_together: u64,
    /// If the server closed it upon a CONNECT or a request, or left its CONNECT unanswered: what it took elsewhere.
    pub taken: Option<Box<Taken>>,
}

/// What the same server took on other connections, of what it closed this one upon or left unanswered here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The first CONNACK that accepted a CONNECT which came in the same way: plain, in a WebSocket, behind a PROXY header.
    pub connect: Option<Moment>,
    /// The same, of a CONNECT of the same version.
    pub version: Option<Moment>,
    /// The newest request of the same client, to the same topic with the same `QoS`, that it took.
    pub request: Option<TakenRequest>,
    /// How many other connections of the same client it closed upon the same request.
    pub closed_too: u64,
    /// It closed upon every CONNECT that came while so many clients were connected, and never had more at once.
    pub crowd: Option<u64>,
}

/// A request that the server took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenRequest {
    /// The PUBLISH, or the answer to the SUBSCRIBE.
    pub at: Moment,
    /// Length of the PUBLISH in bytes.
    pub length: u64,
}

/// Another connection with the same client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Address and port of the other client.
    pub client: Endpoint,
    /// Its `tcp.stream`.
    pub stream: u32,
    /// Its CONNECT.
    pub connect: Moment,
    /// Its accepting CONNACK.
    pub accepted: Option<Moment>,
    /// Its CONNACK with a code other than 0.
    pub refused: Option<Moment>,
    /// This one, or one before it, had been let in for many seconds when the older connection ended; or the broker closed
    /// both together.
    pub borne: bool,
    /// Others came before it, and since when is not known any more.
    pub doubtful: bool,
}

/// Another connection with the same user name and another client id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namesake {
    /// Address and port of the other client.
    pub client: Endpoint,
    /// Its client id.
    pub client_id: TextFact,
    /// Its `tcp.stream`.
    pub stream: u32,
    /// Its CONNECT.
    pub connect: Moment,
    /// Its accepting CONNACK.
    pub accepted: Moment,
}

/// Clients that the same server let in, before or after it refused this one: the first of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// With the same user name, or as this one without any, and with the same client id.
    pub same: Option<Admission>,
    /// With the same user name, or as this one without any, and with another client id.
    pub other_id: Option<Admission>,
    /// With the same client id, and another user name or none.
    pub other_user: Option<Admission>,
}

impl Admitted {
    /// Whether there is any.
    pub(in crate::session) fn is_some(&self) -> bool {
        self.same.is_some() || self.other_id.is_some() || self.other_user.is_some()
    }
}

/// A connection that went well, to the same port of another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detour {
    /// Address and port that the client reached.
    pub server: Endpoint,
    /// The connection's first frame.
    pub at: Moment,
    /// The lookup of one name led to both addresses.
    pub one_name: bool,
}

/// What other connections show of the ways to a broker.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// If the attempt opened no connection: where the same client got through meanwhile or right after.
    pub detour: Option<Detour>,
    /// If the server's host refused the connection: that it went on serving another one on the same port.
    pub serving: Option<Serving>,
    /// If a proxy passed it on, and the capture holds both of its connections: the others.
    pub legs: Legs,
    /// The first answer of the same server address and port to a CONNECT behind a PROXY header, on another connection.
    pub takes_header: Option<Moment>,
}

impl Empty for Ways {
    fn empty() -> &'static Ways {
        const { &Ways { detour: None, serving: None, legs: Legs { outer: None, inner: None }, takes_header: None } }
    }
}

/// The same session on other connections of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Legs {
    /// From the client to the proxy that opened this one.
    pub outer: Option<Leg>,
    /// From the proxy that is this one's server to the broker.
    pub inner: Option<Leg>,
}

/// A connection of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Who opened it.
    pub client: Endpoint,
    /// Whom it leads to.
    pub server: Endpoint,
    /// Its first frame.
    pub began: Moment,
    /// How it was closed.
    pub close: Option<Close>,
}

/// A connection that began before another one was refused, and on which the server still sent packets afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Its first frame.
    pub began: Moment,
    /// The server's last packet on it.
    pub heard: Moment,
    /// One of them is of the host that was refused.
    pub same_host: bool,
}

/// A client that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The accepting CONNACK.
    pub at: Moment,
    /// Address and port of the client.
    pub client: Endpoint,
    /// Its client id, as sent.
    pub client_id: TextFact,
    /// Its user name, if it sent one.
    pub username: Option<TextFact>,
    /// Its will, if it had one.
    pub will: Option<Box<WillFacts>>,
}

/// Where the session stands in the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureEdge {
    /// Time of the capture's first frame.
    pub began: Timestamp,
    /// Time of the capture's last frame so far.
    pub ended: Timestamp,
    /// The capture's clock went back during the session.
    pub clock_jumped: bool,
    /// The connection was let go because too many were open.
    pub evicted: bool,
    /// The capture goes on: this is how the session stands, not how it ended.
    pub goes_on: bool,
}
