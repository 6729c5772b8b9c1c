//! What people do at Google's sign-in page, played by `POST /_sandbox/set`: enrol in 2-Step Verification, and sign in.
//! Not here: what an administrator ends of it (`users_security`).

use super::clock::Millis;
use super::world::{Customer, User, World};
use secrecy::ExposeSecret;
use serde::Deserialize;

/// Codes that are given out with the enrolment.
const BACKUP_CODES: u32 = 10;
/// The program that is let in where none is named: an OAuth client id of the usual shape.
const SOME_CLIENT: &str = "770000000000-sandbox.apps.googleusercontent.com";

/// Somebody enrols in 2-Step Verification, or an administrator enforces it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoStep {
    customer: String,
    user: String,
    #[serde(default = "yes")]
    enrolled: bool,
    /// Absent: as before.
    enforced: Option<bool>,
}

/// Somebody signs in, and lets a program in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    customer: String,
    user: String,
    /// Absent: the right one, whichever that is.
    password: Option<secrecy::SecretString>,
    client: Option<String>,
    /// The name of an application password that is made at the same time.
    application_password: Option<String>,
}

/// The users as they are afterwards, with their customers; none where somebody is not let in.
pub fn changed(
    world: &World,
    two_step: Option<&TwoStep>,
    sign_in: Option<&SignIn>,
    now: Millis,
) -> Result<Vec<(String, User)>, String> {
    let mut all: Vec<(String, User)> = Vec::new();
    if let Some(wish) = two_step {
        let mut user = user_of(customer_of(world, &wish.customer)?, &wish.user)?;
        enrol(&mut user, wish);
        all.push((wish.customer.clone(), user));
    }
    if let Some(wish) = sign_in {
        let user = user_of(customer_of(world, &wish.customer)?, &wish.user)?;
        let before =
            all.iter().find(|(_, changed)| changed.id == user.id).map(|(_, changed)| changed.clone());
        let user = let_in(before.unwrap_or(user), wish, now)?;
        all.push((wish.customer.clone(), user));
    }
    Ok(all)
}

fn enrol(user: &mut User, wish: &TwoStep) {
    user.access.backup_codes = match (wish.enrolled, user.enrolled_in_2sv) {
        (true, false) => BACKUP_CODES,
        (true, true) => user.access.backup_codes,
        (false, _) => 0,
    };
    user.enrolled_in_2sv = wish.enrolled;
    user.access.two_step_enforced = wish.enforced.unwrap_or(user.access.two_step_enforced);
}

/// After a first sign-in the password is the person's own.
fn let_in(mut user: User, wish: &SignIn, now: Millis) -> Result<User, String> {
    if user.suspended {
        return Err(format!("{} is suspended", wish.user));
    }
    if user.access.two_step_enforced && !user.enrolled_in_2sv {
        return Err(format!("{} is not enrolled in 2-Step Verification, which is enforced", wish.user));
    }
    let known = user.access.password.as_ref().map(ExposeSecret::expose_secret);
    let given = wish.password.as_ref().map(ExposeSecret::expose_secret);
    if given.is_some() && given != known {
        return Err(format!("wrong password of {}", wish.user));
    }
    if user.change_password {
        user.change_password = false;
        user.access.password = None;
    }
    user.last_login = now;
    user.agreed_to_terms = true;
    user.access.sessions += 1;
    user.tokens.insert(wish.client.clone().unwrap_or_else(|| SOME_CLIENT.to_owned()));
    if let Some(name) = &wish.application_password {
        let number = user.access.application_passwords.keys().last().map_or(1, |last| last + 1);
        user.access.application_passwords.insert(number, name.clone());
    }
    Ok(user)
}

fn customer_of<'a>(world: &'a World, id: &str) -> Result<&'a Customer, String> {
    world.customers.get(id).ok_or_else(|| format!("there is no customer {id}"))
}

fn user_of(customer: &Customer, key: &str) -> Result<User, String> {
    customer.user(key).map(|user| User::clone(user)).ok_or_else(|| format!("there is no user {key}"))
}

fn yes() -> bool {
    true
}
