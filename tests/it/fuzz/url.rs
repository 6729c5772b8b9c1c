//! The builder of URLs: whatever its values are made of, what is built is one of Google's published methods at its own host, and nothing of
//! a value leaves its place. The judge is the list of `closed_list`. Not here: random values without a memory (`closed_list`).

use super::engine::{Judged, run};
use crate::closed_list::texts::PIECES;
use crate::closed_list::{FREE, SHAPED, build_all};

/// The values, one a line; what is missing is good.
fn judge(input: &[u8]) -> Judged {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n').map(str::to_owned);
    let shaped = SHAPED.map(|good| lines.next().unwrap_or_else(|| good.to_owned()));
    let free: [String; FREE] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let built = build_all(&shaped, &free)?;
    let missing = |name: &&str| !built.iter().any(|built| built.contains(name));
    let kinds =
        ["{user", "{customer}/domains", "roles", "orgunits", "signJwt", "groups/", "tokens/", "licensing"];
    Ok(format!(
        "{} requests, without {:?}",
        built.len(),
        kinds.iter().filter(|kind| missing(kind)).collect::<Vec<_>>()
    ))
}

#[test]
fn no_value_leads_a_request_elsewhere() {
    let free = [
        "02w5ecyt3pkeyqi",
        "VIEW_CUSTOMERS",
        "Åsa",
        "Öberg",
        "correct horse battery",
        "CiAKGjBpNDd2Nmp2Zml2cXRwYjBpOXA",
    ];
    let seed = SHAPED.iter().chain(&free).copied().collect::<Vec<_>>().join("\n").into_bytes();
    run("addresses", vec![seed, SHAPED.join("\n").into_bytes()], PIECES, judge);
}
