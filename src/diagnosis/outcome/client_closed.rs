//! `client-closed`: the client closed without a goodbye.

use super::{About, Judgement, refusal};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::{SECOND, Said, Story, how};
use crate::diagnosis::{Confidence, Qualifier, Severity, words};
use crate::mqtt::PacketType;
use crate::session::CloseHow;
use crate::stream::Side;

pub(super) const ABOUT: About = About {
    id: "client-closed",
    group: "ended-by-client",
    severity: Severity::Warning,
    text: include_str!("client_closed.md"),
};

/// The client names an error in its DISCONNECT.
pub(super) fn said(story: &Story<'_>) -> Option<Judgement> {
    let Said::Client(disconnect) = story.said()? else {
        return None;
    };
    if disconnect.code.0 == 0 {
        return None;
    }
    let (client, age) = (story.client(), story.age(disconnect.at));
    let code = refusal::disconnect_in_words(disconnect);
    let will = will(story);
    Some(
        Judgement::new(
            Confidence::Certain,
            format!("{client} ended the session after {age} with an error: {code}{will}."),
        )
        .code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
        .at([disconnect.at])
        .at(story.close.map(|close| close.at))
        .cause("The client's program or library met a problem of its own.")
        .step("Look into the client's log at this time."),
    )
}

/// The client closed or reset the connection.
pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let close = story.close_by(Side::Client)?;
    let wire = &story.session.wire;
    if wire.start_captured() && wire.established.is_none() && wire.sent.client.sent.0 == 0 {
        return None;
    }
    let client = story.client();
    let how = how(close.how);
    let connect = story.connect_sent();
    let connected = story.connected();
    let missed = story.goodbye_may_be_missed(close);
    let sentence = match connect {
        Some(connect) if !connected => {
            let span = words::duration(close.at.time.nanoseconds_since(connect.time));
            let before = if story.server_silent() { ", before an answer came" } else { "" };
            let code = story.close_code_aside(Side::Client);
            format!("{client} {how} the connection {span} after CONNECT{before}{code}.")
        }
        _ if missed => format!(
            "{client} {how} the connection as the capture began; whether it said goodbye before is not known."
        ),
        _ if story.closed_at_once() => format!(
            "Both sides closed the connection at the same moment, {} after its start, without a goodbye from {client}{}.",
            story.age(close.at),
            will(story)
        ),
        _ => format!(
            "{client} {how} the connection after {}{} without {}{}.",
            story.age(close.at),
            story.close_code_aside(Side::Client),
            if story.is(Qualifier::CaptureGaps) { "a goodbye that the capture holds" } else { "saying goodbye" },
            will(story)
        ),
    };
    let confidence = match story.closed_at_once() {
        _ if missed => Confidence::Possible,
        true => Confidence::Likely,
        false => Confidence::Certain,
    };
    let refused = story
        .session
        .refusals
        .iter()
        .rev()
        .find(|refusal| refusal.by == Side::Server && story.soon(refusal.at, close.at, 5 * SECOND));
    let reset = close.how == CloseHow::Reset;
    let meaning = story.close_code_cause(Side::Client);
    Some(
        Judgement::new(confidence, sentence)
            .on(&[Ground::Absence])
            .at(story.last_before(close.at).map(|(_, packet)| packet.at))
            .at(refused.map(|refusal| refusal.at))
            .at([close.at])
            .cause_if(meaning.is_some(), meaning.unwrap_or_default())
            .cause_if(refused.is_some(), "The broker had just refused a request of the client, which may have given up over it.")
            .cause_if(!connected, "The program did not wait for the answer: its time limit is very short, or it only tests whether the broker is there.")
            .cause_if(connected, "The program ended, crashed or was restarted without calling its library's disconnect function.")
            .cause_if(reset, "The client dropped the connection with data still unread or unsent, as some embedded TCP stacks do: that makes it a reset.")
            .cause_if(connected, "The library gave the connection up over an error of its own and is about to connect again.")
            .step("Look into the client's log at this time.")
            .step_if(connected, "Let the program call its library's `disconnect()` before it ends; the broker then drops the will."),
    )
}

/// What becomes of the will. A broker publishes it whenever the goodbye is missing.
fn will(story: &Story<'_>) -> &'static str {
    match &story.session.connect {
        Some(connect) if connect.will.is_some() => "; the broker will publish its will",
        Some(_) => "",
        None => "; the broker will publish its will if it has one",
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

    #[test]
    fn no_goodbye() {
        let outcome = outcome(&Tale::connected().close(Side::Client, 4.2).build());
        assert_eq!(outcome.id, "client-closed");
        assert_eq!(outcome.sentence, "sensor-17 closed the connection after 4.2 s without saying goodbye.");
    }

    #[test]
    fn a_goodbye_with_an_error() {
        let outcome = outcome(&Tale::connected_v5().disconnect(Side::Client, 0x80, 4.0).build());
        assert_eq!(outcome.id, "client-closed");
        assert_eq!(outcome.code.unwrap().0, 0x80);
        assert!(outcome.sentence.contains("with an error: Unspecified error (0x80)"));
    }

    #[test]
    fn a_refused_request_comes_first_among_the_causes() {
        let tale = Tale::connected().subscribe("a/#", Some(0x80), 1.0).close(Side::Client, 0.1);
        assert!(diagnose(&tale.build()).causes[0].contains("refused a request"));
        assert_ne!(outcome(&Tale::healthy().build()).id, "client-closed");
    }
}
