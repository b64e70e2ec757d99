use std::io::{self, Write};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::fixtures::{finding, healthy, refused, report, report_on, style};
use super::*;
use crate::diagnosis::Severity;

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn as_table(report: &Report, style: &Style) -> String {
    text(|out| table::write(report, Extent::Problems, style, out))
}

fn as_ladder(case: &Case, style: &Style) -> String {
    text(|out| ladder::write(case, style, out))
}

fn ascii(width: usize) -> Style {
    Style { ascii: true, ..style(width) }
}

fn widest(text: &str) -> usize {
    text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0)
}

#[test]
fn table_of_80_columns() {
    insta::assert_snapshot!(as_table(&report(), &style(80)));
}

#[test]
fn table_of_200_columns() {
    insta::assert_snapshot!(as_table(&report(), &style(200)));
}

#[test]
fn table_in_ascii() {
    insta::assert_snapshot!(as_table(&report(), &ascii(80)));
}

#[test]
fn table_of_everything() {
    let report = report();
    insta::assert_snapshot!(text(|out| table::write(&report, Extent::Everything, &style(80), out)));
}

#[test]
fn ladder_of_a_refusal() {
    insta::assert_snapshot!(as_ladder(&report().cases[2], &style(80)));
}

#[test]
fn ladder_of_a_long_session() {
    insta::assert_snapshot!(as_ladder(&report().cases[0], &style(80)));
}

#[test]
fn ladder_in_ascii() {
    insta::assert_snapshot!(as_ladder(&report().cases[2], &ascii(80)));
}

#[test]
fn a_document() {
    let mut report = report();
    report.cases.truncate(3);
    insta::assert_snapshot!(text(|out| json::write(&report, out)));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let report = report();
    for width in [62, 72, 80, 100, 120, 200, 300] {
        for style in [style(width), ascii(width)] {
            let table = as_table(&report, &style);
            assert!(widest(&table) <= width, "{width}:\n{table}");
            for case in &report.cases {
                let ladder = as_ladder(case, &style);
                assert!(widest(&ladder) <= width, "{width}:\n{ladder}");
            }
        }
    }
}

#[test]
fn ascii_means_ascii() {
    let report = report();
    assert!(as_table(&report, &ascii(80)).is_ascii());
    assert!(as_table(&report, &ascii(200)).is_ascii());
    assert!(as_ladder(&report.cases[0], &ascii(80)).is_ascii());
}

#[test]
fn colour_changes_nothing_but_colour() {
    let report = report();
    let colourful = Style { color: true, ..style(80) };
    for (plain, coloured) in [
        (as_table(&report, &style(80)), as_table(&report, &colourful)),
        (as_ladder(&report.cases[0], &style(80)), as_ladder(&report.cases[0], &colourful)),
    ] {
        assert_ne!(plain, coloured);
        assert_eq!(plain, anstream::adapter::strip_str(&coloured).to_string());
    }
}

#[test]
fn an_empty_capture_is_said() {
    let empty = report_on(CaptureSummary::default(), []);
    assert_eq!(as_table(&empty, &style(80)), "capture: 0 packets.\nNo MQTT session in it.\n");
}

#[test]
fn a_selection_of_nothing_is_said() {
    let mut report = report();
    report.cases.clear();
    let table = as_table(&report, &style(80));
    assert!(table.contains("None of them matches"), "{table}");
}

#[test]
fn thousands_of_alike_sessions_stay_readable() {
    let many = (0..2_000).map(|number| match number % 4 {
        0 => refused(format!("meter-{number}").as_bytes(), number, u64::from(number) * 500 + 1, 5),
        _ => healthy(b"gateway", number, u64::from(number) * 500 + 1, 5),
    });
    let report = report_on(CaptureSummary::default(), many);
    let table = as_table(&report, &style(80));
    assert!(table.contains("1,500 sessions without trouble not listed here"), "{table}");
    assert!(table.contains("… and 497 more like these."), "{table}");
    assert_eq!(table.matches("What to try").count(), 1);
    assert!(table.lines().count() < 560);
    assert!(widest(&table) <= 80);
}

#[test]
fn an_end_that_was_not_the_clients_own_doing_is_explained() {
    let (session, mut verdict) = healthy(b"gateway-3", 0, 2, 0);
    verdict.outcome.id = "redirected";
    verdict.outcome.group = "refused";
    verdict.outcome.severity = Severity::Info;
    verdict.outcome.sentence = "The broker told gateway-3 to use another server, “b2”.".to_owned();
    let report = report_on(CaptureSummary::default(), [(session, verdict)]);
    let table = as_table(&report, &style(80));
    assert!(table.contains("1 session of 1 client: 1 sent away by the broker."), "{table}");
    assert!(table.contains("Session 1 · gateway-3") && table.contains("another server, “b2”."), "{table}");
}

