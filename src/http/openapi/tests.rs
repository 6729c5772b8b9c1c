//! That the document says all there is, and nothing else. Whether real answers keep to it: `tests/it/api.rs`.

use super::*;
use crate::http::routes::PROBES;
use crate::http::schemas::DOCUMENTS;

#[test]
fn every_route_is_described_and_nothing_else() {
    let mut there: BTreeSet<(String, &str)> =
        ROUTES.iter().map(|route| (route.method.to_string(), route.path)).collect();
    let open = PROBES.iter().copied().chain(DOCUMENTS.iter().map(|(path, ..)| *path)).chain([PATH]);
    there.extend(open.map(|path| ("GET".to_owned(), path)));
    let described: BTreeSet<(String, &str)> =
        OPERATIONS.iter().map(|operation| (operation.method.to_string(), operation.path)).collect();
    assert_eq!(described, there);
    assert_eq!(described.len(), OPERATIONS.len(), "one of them stands there twice");
}

#[test]
fn every_problem_may_be_answered_somewhere() {
    let said: BTreeSet<ProblemKind> = OPERATIONS
        .iter()
        .flat_map(|operation| operation.problems.iter().copied().flatten())
        .copied()
        .collect();
    // A method that a path does not take is no operation, and foreign pages are the dashboard's.
    let unsaid: Vec<_> = ProblemKind::ALL.iter().filter(|kind| !said.contains(kind)).collect();
    assert_eq!(unsaid, [&ProblemKind::ForeignPage, &ProblemKind::MethodNotAllowed]);
}

#[test]
fn what_is_sent_and_answered_under_one_name_is_the_same() {
    let mut shapes = Shapes::new();
    for operation in &OPERATIONS {
        described(operation, &mut shapes);
    }
    let (sent, answered) = (shapes.sent.take_definitions(true), shapes.answered.take_definitions(true));
    for (name, schema) in &sent {
        assert!(answered.get(name).is_none_or(|other| other == schema), "{name}");
    }
    let numbered: Vec<_> = sent
        .keys()
        .chain(answered.keys())
        .filter(|name| name.ends_with(|last: char| last.is_ascii_digit()))
        .collect();
    assert!(numbered.is_empty(), "two types have one name: {numbered:?}");
}
