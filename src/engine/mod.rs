//! Floor 3: two loops around two pure functions. `reconcile` opens the rows that are missing, `drive` moves those that are due; both
//! look at what is and never at a message. Not here: how a row moves (`model/transition`), what a step does (`steps`), and the doors.

mod board;
mod calendar;
mod call_off;
mod choose;
mod closed;
mod counts;
mod dated;
mod digest;
mod drift;
mod drive;
mod duties;
mod envelope;
mod first_looks;
mod follow;
pub mod forecast;
mod forget;
mod freeze;
mod granting;
mod intake;
mod lesson;
mod lockout;
mod observe;
mod on_their_way;
mod orders;
mod outcomes;
mod pace;
mod park;
mod pulse;
mod reconcile;
mod reminders;
mod removed;
mod run;
mod standing;
mod start;
mod tenure;
mod traced;
mod trust;
mod walls;
mod watch;

pub use board::{Held, Waiting};
pub use drift::DriftSettings;
pub use duties::DutyRoll;
pub use envelope::{Envelope, EnvelopeStanding};
pub use intake::{Admitted, IntakeError};
pub use observe::describe as describe_metrics;
pub use orders::{EngineerOrder, NotReissued, OrderError, Refused, Reissued, RowOrder};
pub use outcomes::{OutcomeEvent, OutcomeSink, SinkError};
pub use park::ReplayError;
pub use standing::Standing;

use crate::model::duty::{Duty, ReplicaId};
use crate::model::enrollment::{Enrollment, Lane};
use crate::model::event::Profile;
use crate::model::failure::FailureCode;
use crate::model::grants::{GrantLimits, Grants};
use crate::model::id::{MailAddress, ResellerName};
use crate::model::roster::Roster;
use crate::model::rules::Rules;
use crate::model::sequence::Sequences;
use crate::model::signature::SourceKey;
use crate::model::wall::Walls;
use crate::steps::House;
use crate::trace::Tracer;
use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The numbers and names the engine works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The numbers of the machine.
    pub rules: Rules,
    /// The limit on grants.
    pub grants: GrantLimits,
    /// The limit on grants by the word of each source alone.
    pub source_grants: GrantLimits,
    /// Whether an engineer whose event names no approval waits for one.
    pub approval_required: bool,
    /// How long before an engineer's start the work begins.
    pub lead_time: SignedDuration,
    /// What engineers may do here.
    pub profiles: BTreeSet<Profile>,
    /// Rows at work at once in each lane.
    pub permits: usize,
    /// Rows at work at once in all lanes but those of leavers; bounds memory, and what a crash repeats.
    pub permits_in_all: usize,
    /// Sources that events are taken from; empty means any.
    pub allowed_sources: BTreeSet<String>,
    /// The keys of sources that must sign their events.
    pub source_keys: Vec<SourceKey>,
    /// How often every engineer is looked at for missing rows, besides at each change; less often where there are many thousands (`pace`).
    pub sweep: Duration,
    /// How often a finished reseller account is looked at again, for new domains and for what has broken.
    pub recheck: SignedDuration,
    /// The CloudEvents `source` of outcomes.
    pub outcome_source: String,
    /// How long refused messages stay parked.
    pub keep_refused: SignedDuration,
    /// Letters that no row sends.
    pub letters: LetterSettings,
    /// What is done about what others change at Google, and how often it is looked for.
    pub drift: DriftSettings,
    /// This run among the replicas of a store that is shared.
    pub replica: ReplicaId,
    /// How long a replica's leases hold without being renewed.
    pub lease: Duration,
    /// Where spans go.
    pub tracer: Tracer,
}

/// As it is shipped, but for the limits on grants, which nobody meets, and for drift, which nobody looks for.
impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            grants: GrantLimits { per_hour: 1_000, per_day: 1_000 },
            source_grants: GrantLimits::NONE,
            approval_required: false,
            lead_time: SignedDuration::from_hours(14 * 24),
            profiles: BTreeSet::from([Profile::SupportCases]),
            permits: 16,
            permits_in_all: 200,
            allowed_sources: BTreeSet::new(),
            source_keys: Vec::new(),
            sweep: Duration::from_mins(5),
            recheck: SignedDuration::from_hours(1),
            outcome_source: "urn:carepass".to_owned(),
            keep_refused: SignedDuration::from_hours(90 * 24),
            letters: LetterSettings::default(),
            drift: DriftSettings::default(),
            replica: ReplicaId::new("replica", 0).expect("a name of letters"),
            lease: Duration::from_secs(10),
            tracer: Tracer::default(),
        }
    }
}

/// To nobody, at eight o'clock in UTC.
impl Default for LetterSettings {
    fn default() -> Self {
        Self {
            operators: Vec::new(),
            digest_at: jiff::civil::time(8, 0, 0, 0),
            time_zone: TimeZone::UTC,
            remind_before: SignedDuration::from_hours(3 * 24),
        }
    }
}

