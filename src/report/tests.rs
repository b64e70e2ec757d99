use super::fixtures::{report, style};
use super::*;

fn text(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn look() {
    for width in [80, 200] {
        println!(
            "{}",
            text(|out| table::write(&report(), &style(width), out))
        );
    }
    println!(
        "{}",
        text(|out| ladder::write(&report().cases[0], &style(80), out))
    );
    println!(
        "{}",
        text(|out| ladder::write(&report().cases[2], &style(80), out))
    );
    let mut style = style(80);
    style.ascii = true;
    println!("{}", text(|out| table::write(&report(), &style, out)));
    println!(
        "{}",
        text(|out| ladder::write(&report().cases[2], &style, out))
    );
}
