//! `refused-server-unavailable`: the broker cannot take this connection now.

use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;

pub(super) const ABOUT: About = About {
    id: "refused-server-unavailable",
    group: "refused",
    severity: Severity::Error,
    text: include_str!("refused_server_unavailable.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connack = refusal::refused(story, &[3, 0x88, 0x89, 0x97, 0x9F])?;
    let client = story.client();
    let code = connack.code.0;
    let what = format!("The broker could not take the connection of {client}");
    Some(
        refusal::judgement(story, connack, &what)
            .cause_if(code == 0x9F, "The client, or all clients together, connect too often.")
            .cause_if(code == 0x9F, "Too many logins from this address failed: some brokers then refuse it for a while, whatever the password.")
            .cause_if(code == 0x97, "A quota is used up: connections of this account, licence or user.")
            .cause_if(matches!(code, 3 | 0x89), "The broker has reached its limit of connections (mosquitto: `global_max_clients`), or is overloaded.")
            .cause_if(matches!(code, 3 | 0x88), "The broker, or a service it needs, is starting, stopping or under maintenance.")
            .cause_if(code == 3, "The broker maps other reasons to code 3 for older clients: EMQX does so for quotas, busy and moved.")
            .step("Look at the broker's health, its number of connections and its limits at this time.")
            .step("Let clients wait longer after each failed attempt, with some chance in it, so that they do not all return at once."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::Tale;

    #[test]
    fn a_busy_broker() {
        let verdict = diagnose(&Tale::connecting_v5().connack(0x89).build());
        assert_eq!(verdict.outcome.id, "refused-server-unavailable");
        assert_eq!(
            verdict.outcome.sentence,
            "The broker could not take the connection of sensor-17: Server busy (0x89)."
        );
        assert_eq!(verdict.causes.len(), 1);
    }

    #[test]
    fn another_refusal_is_not_it() {
        let verdict = diagnose(&Tale::connecting_v5().connack(0x9C).build());
        assert_eq!(verdict.outcome.id, "redirected");
    }
}