/// When letters go out that no row sends, and to whom.
#[derive(Clone, Debug)]
pub struct LetterSettings {
    /// Who gets the digest.
    pub operators: Vec<MailAddress>,
    /// When it is written, by the clock of `time_zone`.
    pub digest_at: Time,
    /// The clock of the digest.
    pub time_zone: TimeZone,
    /// How long before a first day at risk somebody is told.
    pub remind_before: SignedDuration,
}

/// The two loops and what they share.
pub struct Engine {
    house: House,
    settings: Settings,
    lanes: BTreeMap<Lane, LaneState>,
    /// What this replica does, and until when.
    duties: Arc<duties::Duties>,
    /// Its own commits, as far as it has not read them.
    own: follow::Own,
    freezer: freeze::Freezer,
    /// What waits for a person.
    board: board::Board,
    /// How far everybody is.
    standing: standing::Shelf,
    /// Workers of all lanes together.
    in_flight: Arc<Semaphore>,
    known: Mutex<Known>,
    grants: Mutex<Grants>,
    /// New rows that have not settled.
    on_their_way: Mutex<on_their_way::OnTheirWay>,
    /// What the sources count themselves.
    sequences: Mutex<Sequences>,
    /// What HR has said for soon.
    agenda: Mutex<calendar::Agenda>,
    agenda_moved: Notify,
    /// Moments were left out of the agenda, for want of room.
    agenda_overflowed: AtomicBool,
    /// Requests for envelopes.
    pace: Mutex<envelope::Pace>,
    /// What keeps whole reseller accounts from getting new accounts.
    walls: Mutex<Walls>,
    /// There is something to do about a wall.
    walls_moved: Notify,
    /// Engineers whose rows may be incomplete. Full means: sweep them all.
    signals: mpsc::Sender<crate::model::id::EngineerKey>,
    signalled: Mutex<Option<mpsc::Receiver<crate::model::id::EngineerKey>>>,
    sweep: Notify,
    /// It is time to go round again, slowly.
    round: Notify,
    /// The store did not answer: somebody was not looked at, or what was written is there and nobody has heard of it.
    behind: Notify,
    /// The ledger has grown.
    grown: Notify,
    /// Paid licences that are still looked for.
    watches: watch::Watches,
    /// When reseller accounts are looked at for what others have changed.
    lookouts: drift::Lookouts,
    /// Messages that cannot be used.
    parking: park::Parking,
    /// Who has enrolled in 2-Step Verification.
    enrolments: reminders::Enrolments,
    /// The last entry whose outcomes are told.
    told: AtomicU64,
    stop: CancellationToken,
    /// Ends everything at its next await.
    cut: CancellationToken,
    tasks: TaskTracker,
    loops: Mutex<Loops>,
    pulse: pulse::Pulse,
}

/// The engine's loops: how many were started, and how many run.
#[derive(Default)]
struct Loops {
    started: usize,
    running: usize,
}

/// A running loop; whatever way it ends, it does not run any more then. One that was to end is not missed.
struct Running {
    engine: Arc<Engine>,
    /// When this is cancelled the loop is to end.
    closing: Option<CancellationToken>,
    is_done: bool,
}

impl Running {
    fn begin(engine: &Arc<Engine>, closing: Option<CancellationToken>) -> Self {
        let mut loops = engine.loops();
        loops.started += 1;
        loops.running += 1;
        drop(loops);
        Self { engine: Arc::clone(engine), closing, is_done: false }
    }

    /// It has done what it was for.
    fn ended_well(mut self) {
        self.is_done = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let was_to_end = self.is_done || self.closing.as_ref().is_some_and(CancellationToken::is_cancelled);
        let mut loops = self.engine.loops();
        loops.running -= 1;
        loops.started -= usize::from(was_to_end);
    }
}

/// What a lane's loop shares with those who wake it.
struct LaneState {
    notify: Notify,
    at_work: Mutex<BTreeMap<crate::model::enrollment::EnrollmentId, choose::Busy>>,
    left: Mutex<drive::Left>,
}

/// What is known of the reseller accounts, kept in step with their rows.
#[derive(Default)]
struct Known {
    /// Steps hold it while they run; whoever changes it makes another.
    roster: Arc<Roster>,
    rows: BTreeMap<ResellerName, Enrollment>,
    /// Accounts whose first look since the start has not ended: what yesterday's configuration was good for proves nothing.
    unseen: BTreeSet<ResellerName>,
    /// The same with accounts that are new, for as long as the look goes on.
    first_looks: first_looks::FirstLooks,
    /// Accounts that a row had closed, and for what, the latest time each.
    closed: BTreeMap<(ResellerName, FailureCode), closed::Closed>,
    /// Accounts whose unit one of their rows was refused, to be looked at again at the next sweep.
    doubted: BTreeSet<ResellerName>,
    /// Accounts that are not configured any more and whose leavers nobody locks out.
    removed: BTreeSet<ResellerName>,
}

/// Engineers that may wait for reconciliation one by one; beyond that all are swept.
const SIGNALS_MAX: usize = 4_096;

