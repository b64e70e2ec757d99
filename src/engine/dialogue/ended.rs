//! How a connection turned out, once it is over.

use crate::capture::Moment;
use crate::net::Undeliverable;
use crate::session::{ClientEvidence, TextFact, Tracker};
use crate::stream::End;
use crate::transport::Protocol;

use super::following::Following;

/// How a connection turned out.
#[derive(Debug)]
pub(in crate::engine) enum Ended {
    /// It carried MQTT.
    Mqtt { client: End, evidence: ClientEvidence, followed: Followed },
    /// It carried TLS in which there may be MQTT.
    Tls { client: End, evidence: ClientEvidence, tracker: Box<Tracker>, named: bool },
    /// A PROXY header of so many bytes, and nothing else.
    Header { length: u64, server_port: u16 },
    /// It carried something else.
    Other { protocol: Protocol, server_port: u16 },
    /// It carried nothing, or nothing of what it carried was captured.
    NoData { undeliverable: Option<Box<(Moment, Undeliverable)>> },
}

/// The tracker of a connection that is over, where it lies: it is large.
#[derive(Debug)]
pub(in crate::engine) enum Followed {
    /// As it was followed.
    There(Box<Following>),
    /// By itself.
    Alone(Box<Tracker>),
}

impl Followed {
    pub(in crate::engine) fn tracker(&self) -> &Tracker {
        match self {
            Followed::There(following) => &following.tracker,
            Followed::Alone(tracker) => tracker,
        }
    }

    /// The client id that CONNECT gave, or else CONNACK.
    pub(in crate::engine) fn client_id(&self) -> Option<&TextFact> {
        let tracker = self.tracker();
        let connect = tracker.connect()?;
        let given = tracker.connack().and_then(|connack| connack.assigned_client_id.as_ref());
        Some(given.filter(|_| connect.client_id.is_empty()).unwrap_or(&connect.client_id))
    }

    pub(super) fn tracker_mut(&mut self) -> &mut Tracker {
        match self {
            Followed::There(following) => &mut following.tracker,
            Followed::Alone(tracker) => tracker,
        }
    }

    pub(in crate::engine) fn into_tracker(self) -> Tracker {
        match self {
            Followed::There(following) => following.tracker,
            Followed::Alone(tracker) => *tracker,
        }
    }
}
