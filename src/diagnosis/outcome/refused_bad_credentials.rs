//! `refused-bad-credentials`: the broker rejected the user name or password.

use super::admitted::{self, Compared};
use super::{About, Judgement, refusal};
use crate::diagnosis::story::Story;
use crate::diagnosis::{Severity, words};

pub(super) const ABOUT: About = About {
    id: "refused-bad-credentials",
    group: "refused",
    severity: Severity::Error,
    text: include_str!("refused_bad_credentials.md"),
};

pub(super) fn judge(story: &Story<'_>) -> Option<Judgement> {
    let connack = refusal::refused(story, &[4, 0x86])?;
    let client = story.client();
    let connect = story.session.connect.as_ref();
    let user = connect.and_then(|connect| connect.username.as_ref());
    let anonymous = connect.is_some_and(|connect| connect.username.is_none());
    let bare = connect.is_some_and(|connect| connect.username.is_some() && !connect.has_password);
    let compared = admitted::compare(story);
    let others = compared.as_ref().is_some_and(|compared| compared.user_is_fine);
    let what = match user {
        Some(user) => format!("The broker rejected the user name {} or the password of {client}", words::quoted(user)),
        None => format!("The broker rejected the user name or password of {client}"),
    };
    Some(
        refusal::judgement(story, connack, &what)
            .cause_if(compared.is_some(), compared.map_or_else(String::new, |Compared { cause, .. }| cause))
            .cause_if(anonymous && !others, "The client sent no user name and no password, and the broker wants both.")
            .cause_if(bare, "The client sent a user name without a password.")
            .cause_if(!anonymous && !others, "The password, or the user name, is wrong.")
            .cause_if(!anonymous, "The password was a token, and it has expired.")
            .cause_if(!anonymous && !others, "The credentials belong to another broker or environment.")
            .step("Try the same user name and password from a shell: `mosquitto_pub -h HOST -u USER -P PASSWORD -t test -m x -d`.")
            .step("Look whether the broker has this user, and set its password anew."),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{Tale, outcome};

    #[test]
    fn the_user_is_named_and_the_password_never() {
        let outcome = outcome(&Tale::connecting().connack(4).build());
        assert_eq!(outcome.id, "refused-bad-credentials");
        assert_eq!(
            outcome.sentence,
            "The broker rejected the user name “dev” or the password of sensor-17: bad user name or password (4)."
        );
    }

    #[test]
    fn a_client_without_credentials_has_no_wrong_password() {
        let tale = Tale::connecting().connack(0x86).with(|session| {
            let connect = session.connect.as_mut().unwrap();
            connect.username = None;
            connect.has_password = false;
        });
        let verdict = diagnose(&tale.build());
        assert_eq!(verdict.causes.len(), 1);
        assert!(verdict.causes[0].contains("no user name"));
    }
}
