//! The words for changing an account and for ending access, against the sandbox on a socket: what each does, a second time too, and on
//! accounts that are suspended or gone.

use super::*;
use crate::google::fixture_tests::{demo, google_at};
use crate::google::{AliasAddition, Change};
use crate::model::failure::FailureKind;
use crate::model::id::Address;
use crate::sandbox::{Sandbox, User, World};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

const MARIA: &str = "maria.nilsson@reseller-se.example";

struct Stage {
    sandbox: Sandbox,
    google: Google,
    maria: AccountId,
    _stop: DropGuard,
}

impl Stage {
    async fn start() -> Self {
        let sandbox = Sandbox::new(World::from_toml(&demo().world).unwrap());
        sandbox.change(|world| {
            for customer in world.customers.values_mut() {
                customer.settings.suspended_refuses_sign_out = true;
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(sandbox.clone().serve(listener, stop.clone()));
        let reseller = &demo().resellers[0];
        let google = google_at(&base, reseller.credentials.as_bytes(), reseller.customer_id, &reseller.admin);
        let found = google.account_by_named(&MARIA.parse().unwrap()).await.unwrap().unwrap();
        Self { sandbox, google, maria: found.id, _stop: stop.drop_guard() }
    }

    fn change(&self, change: impl FnOnce(&mut User)) {
        self.sandbox.change(|world| {
            let customer = world.customers.get_mut(demo().resellers[0].customer_id).unwrap();
            change(Arc::make_mut(customer.users.get_mut(self.maria.as_str()).unwrap()));
        });
    }

    fn signs_in(&self, more: &str) {
        let customer = demo().resellers[0].customer_id;
        let text = format!(r#"{{"sign_in": {{"customer": "{customer}", "user": "{MARIA}"{more}}}}}"#);
        self.sandbox.set(&serde_json::from_str::<Value>(&text).unwrap()).unwrap();
    }

    fn seen(&self) -> Value {
        let world = self.sandbox.world_json();
        let users = world["customers"][demo().resellers[0].customer_id]["users"].as_array().unwrap().clone();
        users.into_iter().find(|user| user["id"] == self.maria.as_str()).unwrap()
    }
}

fn nobody() -> AccountId {
    "103".parse().unwrap()
}

#[tokio::test]
async fn access_is_ended_kind_by_kind_and_a_second_time() {
    let stage = Stage::start().await;
    let Stage { google, maria, .. } = &stage;
    stage.signs_in(r#", "client": "app.example", "application_password": "Mail""#);
    for time in ["first", "second"] {
        assert_eq!(google.sign_out(maria).await, Ok(Ended::Done), "{time}");
        assert_eq!(google.revoke_tokens(maria).await, Ok(Ended::Done), "{time}");
        assert_eq!(google.delete_application_passwords(maria).await, Ok(Ended::Done), "{time}");
        assert_eq!(google.invalidate_backup_codes(maria).await, Ok(Ended::Done), "{time}");
        assert_eq!(google.tokens_of(maria).await, Ok(Some(LetIn::default())), "{time}");
        assert_eq!(google.application_passwords_of(maria).await, Ok(Some(Vec::new())), "{time}");
        let seen = stage.seen();
        assert_eq!((&seen["sessions"], &seen["tokens"], &seen["asps"]), (&json!(0), &json!([]), &json!([])));
    }
    let gone = nobody();
    assert_eq!(google.sign_out(&gone).await, Ok(Ended::Gone));
    assert_eq!(google.revoke_tokens(&gone).await, Ok(Ended::Gone));
    assert_eq!(google.delete_application_passwords(&gone).await, Ok(Ended::Gone));
    assert_eq!(google.invalidate_backup_codes(&gone).await, Ok(Ended::Gone));
}

#[tokio::test]
async fn a_program_that_cannot_be_named_is_told_after_all_others_are_locked_out() {
    let stage = Stage::start().await;
    stage.change(|user| user.tokens = ["a/b", "app.example", "c%d"].map(str::to_owned).into());
    let failure = stage.google.revoke_tokens(&stage.maria).await.unwrap_err();
    assert_eq!((failure.kind, failure.code), (FailureKind::Permanent, FailureCode::RequestRefused));
    assert_eq!(stage.seen()["tokens"], json!(["a/b", "c%d"]));
}

#[tokio::test]
async fn a_suspended_account_refuses_and_that_is_told_apart() {
    let stage = Stage::start().await;
    let Stage { google, maria, .. } = &stage;
    stage.signs_in(r#", "application_password": "Mail""#);
    let Ok(Change::Made(account)) = google.suspend(maria).await else { panic!("suspended") };
    assert_eq!((account.suspended, account.suspension_reason.as_deref()), (Some(true), Some("ADMIN")));
    assert!(matches!(google.suspend(maria).await, Ok(Change::Made(_))), "again");
    assert_eq!(google.sign_out(maria).await, Ok(Ended::Refused));
    assert_eq!(google.revoke_tokens(maria).await, Ok(Ended::Refused));
    assert_eq!(google.delete_application_passwords(maria).await, Ok(Ended::Refused));
    assert_eq!(google.invalidate_backup_codes(maria).await, Ok(Ended::Refused));
    let Ok(Change::Made(account)) = google.unsuspend(maria).await else { panic!("back") };
    assert_eq!((account.suspended, account.suspension_reason), (Some(false), None));
    stage.change(|user| {
        (user.suspended, user.suspension_reason) = (true, Some("ABUSE".to_owned()));
    });
    let failure = google.unsuspend(maria).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::AccountSuspended);
    assert_eq!(google.suspend(&nobody()).await, Ok(Change::Gone));
}

#[tokio::test]
async fn names_recovery_password_and_aliases_are_changed_and_nothing_else() {
    let stage = Stage::start().await;
    let Stage { google, maria, .. } = &stage;
    let before = stage.seen();
    google.set_names(maria, "Maria", "Berg").await.unwrap();
    google.set_recovery_address(maria, &"m@nordresale.example".parse().unwrap()).await.unwrap();
    google.set_password(maria, &"correct horse battery".to_owned().into()).await.unwrap();
    let after = stage.seen();
    assert_eq!(after["name"]["familyName"], "Berg");
    assert_eq!(after["recoveryEmail"], "m@nordresale.example");
    assert_eq!(after["changePasswordAtNextLogin"], true);
    for same in ["primaryEmail", "orgUnitPath", "externalIds", "isAdmin", "suspended", "roles", "aliases"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    let alias = |local_part: &str| Address {
        local_part: local_part.parse().unwrap(),
        domain: "reseller-se.example".parse().unwrap(),
    };
    assert_eq!(google.add_alias(maria, &alias("maria.berg")).await, Ok(AliasAddition::Made));
    assert_eq!(google.add_alias(maria, &alias("maria.berg")).await, Ok(AliasAddition::Found));
    assert_eq!(google.add_alias(maria, &alias("support")).await, Ok(AliasAddition::Taken));
    assert_eq!(google.add_alias(&nobody(), &alias("nobody")).await, Ok(AliasAddition::Gone));
    let held = google.aliases_of(maria).await.unwrap().unwrap();
    assert!(held.contains("maria.berg@reseller-se.example"), "{held:?}");
    assert_eq!(google.aliases_of(&nobody()).await, Ok(None));
}

#[tokio::test]
async fn roles_and_accounts_are_taken_away_once() {
    let stage = Stage::start().await;
    let Stage { google, maria, .. } = &stage;
    let roles = google.roles().await.unwrap();
    let role = &roles.iter().find(|role| !role.is_super_admin).unwrap().id;
    google.give(maria, role).await.unwrap();
    let held = google.assignments_of(maria).await.unwrap();
    let mine = held.iter().find(|held| held.role == *role).unwrap();
    assert!(google.assignments().await.unwrap().contains(mine), "the list of all has it by the same id");
    assert_eq!(google.take_away(&mine.id).await, Ok(Removal::Done));
    assert_eq!(google.take_away(&mine.id).await, Ok(Removal::Gone));
    assert!(google.assignments_of(maria).await.unwrap().iter().all(|held| held.role != *role));
    assert_eq!(google.delete_account(maria).await, Ok(Removal::Done));
    assert_eq!(google.delete_account(maria).await, Ok(Removal::Gone));
    assert_eq!(google.account_by_id(maria).await, Ok(None));
}
