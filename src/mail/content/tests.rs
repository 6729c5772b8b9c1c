//! What no name and no sentence can do to a letter, and that its two forms say the same.

use super::*;

/// Texts that somebody may have for a name, from campaigns against mail and pages.
const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "<img src=\"https://evil.example/x.png\" onerror=alert(1)>",
    "\"><a href='javascript:alert(1)'>x</a>",
    "</p></main></body></html><h1>Pay here</h1>",
    "<!-- -->",
    "&lt;b&gt; &amp; &#60;",
    "{{7*7}} ${jndi:ldap://evil.example}",
    "Eve\r\nBcc: x@evil.example\r\n\r\nPay here",
    "Eve\u{202e}elpmaxe.live\u{2028}x\u{0}\u{200b}",
    "--=_boundary--",
    ".\r\n.\r\nQUIT",
    "=cmd|'/c calc'!A1",
    "\u{1b}[2J",
    "style=\"background:url(https://evil.example/x)\"",
];

/// A letter with this in every place that takes text.
fn everywhere(text: &str) -> Wording {
    let url = WebUrl::parse("https://carepass.example/x?a=b&c=d").unwrap();
    let account = AccountLine::new(text, (text, text), (text, url.clone()));
    let mut letter = Document::new(Language::Swedish, text);
    letter.heading(text).paragraph(text).bullets(&[text.to_owned()]).steps(&[text]).accounts(vec![account]);
    letter
        .link(text, &url)
        .link("", &url)
        .verbatim(&[text])
        .table([text, "b"], vec![[text.to_owned(), text.to_owned()]]);
    letter.footer(text).written()
}

/// The names of the elements, in order, without what they hold.
fn tags(html: &str) -> Vec<&str> {
    let names = html.split('<').skip(1);
    names.map(|tag| tag.split([' ', '>']).next().unwrap_or_default()).collect()
}

fn links(html: &str) -> Vec<&str> {
    html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect()
}

#[test]
fn no_text_becomes_markup() {
    let plain = everywhere("Åsa");
    for text in HOSTILE {
        let written = everywhere(text);
        assert_eq!(tags(&written.html), tags(&plain.html), "{text:?} in:\n{}", written.html);
        assert_eq!(links(&written.html), ["https://carepass.example/x?a=b&amp;c=d"; 3], "{text:?}");
        assert!(!written.subject.contains(char::is_control), "{text:?}");
        for form in [&written.text, &written.html] {
            let hidden = |c: char| c != '\n' && c.is_control() || "\u{200b}\u{2028}\u{202e}".contains(c);
            assert!(!form.contains(hidden), "{text:?} in:\n{form}");
        }
        assert_eq!(written.text.lines().count(), everywhere("Åsa Åsa").text.lines().count(), "{text:?}");
    }
}

#[test]
fn html_loads_and_runs_nothing_and_sets_no_colours() {
    let html = everywhere("Åsa").html;
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"sv\">"), "{html}");
    assert!(html.contains("<meta name=\"color-scheme\" content=\"light dark\">"), "{html}");
    for word in [
        "<img",
        "<script",
        "<link",
        "<style",
        "<iframe",
        "<form",
        "src=",
        "url(",
        "@import",
        " on",
        "javascript:",
        "color:",
        "background",
    ] {
        assert!(!html.contains(word), "{word} in:\n{html}");
    }
}

#[test]
fn a_name_stays_a_name() {
    for (given, expected) in [
        ("Anne-Marie O'Brien Jr.", "Anne-Marie O'Brien Jr."),
        ("Zoe\u{308} Müller", "Zoe\u{308} Müller"),
        ("J.R. Öberg", "J. R. Öberg"),
        ("李 小龙", "李 小龙"),
        ("  A \t B  ", "A B"),
        ("Eve\r\nBcc: x@y.example\r\n\r\nPay here", "Eve Bcc x y. example Pay here"),
        ("<b>Eve</b> https://evil.example/?a=b", "b Eve b https evil. example a b"),
        ("Eve\u{202e}\u{0}\u{2028}x", "Eve x"),
        ("<>\n", ""),
    ] {
        assert_eq!(plain_name(given), expected, "{given:?}");
    }
    assert_eq!(plain_name(&"a".repeat(500)).len(), NAME_MAX);
}

#[test]
fn a_table_that_is_too_wide_goes_row_by_row() {
    let table = |cell: &str| {
        let mut letter = Document::new(Language::English, "x");
        letter.table(
            ["Who", "What"],
            vec![["A".to_owned(), cell.to_owned()], ["BB".to_owned(), "y".to_owned()]],
        );
        letter.written().text
    };
    assert_eq!(table("xyz"), "Who  What\nA    xyz\nBB   y\n");
    let long = "word ".repeat(20);
    let lines = table(&long);
    assert!(lines.starts_with("A\n  What: word word"), "{lines}");
    assert!(lines.lines().all(|line| line.len() <= 76) && lines.ends_with("\n\nBB\n  What: y\n"), "{lines}");
}
