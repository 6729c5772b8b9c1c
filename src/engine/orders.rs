//! Operators' decisions: always with who and why, written into the ledger with the change they make. Not here: who may decide (`http`).

use super::reconcile::{PAGE, SIDE_BY_SIDE};
use super::{Engine, traced};
use crate::model::engineer::{Engineer, Hold, Release};
use crate::model::enrollment::{Enrollment, EnrollmentId, State, Target, TargetKind, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::grants::Grant;
use crate::model::handover::{Delivery, Handover};
use crate::model::id::{EngineerKey, MailAddress};
use crate::model::transition::{Input, Order, Rejected, Transition, apply};
use crate::model::word::Subject;
use crate::steps::House;
use crate::store::StoreError;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::time::Duration;

/// How often an order is tried again because the row moved meanwhile.
const RACES_MAX: usize = 5;

/// How long Google is asked whether an account is in use before an order goes on without knowing.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// What an order for new first passwords came to.
#[derive(Clone, Debug)]
pub struct Reissued {
    /// The engineer as it is then.
    pub engineer: Engineer,
    /// The engineer's domains in which no new password is set.
    pub refused: Vec<Refused>,
}

/// Where no new password is set, and why.
pub type Refused = (EnrollmentId, NotReissued);

/// Why no new first password is set in a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReissued {
    /// Somebody has signed in: the account has a password of its owner's.
    InUse,
    /// The row is not done; what it has to hand over comes by itself.
    UnderWay,
    /// There is no account whose first password carepass could hand over.
    NoFirstPassword,
}

/// A decision about one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// Try now, with all attempts again.
    Retry,
    /// Take the current step as done.
    Skip,
    /// End the row.
    Cancel,
    /// What the row asks for was done; `one_by_one` is for the route of case mail: an address map, and each engineer a task of its own.
    Confirm {
        /// What was asked; nothing else is confirmed.
        subject: Subject,
        /// An address map and no rule.
        one_by_one: bool,
    },
}

/// A decision about an engineer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineerOrder {
    /// Let an engineer begin who is held, for whatever reason.
    Approve,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such row or engineer.
    #[error("there is no such engineer or enrollment")]
    NotFound,
    /// The row is in a state in which the order makes no sense.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It has another version than the one that the decision is about.
    #[error("it has moved since it was seen")]
    Moved,
    /// The engineer is not held.
    #[error("the engineer is not held")]
    NotHeld,
    /// The reseller account is not one where engineers have accounts of their own.
    #[error("accounts are adopted at a home reseller only")]
    NotHome,
    /// In no domain a new first password can be set.
    #[error("no first password can be set anew")]
    NothingToReissue(Vec<Refused>),
    /// The row moved each time the order was about to be written.
    #[error("the row is being worked on; try again in a moment")]
    Busy,
    /// The store did not answer.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for OrderError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Busy,
            error @ (StoreError::Unavailable(_) | StoreError::Damaged(_)) => Self::Store(error),
        }
    }
}

impl Engine {
    /// Carries out a decision about a row, whatever its version, and answers with the row as it is then.
    pub async fn order_row(
        &self,
        id: &EnrollmentId,
        order: RowOrder,
        operator: &str,
        reason: &str,
    ) -> Result<Enrollment, OrderError> {
        self.order_seen_row(id, order, None, operator, reason).await
    }

    /// Carries out a decision about a row that somebody has seen in this version.
    pub async fn order_seen_row(
        &self,
        id: &EnrollmentId,
        order: RowOrder,
        seen: Option<u64>,
        operator: &str,
        reason: &str,
    ) -> Result<Enrollment, OrderError> {
        let actor = Actor::Operator { name: operator.to_owned(), reason: reason.to_owned() };
        self.carry_out(id, &order.with(operator, reason), seen, actor).await
    }

