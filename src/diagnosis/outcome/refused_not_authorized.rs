//! `refused-not-authorized`: the broker does not allow this client to connect.

use super::admitted::{self, Compared};
use super::{About, Judgement, refusal};
use crate::diagnosis::Severity;
use crate::diagnosis::story::Story;

pub(super) const ABOUT: About = About {
    id: "refused-not-authorized",
    group: "refused",
    severity: Severity::Error,
    text: include_str!("refused_not_authorized.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connack = refusal::refused(story, &[5, 0x87, 0x8A])?;
    let client = story.client();
    let connect = story.session.connect.as_ref();
    let named = connect.is_some_and(|connect| connect.username.is_some());
    let anonymous = connect.is_some_and(|connect| connect.username.is_none());
    let banned = connack.code.0 == 0x8A;
    // mosquitto, which has one code for all of it, gives no reason.
    let explained = connack.reason_string.as_ref().is_some_and(|reason| !reason.is_empty());
    let compared = admitted::compare(story).filter(|_| !banned);
    let others = compared.as_ref().is_some_and(|compared| compared.user_is_fine);
    let what = format!("The broker does not allow {client} to connect");
    Some(
        refusal::judgement(story, connack, &what)
            .cause_if(banned, "The client, its user or its address is on the broker's ban list, put there by hand or because it reconnected too often.")
            .cause_if(compared.is_some(), compared.map_or_else(String::new, |Compared { cause, .. }| cause))
            .cause_if(!banned && anonymous && !others, "The client sent no user name, and the broker takes no anonymous clients: mosquitto 2 takes none unless told `allow_anonymous true`.")
            .cause_if(!banned && anonymous && !explained && !others, "The broker takes a client without a name for a user of its own, who has no permission here: RabbitMQ takes it for `guest`, who needs one for the virtual host.")
            .cause_if(!banned && named && explained, "The broker names the reason itself; behind it often stands a wrong or expired password or token.")
            .cause_if(!banned && named && !explained && !others, "The user name or password is wrong: mosquitto and NATS say “not authorized” for that too.")
            .cause_if(!banned && !anonymous && !named, "The user name or password is wrong or missing: mosquitto and NATS say “not authorized” for that too.")
            .cause_if(!banned && !anonymous && !explained && !others, "The user is known, and a rule keeps it, its client id or its address out.")
            .step_if(banned, "Look at the broker's ban list, and give the client a pause between its attempts.")
            .step_if(!banned && !anonymous, "Try the same user name and password from a shell: `mosquitto_pub -h HOST -u USER -P PASSWORD -t test -m x -d`.")
            .step_if(!banned && anonymous && !others, "Give the client a user name and password that the broker knows (mosquitto: `mosquitto_passwd` and `password_file`).")
            .step_if(!banned, "Look at the broker's rules for this user and client id, and into its log at this time."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, outcome};
    use crate::stream::Side;

    #[test]
    fn a_refusal_that_is_followed_by_a_reset_stays_a_refusal() {
        let outcome = outcome(&Tale::connecting().connack(5).reset(Side::Server, 0.001).build());
        assert_eq!(outcome.id, "refused-not-authorized");
        assert_eq!(outcome.sentence, "The broker does not allow sensor-17 to connect: not authorized (5).");
    }

    #[test]
    fn the_causes_follow_what_the_client_sent() {
        let with_name = diagnose(&Tale::connecting().connack(5).build());
        assert!(with_name.causes[0].contains("mosquitto"));
        let anonymous = Tale::connecting().connack(5).with(|session| {
            session.connect.as_mut().unwrap().username = None;
        });
        let anonymous = diagnose(&anonymous.build()).causes;
        assert!(anonymous[0].contains("anonymous"));
        assert!(anonymous[1].contains("`guest`"));
        assert!(!with_name.causes.concat().contains("`guest`"));
        let banned = diagnose(&Tale::connecting_v5().connack(0x8A).build());
        assert!(banned.causes[0].contains("ban list"));
    }

    #[test]
    fn an_acceptance_is_none() {
        assert_ne!(outcome(&Tale::connected().build()).id, "refused-not-authorized");
    }
}