impl Engine {
    /// An engine that does nothing yet: [`Engine::start`] sets it going.
    pub fn new(house: House, settings: Settings, stop: CancellationToken) -> Arc<Self> {
        let (signals, signalled) = mpsc::channel(SIGNALS_MAX);
        let of = |name: &ResellerName| [Lane::Reseller(name.clone()), Lane::Leaving(name.clone())];
        let lanes = house
            .sites
            .keys()
            .flat_map(of)
            .chain([Lane::House])
            .map(|lane| (lane, LaneState::new()))
            .collect();
        let (cut, is_shared) = (CancellationToken::new(), house.store.is_shared());
        let duties = duties::Duties::new(
            settings.replica.clone(),
            settings.lease,
            is_shared,
            stop.clone(),
            cut.clone(),
        );
        if is_shared {
            for (name, site) in &house.sites {
                let (duties, duty) = (Arc::clone(&duties), Duty::Account(name.clone()));
                site.google.write_while(Arc::new(move || duties.may_write(&duty)));
            }
        }
        let mut known = Known::default();
        for name in house.sites.keys() {
            Arc::make_mut(&mut known.roster).resellers.entry(name.clone()).or_default();
        }
        let in_flight = Arc::new(Semaphore::new(settings.permits_in_all));
        Arc::new(Self {
            house,
            settings,
            lanes,
            duties,
            own: follow::Own::default(),
            freezer: freeze::Freezer::default(),
            board: board::Board::default(),
            standing: standing::Shelf::default(),
            in_flight,
            known: Mutex::new(known),
            grants: Mutex::default(),
            on_their_way: Mutex::default(),
            sequences: Mutex::default(),
            agenda: Mutex::default(),
            agenda_moved: Notify::new(),
            agenda_overflowed: AtomicBool::new(false),
            pace: Mutex::default(),
            walls: Mutex::default(),
            walls_moved: Notify::new(),
            signals,
            signalled: Mutex::new(Some(signalled)),
            sweep: Notify::new(),
            round: Notify::new(),
            behind: Notify::new(),
            grown: Notify::new(),
            watches: watch::Watches::default(),
            lookouts: drift::Lookouts::default(),
            parking: park::Parking::default(),
            enrolments: reminders::Enrolments::default(),
            told: AtomicU64::new(0),
            stop,
            cut,
            tasks: TaskTracker::new(),
            loops: Mutex::default(),
            pulse: pulse::Pulse::new(),
        })
    }

    /// The services, for the doors' reading.
    pub fn house(&self) -> &House {
        &self.house
    }

    /// What is known of the reseller accounts.
    pub fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.known().roster)
    }

    /// What is known since the start: which domains an account has stands to be looked at until its first look has ended.
    fn roster_seen(&self) -> Roster {
        let known = self.known();
        let mut roster = Roster::clone(&known.roster);
        for name in &known.unseen {
            roster.resellers.entry(name.clone()).or_default().domains = None;
        }
        roster
    }

    /// Whether work is still handed out: a loop has come round within the last minute.
    pub fn is_moving(&self) -> bool {
        self.pulse.is_felt()
    }

    /// Whether every loop that was started still runs.
    pub fn is_alive(&self) -> bool {
        let loops = self.loops();
        loops.running == loops.started
    }

    fn loops(&self) -> MutexGuard<'_, Loops> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a loop that is meant to run until the stop.
    fn run_loop(self: &Arc<Self>, body: impl Future<Output = ()> + Send + 'static) {
        let running = Running::begin(self, None);
        self.spawn(async move {
            body.await;
            drop(running);
        });
    }

    /// Everything that the engine has under way is started here, so that it can be waited for and cut off.
    fn spawn(&self, body: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.tasks.spawn(self.freezer.hold(async move {
            tokio::select! { biased; () = cut.cancelled() => (), () = body => () }
        }));
    }

    /// Runs work to its end, also when whoever asked for it stops waiting: an admission or an order that is cut in half would lose its
    /// signal and its grant. `None` when it panicked.
    pub async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.tasks
            .spawn(self.freezer.hold(work))
            .await
            .inspect_err(|error| tracing::error!(%error, "what somebody asked for has failed"))
            .ok()
    }

    /// Makes everything that the engine has under way stand still, as SIGSTOP would, or go on. For tests.
    #[cfg(debug_assertions)]
    pub fn freeze(&self, is_frozen: bool) {
        self.freezer.set(is_frozen);
    }

    /// Ends whatever is under way at its next await, as the death of the process would; the next start takes it over.
    pub fn cut_off(&self) {
        self.stop.cancel();
        self.cut.cancel();
    }

    /// Waits until everything that was started has ended; the stop token must have been cancelled.
    pub async fn stopped(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_their_way(&self) -> MutexGuard<'_, on_their_way::OnTheirWay> {
        self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn agenda(&self) -> MutexGuard<'_, calendar::Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, envelope::Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lane has new work, or work that is due sooner than before.
    fn wake(&self, lane: &Lane) {
        if let Some(state) = self.lanes.get(lane) {
            state.notify.notify_one();
        }
    }
}

impl LaneState {
    fn new() -> Self {
        Self { notify: Notify::new(), at_work: Mutex::default(), left: Mutex::default() }
    }

    fn at_work(&self) -> MutexGuard<'_, BTreeMap<crate::model::enrollment::EnrollmentId, choose::Busy>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self) -> MutexGuard<'_, drive::Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