    /// Names the account of an engineer's own that a row of a home reseller is about. The address is sealed before it is stored; whether
    /// it leads to an account that may have the role is looked at in the row's next run.
    pub async fn order_adoption(
        &self,
        id: &EnrollmentId,
        account: &MailAddress,
        seen: Option<u64>,
        operator: &str,
        reason: &str,
    ) -> Result<Enrollment, OrderError> {
        let site = id.reseller().and_then(|name| self.house.sites.get(name));
        let (Some(key), Some(site)) = (id.engineer(), site) else { return Err(OrderError::NotFound) };
        if !site.reseller.home {
            return Err(OrderError::NotHome);
        }
        let data_key = self.house.store.data_key(key).await?.ok_or(OrderError::NotFound)?;
        let place = House::home_account_place(id);
        let sealed = self.house.sealer.seal(&data_key, &place, account.as_str().as_bytes());
        let account = sealed.map_err(|error| StoreError::Damaged(error.to_string()))?;
        let actor = Actor::Operator { name: operator.to_owned(), reason: reason.to_owned() };
        self.carry_out(id, &Order::Adopt { account }, seen, actor).await
    }

    async fn carry_out(
        &self,
        id: &EnrollmentId,
        order: &Order,
        seen: Option<u64>,
        actor: Actor,
    ) -> Result<Enrollment, OrderError> {
        for _ in 0..RACES_MAX {
            let row = self.house.store.enrollment(id).await?.ok_or(OrderError::NotFound)?;
            as_seen(seen, row.version)?;
            let input = Input::Ordered(order.clone());
            let moved = apply(&row, input, &self.settings.rules, self.house.clock.now())?;
            match self.commit_row(&row, &moved.after, actor.clone(), Vec::new()).await {
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
                Ok(()) => (),
            }
            self.follow(&row, &moved);
            if *order == Order::Retry {
                self.ask_at_wall(&row);
            }
            self.wake(&moved.after.lane());
            return Ok(moved.after);
        }
        Err(OrderError::Busy)
    }

    /// Sets new first passwords and hands them over once more: in one domain, or wherever there is an account that carepass hands a
    /// password over for; where that cannot be, the answer says so, and the others are not held up by it. Every link that was sent before
    /// opens nothing from now on. Whether somebody has signed in is looked at again by the step.
    pub async fn order_reissue(
        &self,
        key: &EngineerKey,
        only: Option<&EnrollmentId>,
        seen: Option<u64>,
        operator: &str,
        reason: &str,
    ) -> Result<Reissued, OrderError> {
        let actor = Actor::Operator { name: operator.to_owned(), reason: reason.to_owned() };
        for _ in 0..RACES_MAX {
            let now = self.house.clock.now();
            let engineer = self.house.store.engineer(key).await?.ok_or(OrderError::NotFound)?;
            let rows = self.house.store.enrollments_of(key).await?;
            let of_row = only.and_then(|id| rows.iter().find(|row| row.id == *id));
            as_seen(seen, of_row.map_or(engineer.version, |row| row.version))?;
            let (moves, refused) = self.reissuing(&rows, only, now).await?;
            let mut changes: Vec<Change> = moves.iter().map(|(row, moved)| replaced(row, moved)).collect();
            let mut answered = engineer.clone();
            if let Some(last) = engineer.handover.as_deref() {
                let ended =
                    Handover { lapsed_at: last.lapsed_at.or(Some(now)), wrapped: None, ..last.clone() };
                answered.version += 1;
                answered.handover = Some(Box::new(ended));
                changes.push(Change::Engineer(Box::new(answered.clone())));
            }
            match self.commit(Commit::new(now, actor.clone(), changes)).await {
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => self.grown.notify_one(),
            }
            for (row, moved) in &moves {
                self.follow(row, moved);
                self.wake(&moved.after.lane());
            }
            return Ok(Reissued { engineer: answered, refused });
        }
        Err(OrderError::Busy)
    }

