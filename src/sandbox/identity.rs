//! Cloud Identity API: whether an address belongs to an unmanaged account. Not here: sending an invitation, and `policies`.

use super::call::{Answer, Reply};
use super::error::Refusal;
use super::google::Scene;
use serde_json::json;

/// `customers.userinvitations.isInvitableUser`.
pub fn is_invitable(scene: &Scene<'_>, email: &str) -> Reply {
    let email = email.to_ascii_lowercase();
    if !scene.customer.owns(&email) {
        return Err(Refusal::with_status(400, "INVALID_ARGUMENT", "Request contains an invalid argument."));
    }
    let invitable = scene.customer.unmanaged.contains_key(&email);
    // proto3 JSON leaves a false out.
    Ok(Answer::json(if invitable { json!({"isInvitableUser": true}) } else { json!({}) }))
}
