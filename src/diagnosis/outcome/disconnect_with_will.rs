//! `disconnect-with-will`: the client left and asked for its will.

use super::{About, Judgement, refusal};
use crate::diagnosis::story::{Said, Story};
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};
use crate::mqtt::PacketType;

pub(super) const ABOUT: About = About {
    id: "disconnect-with-will",
    group: "healthy",
    severity: Severity::Info,
    text: include_str!("disconnect_with_will.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let Said::Client(disconnect) = story.said()? else {
        return None;
    };
    if disconnect.code.0 != 4 {
        return None;
    }
    let client = story.client();
    let will = story.session.connect.as_ref().map(|connect| connect.will.is_some());
    let saying = refusal::saying(disconnect.reason_string.as_ref());
    Some(
        Judgement::new(
            Confidence::Certain,
            format!("{client} left on purpose and asked the broker to publish its will{saying}."),
        )
        .code(disconnect.code, PacketType::DISCONNECT, disconnect.reason_string.as_ref())
        .at([disconnect.at])
        .at(story.close.map(|close| close.at))
        .cause("The client announces in this way that it goes offline, for instance before it sleeps.")
        .step_if(
            will == Some(false),
            "CONNECT carried no will, so there is nothing to publish: check the client's settings.",
        )
        .seen_as(Sight::Goodbye),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

    #[test]
    fn code_4_and_no_other() {
        let with_will = Tale::connected_v5().disconnect(Side::Client, 4, 1.0);
        assert_eq!(outcome(&with_will.build()).id, "disconnect-with-will");
        let near_miss = Tale::connected_v5().disconnect(Side::Client, 0, 1.0);
        assert_eq!(outcome(&near_miss.build()).id, "clean-disconnect");
    }
}