    /// The rows that get a new first password, with the engineer-wide one, which tells of it; and where none can be set.
    async fn reissuing<'a>(
        &self,
        rows: &'a [Enrollment],
        only: Option<&EnrollmentId>,
        now: Timestamp,
    ) -> Result<(Vec<(&'a Enrollment, Transition)>, Vec<Refused>), OrderError> {
        let (meant, mut refused) = match only {
            Some(id) => {
                (vec![rows.iter().find(|row| row.id == *id).ok_or(OrderError::NotFound)?], Vec::new())
            }
            None => self.open_to_reissue(rows).await,
        };
        let reissue = |row: &Enrollment| {
            if row.id.domain().is_some() && !self.hands_over(row) {
                return Err(Rejected::NoFirstPassword);
            }
            apply(row, Input::Ordered(Order::Reissue), &self.settings.rules, now)
        };
        let mut moves = Vec::new();
        for row in meant {
            match reissue(row) {
                Ok(transition) => moves.push((row, transition)),
                Err(Rejected::NoFirstPassword) => {
                    refused.push((row.id.clone(), NotReissued::NoFirstPassword));
                }
                Err(other) => return Err(other.into()),
            }
        }
        if moves.is_empty() {
            return Err(OrderError::NothingToReissue(refused));
        }
        let told = |row: &&Enrollment| {
            row.id.target() == Target::Engineer && !matches!(row.state, State::Cancelled { .. })
        };
        if let Some(row) = rows.iter().find(told) {
            moves.push((row, reissue(row)?));
        }
        Ok((moves, refused))
    }

    fn hands_over(&self, row: &Enrollment) -> bool {
        let site = row.id.reseller().and_then(|name| self.house.sites.get(name));
        site.is_some_and(|site| !site.reseller.home && site.reseller.handover != Delivery::Sso)
    }

    /// Of all domains: those that are done and whose account nobody is known to have signed in to, and the others. Where Google does not
    /// answer in time the step finds out.
    async fn open_to_reissue<'a>(&self, rows: &'a [Enrollment]) -> (Vec<&'a Enrollment>, Vec<Refused>) {
        let mut looking = Vec::new();
        for row in rows {
            if row.id.kind() == TargetKind::Domain && row.goal.want == Want::Present && self.hands_over(row) {
                looking.push(self.why_not_reissued(row));
            }
        }
        let (mut meant, mut refused) = (Vec::new(), Vec::new());
        for (row, why) in join_all(looking).await {
            match why {
                Some(why) => refused.push((row.id.clone(), why)),
                None => meant.push(row),
            }
        }
        (meant, refused)
    }

    async fn why_not_reissued<'a>(&self, row: &'a Enrollment) -> (&'a Enrollment, Option<NotReissued>) {
        let why = match &row.state {
            State::Completed => self.is_in_use(row).await.then_some(NotReissued::InUse),
            State::Cancelled { .. } => Some(NotReissued::NoFirstPassword),
            State::Scheduled { .. } | State::Running { .. } | State::Waiting { .. } => {
                Some(NotReissued::UnderWay)
            }
        };
        (row, why)
    }

    /// Whether Google says now that somebody has signed in to the row's account.
    async fn is_in_use(&self, row: &Enrollment) -> bool {
        let site = row.id.reseller().and_then(|name| self.house.sites.get(name));
        let (Some(site), Some(known)) = (site, &row.facts.account) else { return false };
        let span = traced::look(&self.settings.tracer, "look at account", &site.reseller.name);
        let looked = span.run(tokio::time::timeout(LOOK_MAX, site.google.account_by_id(&known.id))).await;
        let account = looked.ok().and_then(Result::ok).flatten();
        account.is_some_and(|account| account.never_signed_in() == Some(false))
    }

    /// Carries out a decision about an engineer, whatever the version.
    pub async fn order_engineer(
        &self,
        key: &EngineerKey,
        order: EngineerOrder,
        operator: &str,
        reason: &str,
    ) -> Result<Engineer, OrderError> {
        self.order_seen_engineer(key, order, None, operator, reason).await
    }

    /// Carries out a decision about an engineer whom somebody has seen in this version.
    pub async fn order_seen_engineer(
        &self,
        key: &EngineerKey,
        order: EngineerOrder,
        seen: Option<u64>,
        operator: &str,
        reason: &str,
    ) -> Result<Engineer, OrderError> {
        let EngineerOrder::Approve = order;
        let actor = Actor::Operator { name: operator.to_owned(), reason: reason.to_owned() };
        let is_as_seen = |engineer: &Engineer| as_seen(seen, engineer.version).is_ok();
        if let Some(engineer) = self.let_in(key, &actor, is_as_seen).await? {
            return Ok(engineer);
        }
        let engineer = self.house.store.engineer(key).await?.ok_or(OrderError::NotFound)?;
        Err(if engineer.held().is_some() { OrderError::Moved } else { OrderError::NotHeld })
    }

    /// Lets everybody begin who was on the card of the limit on grants when it was shown: who is held since then or longer, and of whom
    /// HR has said nothing newer. Whoever came after that look stays held. Each is a commit of its own, so that after a failure the same
    /// order finds the others. Answers with those who were let in.
    pub async fn release_held(
        &self,
        shown_at: Timestamp,
        operator: &str,
        reason: &str,
    ) -> Result<Vec<Engineer>, OrderError> {
        let was_shown = |engineer: &Engineer| {
            let held_then = matches!(engineer.held(), Some((since, Hold::GrantLimit)) if since <= shown_at);
            held_then && engineer.stated.from <= shown_at
        };
        let actor = &Actor::Operator { name: operator.to_owned(), reason: reason.to_owned() };
        let (mut released, mut after) = (Vec::new(), None);
        loop {
            let page = self.house.store.engineers(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(released) };
            after = Some(last.key.clone());
            let shown: Vec<EngineerKey> =
                page.into_iter().filter(was_shown).map(|engineer| engineer.key).collect();
            let letting =
                stream::iter(shown).map(|key| async move { self.let_in(&key, actor, was_shown).await });
            let let_in: Vec<Option<Engineer>> = letting.buffered(SIDE_BY_SIDE).try_collect().await?;
            released.extend(let_in.into_iter().flatten());
        }
    }

    /// Lets an engineer begin who is held, and is still as is asked for; `None` if that is not so.
    async fn let_in(
        &self,
        key: &EngineerKey,
        actor: &Actor,
        is_meant: impl Fn(&Engineer) -> bool,
    ) -> Result<Option<Engineer>, OrderError> {
        let mut meant = None;
        for _ in 0..RACES_MAX {
            let engineer = self.house.store.engineer(key).await?.ok_or(OrderError::NotFound)?;
            if engineer.held().is_none() || !is_meant(&engineer) {
                return Ok(None);
            }
            // What HR has said in between is not what somebody has seen.
            let said = (engineer.stated.clone(), engineer.asked.clone());
            if *meant.get_or_insert_with(|| said.clone()) != said {
                return Err(OrderError::Busy);
            }
            let now = self.house.clock.now();
            let version = engineer.version + 1;
            let released = if engineer.is_released() {
                Engineer { version, ..self.widened(engineer).await? }
            } else {
                Engineer { version, release: Release::Granted(now), ..engineer }
            };
            let source = released.stated.cause.event.source.clone();
            let grants = self.granted([(source.clone(), now)]).into_iter();
            let grants = grants.map(|grant| Grant { room: None, ..grant }).collect();
            let change = Change::Engineer(Box::new(released.clone()));
            match self.commit(Commit { grants, ..Commit::of(now, actor.clone(), change) }).await {
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => (),
            }
            self.grown.notify_one();
            self.grants().note(&source, now);
            self.signal(key);
            return Ok(Some(released));
        }
        Err(OrderError::Busy)
    }
}

/// Whether this is the version that somebody has seen, if only that one is meant.
fn as_seen(seen: Option<u64>, version: u64) -> Result<(), OrderError> {
    if seen.is_none_or(|seen| seen == version) { Ok(()) } else { Err(OrderError::Moved) }
}

fn replaced(row: &Enrollment, moved: &Transition) -> Change {
    Change::Enrollment { from: Some(row.version), row: Box::new(moved.after.clone()) }
}

impl RowOrder {
    fn with(self, operator: &str, reason: &str) -> Order {
        match self {
            Self::Retry => Order::Retry,
            Self::Skip => Order::Skip,
            Self::Cancel => Order::Cancel { reason: reason.to_owned() },
            Self::Confirm { subject, one_by_one } => {
                Order::Confirm { subject, by: operator.to_owned(), reason: reason.to_owned(), one_by_one }
            }
        }
    }
}
