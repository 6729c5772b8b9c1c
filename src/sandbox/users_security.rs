//! Directory API: the scope `admin.directory.user.security`: sessions, tokens, application passwords, backup codes.
//! What a suspended user refuses is docs/GOOGLE.md, row 77. Not here: how somebody gets in (`sign_in`).

use super::call::{Answer, Reply};
use super::directory::{etag, list as list_json};
use super::error::Refusal;
use super::google::Scene;
use super::users::find;
use super::world::User;
use serde_json::{Value, json};

/// `users.signOut`.
pub fn sign_out(scene: &mut Scene<'_>, key: &str) -> Reply {
    let mut user = open(scene, key)?;
    user.sign_outs += 1;
    user.access.sessions = 0;
    user.access.signed_out_at = Some(scene.now);
    scene.customer.put_user(user);
    Ok(Answer::empty().with_effect("user.signed_out"))
}

/// `tokens.list`.
pub fn tokens(scene: &Scene<'_>, key: &str) -> Reply {
    let user = find(scene, key)?;
    let items = user.tokens.iter().map(|client| {
        json!({"kind": "admin#directory#token", "etag": etag(client, 1), "clientId": client, "userKey": user.id})
    });
    Ok(listed("admin#directory#tokenList", items.collect()))
}

/// `tokens.delete`.
pub fn remove_token(scene: &mut Scene<'_>, key: &str, client: &str) -> Reply {
    let mut user = open(scene, key)?;
    if !user.tokens.remove(client) {
        return Err(Refusal::not_found("Resource Not Found: clientId"));
    }
    scene.customer.put_user(user);
    Ok(Answer::empty().with_effect("token.deleted"))
}

/// `asps.list`.
pub fn application_passwords(scene: &Scene<'_>, key: &str) -> Reply {
    let user = find(scene, key)?;
    let items = user.access.application_passwords.iter().map(|(number, name)| {
        json!({"kind": "admin#directory#asp", "etag": etag(name, 1), "codeId": number, "name": name,
               "userKey": user.id})
    });
    Ok(listed("admin#directory#aspList", items.collect()))
}

/// `asps.delete`.
pub fn remove_application_password(scene: &mut Scene<'_>, key: &str, number: &str) -> Reply {
    let mut user = open(scene, key)?;
    let removed =
        number.parse().ok().and_then(|number: u32| user.access.application_passwords.remove(&number));
    if removed.is_none() {
        return Err(Refusal::not_found("Resource Not Found: codeId"));
    }
    scene.customer.put_user(user);
    Ok(Answer::empty().with_effect("application_password.deleted"))
}

/// `verificationCodes.invalidate`; a suspended user refuses it whatever is set.
pub fn invalidate_codes(scene: &mut Scene<'_>, key: &str) -> Reply {
    let mut user = find(scene, key)?.clone();
    if user.suspended {
        return Err(suspended());
    }
    user.access.backup_codes = 0;
    scene.customer.put_user(user);
    Ok(Answer::empty().with_effect("backup_codes.invalidated"))
}

/// The user, unless it is suspended and refuses this then.
fn open(scene: &Scene<'_>, key: &str) -> Result<User, Refusal> {
    let user = find(scene, key)?.clone();
    if user.suspended && scene.customer.settings.suspended_refuses_sign_out {
        return Err(suspended());
    }
    Ok(user)
}

/// The words are invented: GAM knows the reason only.
fn suspended() -> Refusal {
    Refusal::invalid("Invalid Input: userKey")
}

fn listed(kind: &str, items: Vec<Value>) -> Answer {
    Answer::json(list_json(kind, "items", items, None))
}
