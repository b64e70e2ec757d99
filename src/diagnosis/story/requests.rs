//! What the client had asked for when the session ended.

use super::{SECOND, Story};
use crate::diagnosis::words;
use crate::mqtt::PacketType;
use crate::session::LastPacket;

impl<'a> Story<'a> {
    /// A SUBSCRIBE that the client sent in the second before its packet `last` and that was not answered. Brokers take
    /// packets in order: what ended the session may as well have been this one.
    pub(crate) fn unanswered_before(&self, last: &LastPacket) -> Option<&'a LastPacket> {
        let subscriptions = &self.session.subscriptions;
        let open = |asked: &LastPacket| {
            subscriptions.iter().any(|one| one.asked.frame == asked.at.frame && one.answer.is_none())
        };
        let mut earlier = self.session.last_packets.client.iter().take_while(|packet| !std::ptr::eq(*packet, last));
        earlier.find(|asked| {
            asked.packet == PacketType::SUBSCRIBE
                && last.packet != PacketType::SUBSCRIBE
                && self.soon(asked.at, last.at, SECOND)
                && open(asked)
        })
    }

    /// The client's packet `last` in words, with the SUBSCRIBE before it that had no answer either.
    pub(crate) fn asked_in_words(&self, last: &LastPacket) -> String {
        let packet = words::last_in_words(last);
        match self.unanswered_before(last) {
            Some(asked) => format!("{} and {packet}", words::last_in_words(asked)),
            None => packet,
        }
    }
}