#[test]
fn nothing_is_said_twice() {
    let (session, mut verdict) = refused(b"sensor-17", 4, 31, 5);
    verdict.causes = vec!["CONNECT breaks the protocol (MQTT-3.1.2-22).".into()];
    let mut broken = finding("rule-violated", Severity::Warning, "sensor-17 broke a rule.", 34);
    broken.clause = Some("MQTT-3.1.2-22");
    verdict.findings = vec![broken, finding("anonymous", Severity::Info, "sensor-17 sent no user name.", 34)];
    let report = report_on(CaptureSummary::default(), [(session, verdict)]);
    let table = as_table(&report, &style(80));
    assert!(!table.contains("Also seen"), "{table}");
    let ladder = as_ladder(&report.cases[0], &style(80));
    assert!(ladder.contains("broke a rule.") && ladder.contains("no user name."), "`show` tells all: {ladder}");
}

#[test]
fn attempts_of_one_host_are_one_client() {
    let attempt = |stream: u32| {
        let (mut session, mut verdict) = refused(b"", stream, u64::from(stream) * 10 + 1, 5);
        session.connect = None;
        session.wire.peers.client.endpoint.address = "10.0.0.30".parse().unwrap();
        verdict.outcome.sentence = "10.0.0.5 refused the connection of 10.0.0.30.".to_owned();
        (session, verdict)
    };
    let report = report_on(CaptureSummary::default(), (0..3).map(attempt));
    let table = as_table(&report, &style(80));
    assert!(table.contains("Sessions 1–3 · 10.0.0.30 → 10.0.0.5:1883"), "{table}");
    assert!(table.contains("3 sessions of 1 client"), "{table}");
}

const HOSTILE: [&[u8]; 6] = [
    b"\x1b[31mred\x1b[0m\x1b]0;title\x07",
    b"first\nsecond\r\tthird\0",
    "a\u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{9b}31m".as_bytes(),
    b"not utf-8: \xff\xfe\xc3(",
    &[b'x'; 500],
    "e\u{301}\u{1f980}\u{a0}“quoted”\u{e0041}".as_bytes(),
];

fn is_harmless(text: &str) -> bool {
    text.chars().all(|character| character == '\n' || !crate::text::is_unseen(character))
}

#[test]
fn hostile_names_harm_no_format() {
    let sessions = HOSTILE.iter().zip(0..).map(|(id, number)| refused(id, number, u64::from(number) * 10 + 1, 0));
    let files = vec!["\x1b[2Jtrace\n.pcap".to_owned()];
    let capture = CaptureSummary { files, ..CaptureSummary::default() };
    let report = report_on(capture, sessions);
    for width in [80, 200] {
        let table = as_table(&report, &style(width));
        assert!(is_harmless(&table), "{table}");
        assert!(widest(&table) <= width, "{table}");
        for case in &report.cases {
            let ladder = as_ladder(case, &style(width));
            assert!(is_harmless(&ladder), "{ladder}");
            assert!(widest(&ladder) <= width, "{ladder}");
        }
    }
    let document = text(|out| json::write(&report, out));
    assert!(is_harmless(&document), "{document}");
    let document: Value = serde_json::from_str(&document).unwrap();
    for (session, id) in document["sessions"].as_array().unwrap().iter().zip(HOSTILE) {
        match std::str::from_utf8(id) {
            Ok(id) => assert_eq!(session["client_id"], id),
            Err(_) => assert_eq!(session["client_id"]["base64"], "bm90IHV0Zi04OiD//sMo"),
        }
    }
    let lines = text(|out| json::write_lines(&report, out));
    assert!(is_harmless(&lines));
    assert_eq!(lines.lines().count(), HOSTILE.len() + 1);
}

#[test]
fn documents_fit_the_schema() {
    let schema: Value = serde_json::from_str(&text(|out| json::write_schema(out))).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut emptied = report();
    for case in &mut emptied.cases {
        case.session.connect = None;
        case.session.connack = None;
        case.session.version = None;
        case.session.wire.peers.client.mac = None;
    }
    let hostile = HOSTILE.iter().map(|id| refused(id, 1, 1, 0));
    let hostile = report_on(CaptureSummary::default(), hostile);
    for report in [report(), emptied, hostile, report_on(CaptureSummary::default(), [])] {
        let document: Value = serde_json::from_str(&text(|out| json::write(&report, out))).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    let mut broken: Value = serde_json::from_str(&text(|out| json::write(&report(), out))).unwrap();
    broken["sessions"][0].as_object_mut().unwrap().remove("username");
    assert!(!validator.is_valid(&broken), "an absent fact must be null");
}

#[test]
fn lines_carry_their_kind() {
    let lines = text(|out| json::write_lines(&report(), out));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, sessions) = lines.split_last().unwrap();
    assert!(sessions.iter().all(|session| session["kind"] == "session"));
    assert_eq!(last["kind"], "summary");
    assert_eq!(last["summary"]["sessions"], 7);
    let document: Value = serde_json::from_str(&text(|out| json::write(&report(), out))).unwrap();
    let mut first = sessions[0].clone();
    first.as_object_mut().unwrap().remove("kind");
    assert_eq!(first, document["sessions"][0]);
}

#[test]
fn an_explanation_is_wrapped() {
    let markdown = "One two **three**\nfour five.\n\n- first item that is long enough to be \
                    wrapped over two lines of this narrow page\n- second\n\n    ss -ltnp\n";
    insta::assert_snapshot!(text(|out| explain::write(
        "A title",
        markdown,
        [("0x87", "Not authorized")],
        &style(40),
        out
    )));
}
