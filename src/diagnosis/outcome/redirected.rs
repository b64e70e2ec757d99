//! `redirected`: the broker told the client to use another server.

use super::{About, Judgement, refusal};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};

pub(super) const ABOUT: About =
    About { id: "redirected", group: "refused", severity: Severity::Info, text: include_str!("redirected.md") };

const CODES: [u8; 2] = [0x9C, 0x9D];

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connack = refusal::refused(story, &CODES);
    let disconnect = refusal::dismissed(story, &CODES);
    if connack.is_none() && disconnect.is_none() {
        return None;
    }
    let reference = connack
        .and_then(|connack| connack.server_reference.as_ref())
        .or(disconnect.and_then(|disconnect| disconnect.server_reference.as_ref()));
    let to = reference.map_or_else(String::new, |to| format!(", {}", words::quoted(to)));
    let what = format!("The broker told {} to use another server{to}", story.client());
    let judgement = match connack {
        Some(connack) => refusal::judgement(story, connack, &what),
        None => refusal::dismissal(disconnect?, &what),
    };
    Some(
        judgement
            .cause("The broker is moving its clients: for maintenance, to spread the load, or because the account has moved.")
            .step("Few client libraries follow by themselves: set the new address in the client if it keeps coming back.")
            .step_if(reference.is_none(), "The broker named no other server: ask its operator for the address."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome, text};
    use crate::stream::Side;

    #[test]
    fn the_other_server_is_named() {
        let tale = Tale::connecting_v5().connack(0x9C).with(|session| {
            session.connack.as_mut().unwrap().server_reference = Some(text("b2.example:1883"));
        });
        assert_eq!(
            outcome(&tale.build()).sentence,
            "The broker told sensor-17 to use another server, “b2.example:1883”: Use another server (0x9C)."
        );
        let later = Tale::connected_v5().disconnect(Side::Server, 0x9D, 1.0);
        assert_eq!(outcome(&later.build()).id, "redirected");
        assert_ne!(outcome(&Tale::healthy().build()).id, "redirected");
    }
}
