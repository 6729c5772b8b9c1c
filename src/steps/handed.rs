//! What a letter says of first passwords: the page, the token or the file that hands them over, and which accounts have a password of
//! their owner's by now. No password is ever in a letter. Not here: making the envelope (`hand_over`).

use super::{Context, House};
use crate::mail::{
    AccountKind, Handover as LetterHandover, HandoverWay, ReadyAccount, WebUrl, WrappingToken,
};
use crate::model::enrollment::Enrollment;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::handover::{Delivery, Handover};
use jiff::Timestamp;
use secrecy::ExposeSecret;

/// The engineer's last envelope, as it is stored now: `hand_over` may have made it after this run read the sheet.
pub(super) async fn last(cx: &Context<'_>) -> Result<Option<Box<Handover>>, Failure> {
    let engineer = cx.house.store.engineer(&cx.sheet()?.engineer.key).await;
    let engineer =
        engineer.ok().flatten().ok_or_else(|| Failure::transient(FailureCode::StoreUnavailable))?;
    Ok(engineer.handover)
}

/// What only the letter shows of an envelope.
pub(super) struct Secrets {
    page: WebUrl,
    page_until: String,
    wrapped: Option<(WrappingToken, String)>,
    is_open: bool,
}

impl Secrets {
    /// Errors: the token cannot be opened, or is none.
    pub(super) fn of(cx: &Context<'_>, last: &Handover) -> Result<Self, Failure> {
        let broken = || Failure::permanent(FailureCode::SealBroken);
        let sheet = cx.sheet()?;
        let token = cx.house.sealer.envelope_token(&sheet.engineer.key, last.issue);
        let page = format!("{}/envelope/{}", cx.house.handovers.public_url, token.expose_secret());
        let zone = sheet.engineer.stated.time_zone.time_zone();
        let until = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M (%Q)").to_string();
        let wrapped = match &last.wrapped {
            None => None,
            Some(wrapped) => {
                let place = House::wrapped_place(&sheet.engineer.key, last.issue);
                let plain = cx.house.sealer.unseal(&sheet.data_key, &place, &wrapped.token);
                let plain = plain.map_err(|_| broken())?;
                let text = std::str::from_utf8(&plain).map_err(|_| broken())?;
                let unusable = Failure::needs(Who::Operator, FailureCode::VaultRefused);
                Some((WrappingToken::parse(text).map_err(|_| unusable)?, until(wrapped.expires_at)))
            }
        };
        Ok(Self {
            page: WebUrl::parse(&page).map_err(|_| broken())?,
            page_until: until(last.expires_at),
            wrapped,
            is_open: last.is_open(cx.now()),
        })
    }

    /// Which way the first passwords of which accounts go.
    pub(super) fn handovers(&self, last: &Handover, ready: &[ReadyAccount]) -> Vec<LetterHandover<'_>> {
        let ways = [Delivery::Link, Delivery::Vault, Delivery::Age, Delivery::Sso].map(|way| {
            let domains = last.domains(way);
            let is_new = |account: &&ReadyAccount| {
                account.kind == AccountKind::New && domains.contains(&account.domain)
            };
            let accounts: Vec<String> =
                ready.iter().filter(is_new).map(|account| account.address.clone()).collect();
            (!accounts.is_empty()).then(|| LetterHandover { way: self.way(way), accounts })
        });
        ways.into_iter().flatten().collect()
    }

    fn way(&self, way: Delivery) -> HandoverWay<'_> {
        match way {
            // A page that opens no more helps nobody.
            Delivery::Link if !self.is_open => HandoverWay::Administrator,
            Delivery::Link => HandoverWay::Link { page: &self.page, expires_at: &self.page_until },
            Delivery::Vault => match &self.wrapped {
                Some((token, expires_at)) => HandoverWay::Vault { token, expires_at },
                None => HandoverWay::Administrator,
            },
            Delivery::Age => HandoverWay::Age,
            Delivery::Sso => HandoverWay::SingleSignOn,
        }
    }
}

/// An account whose first password was handed over before has one of its owner's by now.
pub(super) fn as_handed(last: Option<&Handover>, row: &Enrollment, account: ReadyAccount) -> ReadyAccount {
    let way = last.and_then(|last| last.ways.get(&account.domain));
    let was_opened = way == Some(&Delivery::Link) && last.is_some_and(|last| last.opened_at.is_some());
    let is_older = way.is_none() && row.credential.is_none();
    match account.kind {
        AccountKind::New if was_opened || is_older => ReadyAccount { kind: AccountKind::Restored, ..account },
        AccountKind::New | AccountKind::Restored | AccountKind::Home => account,
    }
}
