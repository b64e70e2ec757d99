//! What client libraries print, and what they saw on the wire when they did.

/// What the client's end of the connection saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Its SYNs were not answered.
    KnockUnanswered,
    /// Its SYN was answered by a RST.
    KnockRefused,
    /// The connection opened and it closed it again without sending CONNECT.
    NothingSent,
    /// CONNECT was not answered, and nobody closed before the client did.
    ConnackMissing,
    /// The server closed or reset after CONNECT, without a CONNACK.
    ClosedBeforeConnack,
    /// A CONNACK with this code.
    Refused(u8),
    /// The server answered in another protocol.
    Foreign,
    /// The server closed or reset the running session.
    Lost,
    /// The running session fell silent.
    Silent,
    /// PINGREQ was not answered.
    PingUnanswered,
    /// The server sent DISCONNECT with this code and closed.
    Disconnected(u8),
    /// The client said goodbye itself.
    Goodbye,
    /// Nothing that a library reports.
    Nothing,
}
