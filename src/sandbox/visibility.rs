//! What reads show of a user that was made a moment ago: nothing yet, nothing again, or what it was at first
//! (docs/GOOGLE.md rows 12, 13 and 55). Writes go by what is so, so that an insert says 409 before a read finds the account.
//! Not here: stale reads, which a fault rule asks for.

use super::google::Scene;
use super::world::{Customer, User, Youth};
use std::sync::Arc;

/// Every so many reads by id flap.
const FLAP: u32 = 3;

/// The first reads by id are those of a new user: five minutes are the longest lag that somebody saw.
const FIRST_READS_MS: u64 = 5 * 60 * 1000;

/// Remembers what later reads need of a user that is about to be put in.
pub fn remember(customer: &mut Customer, user: &User) {
    if customer.settings.remembers_youth() {
        let youth = Youth { reads: 0, as_created: Arc::new(user.clone()) };
        customer.young.insert(user.id.clone(), youth);
    }
}

/// Counts a read by id; the first ones of a new user, and some later ones, find nothing.
pub fn count_read(customer: &mut Customer, key: &str) {
    if let Some(youth) = customer.young.get_mut(key) {
        youth.reads += 1;
    }
}

/// Whether a read does not find the user; `by_id` or else by an address or in a list.
pub fn hides(scene: &Scene<'_>, user: &User, by_id: bool) -> bool {
    let settings = &scene.customer.settings;
    if scene.is_within(user.created, settings.new_user_address_delay_ms) {
        return true;
    }
    if !by_id {
        return false;
    }
    let reads = scene.customer.young.get(&user.id).map_or(u32::MAX, |youth| youth.reads);
    let flaps = reads > 0 && reads != u32::MAX && reads.is_multiple_of(FLAP);
    scene.is_within(user.created, settings.new_user_delay_ms)
        || (reads <= settings.new_user_reads && scene.is_within(user.created, FIRST_READS_MS))
        || (flaps && scene.is_within(user.created, settings.new_user_flapping_ms))
}

/// The user as reads show it: as it was made, until it is old enough.
pub fn shown<'a>(scene: &'a Scene<'_>, user: &'a User) -> &'a User {
    let trails = scene.is_within(user.created, scene.customer.settings.trailing_reads_ms);
    scene.customer.young.get(&user.id).filter(|_| trails).map_or(user, |youth| &youth.as_created)
}
