//! `arp-unanswered`: the client looked for the server on its own network, and nobody was there.

use super::attempted::{capped, meant, named, repeated};
use super::{About, Judgement};
use crate::attempt::{Question, Search};
use crate::diagnosis::qualifier::Ground;
use crate::diagnosis::story::Story;
use crate::diagnosis::symptom::Sight;
use crate::diagnosis::{Confidence, Severity};

pub(super) const ABOUT: About = About {
    id: "arp-unanswered",
    group: "network",
    severity: Severity::Error,
    text: include_str!("arp_unanswered.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let session = story.session;
    let search = match session.attempt.as_ref().map(|attempt| &attempt.what) {
        Some(Question::Host(search)) => search,
        Some(Question::Name(_)) => return None,
        None => own_search(story)?,
    };
    let Search { asker, target, asked, .. } = search;
    let (question, family) = if target.is_ipv4() { ("ARP", "ping") } else { ("Neighbour Solicitation", "ping -6") };
    let name = session.neighbours.resolution.as_ref().map(|known| (named(&known.name), known.at));
    let called = name.as_ref().map_or_else(String::new, |(name, _)| format!(" ({name})"));
    let sentence = format!(
        "{asker} looked for {target}{called} on its own network {} by {question}, and nobody answered.{}",
        repeated(asked),
        meant(story)
    );
    let confidence = if asked.count > 2 { Confidence::VeryLikely } else { Confidence::Likely };
    let led = name.as_ref().map(|(name, at)| {
        format!("The name {name} leads to {target} (frame {}), and that is not, or no longer, the broker's address.", at.frame)
    });
    Some(
        Judgement::new(capped(confidence, story), sentence)
            .on(&[Ground::Absence])
            .at(name.map(|(_, at)| at).into_iter().chain([asked.first, asked.last]))
            .cause(format!("The host {target} is off, or not in this network."))
            .cause(led.unwrap_or_else(|| format!("{target} is not, or no longer, the broker's address.")))
            .cause("The Wi-Fi keeps its clients apart (client isolation), or the two are in different VLANs.")
            .cause("The answer did not pass the place of the capture: it goes to the asking host only.")
            .step(format!("From another host of this network, try `{family} {target}`; compare the address with that of the broker (`ip address` there)."))
            .step("Compare the client's network mask and gateway with those of the network: what it asks for here, it takes for a neighbour.")
            .step("Look for client isolation in the settings of the access point.")
            .seen_as(Sight::HostUnreachable),
    )
}

/// The client's own search for the server of a connection of which nothing was heard.
fn own_search<'a>(story: &Story<'a>) -> Option<&'a Search> {
    let session = story.session;
    let own = session.wire.peers.client.endpoint.address;
    session.neighbours.searched.as_deref().filter(|search| search.asker == own)
}

#[cfg(test)]
mod tests {
    use crate::attempt::Tie;
    use crate::diagnosis::testing::{Tale, missing, outcome, search};
    use crate::diagnosis::{Confidence, diagnose};

    #[test]
    fn a_host_that_nobody_knows() {
        let outcome = outcome(&missing(Tie::Broker));
        assert_eq!((outcome.id, outcome.confidence), ("arp-unanswered", Confidence::VeryLikely));
        assert_eq!(
            outcome.sentence,
            "10.0.0.21 looked for 10.0.0.5 on its own network 4 times in 15 s (about every 5 s) by ARP, and nobody answered."
        );
    }

    #[test]
    fn the_clients_own_search_explains_its_knocks_and_a_routers_is_their_cause() {
        let knocking = |last| Tale::knocking(3).with(|session| session.neighbours.searched = Some(Box::new(search(last)))).build();
        assert_eq!(outcome(&knocking(21)).id, "arp-unanswered");
        let routed = diagnose(&knocking(1));
        assert_eq!(routed.outcome.id, "syn-unanswered");
        assert!(routed.causes[0].contains("10.0.0.1 looked for it"), "{:?}", routed.causes);
    }
}
