//! What happens to the engineers of one run: events as HR sends them, in the order in which they arrive, with what an operator does and
//! what dies between them. Everything is the seed's choice. Not here: what it means (`model`), and what becomes of it (`world`).

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// When every history begins.
pub const BEGINNING: &str = "2026-11-20T08:00:00Z";

/// Every domain, also the one that appears half-way; the last one is nobody's.
pub const DOMAINS: [&str; 5] =
    ["reseller-se.example", "care-se.example", "reseller-dk.example", "new-dk.example", "nobody.example"];

/// The domain that appears, and the one that never does.
pub const NEW: usize = 3;
pub const NOBODYS: usize = 4;

/// Zones, and the hours that they are ahead of UTC in the winter in which everything happens.
const ZONES: [(&str, i64); 4] =
    [("Europe/Stockholm", 1), ("Asia/Tokyo", 9), ("America/Sao_Paulo", -3), ("UTC", 0)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Joined,
    Moved,
    Left,
    Cancelled,
    Erased,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    pub kind: Kind,
    pub engineer: usize,
    pub revision: u64,
    pub employment: usize,
    pub start: Option<Date>,
    pub last_day: Option<Date>,
    pub effective: Option<Timestamp>,
    pub immediate: bool,
    pub zone: usize,
    /// `None` is every domain.
    pub scope: Option<BTreeSet<usize>>,
    pub name: usize,
}

#[derive(Clone, Debug)]
pub enum Act {
    /// An event arrives, under this id.
    Event(usize, Said),
    /// An operator lets somebody begin.
    Approve(usize),
    /// An operator retries whatever waits.
    Retry,
    /// The process dies.
    Crash,
    /// A domain appears.
    NewDomain,
}

/// Something that happens, and how long after what happened before.
#[derive(Clone, Debug)]
pub struct Item {
    pub after: SignedDuration,
    pub act: Act,
}

impl Pace {
    /// By how much the long times are shortened.
    fn slower(self) -> i32 {
        match self {
            Self::Weeks => 1,
            Self::Days => 12,
        }
    }
}

impl Said {
    /// The moment at which a day begins where it is meant.
    pub fn beginning_of(&self, day: Date) -> Timestamp {
        let at = day.to_zoned(jiff::tz::TimeZone::UTC).expect("a day of this century").timestamp();
        at - SignedDuration::from_hours(ZONES[self.zone].1)
    }

    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Joined | Kind::Moved)
    }

    /// The event, as it is sent.
    pub fn body(&self, id: usize) -> String {
        let word = format!("{:?}", self.kind).to_lowercase();
        let key = key(self.engineer);
        let mut employment =
            json!({ "id": format!("{key}/{}", self.employment), "timeZone": ZONES[self.zone].0 });
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                employment[name] = value;
            }
        };
        put("startDate", self.start.map(|day| json!(day.to_string())));
        put("lastDay", self.last_day.map(|day| json!(day.to_string())));
        put("effectiveAt", self.effective.map(|at| json!(at.to_string())));
        put("urgency", self.immediate.then(|| json!("immediate")));
        let mut data =
            json!({ "revision": self.revision, "engineer": { "key": key }, "employment": employment });
        if self.is_full() {
            let given = ["Anna", "Åsa", "Jürgen"][self.name];
            data["engineer"]["name"] = json!({ "given": given, "family": "Berg", "language": "sv" });
            data["engineer"]["contactEmail"] = json!("engineer@nordresale.example");
            let named = |domains: &BTreeSet<usize>| domains.iter().map(|one| DOMAINS[*one]).collect();
            let named: Option<Vec<&str>> = self.scope.as_ref().map(named);
            data["scope"] = json!({ "domains": named.map_or(json!("all"), |named| json!(named)) });
        }
        let schema = if self.is_full() { "engineer-full" } else { "engineer" };
        json!({
            "specversion": "1.0",
            "id": format!("event-{id}"),
            "source": "https://hr.nordresale.example/test",
            "type": format!("com.carepass.engineer.{word}.v1"),
            "subject": format!("engineer/{key}"),
            "dataschema": format!("https://schemas.carepass.example/{schema}/1.0.json"),
            "data": data,
        })
        .to_string()
    }
}

/// HR's key of an engineer.
pub fn key(engineer: usize) -> String {
    format!("E-{engineer}")
}

/// What HR does, before the way to carepass mixes it up.
struct Hr<'a> {
    pace: Pace,
    chance: &'a mut fastrand::Rng,
    now: Timestamp,
    revisions: Vec<u64>,
    employments: Vec<usize>,
    sent: Vec<(usize, Said)>,
    ids: usize,
}

/// How far apart things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Days lie between them, and dates are weeks ahead.
    Weeks,
    /// Hours lie between them, and dates are a day or two ahead: an engine that looks every half a minute lives it in a second.
    Days,
}

/// A history.
pub fn write(seed: u64, pace: Pace) -> Vec<Item> {
    let chance = &mut fastrand::Rng::with_seed(seed ^ 0x5eed);
    let engineers = chance.usize(1..=4);
    let count = chance.usize(4..=9) * engineers;
    let mut items = Vec::new();
    let now = BEGINNING.parse().expect("a time");
    let mut hr = Hr {
        pace,
        chance,
        now,
        revisions: vec![0; engineers],
        employments: vec![1; engineers],
        sent: Vec::new(),
        ids: 0,
    };
    for _ in 0..count {
        let after = hr.pause();
        hr.now += after;
        let act = hr.act();
        items.push(Item { after, act });
    }
    hr.mix_up(&mut items);
    items
}

impl Hr<'_> {
    /// Most things come in haste, some days later.
    fn pause(&mut self) -> SignedDuration {
        match self.chance.u8(..10) {
            0..=3 => SignedDuration::from_secs(self.chance.i64(0..30)),
            4..=6 => SignedDuration::from_secs(self.chance.i64(0..900)),
            7 => SignedDuration::from_hours(self.chance.i64(0..20)) / self.pace.slower(),
            _ => SignedDuration::from_hours(self.chance.i64(0..240)) / self.pace.slower(),
        }
    }

    fn act(&mut self) -> Act {
        match self.chance.u8(..100) {
            0..=3 => Act::Crash,
            4..=6 => Act::Retry,
            7..=12 => Act::Approve(self.chance.usize(..self.revisions.len())),
            13 => Act::NewDomain,
            14..=21 => self.said_again(),
            _ => {
                let said = self.say();
                self.ids += 1;
                self.sent.push((self.ids, said.clone()));
                Act::Event(self.ids, said)
            }
        }
    }

    /// The same once more, under the same id or another; or something else under an id or a revision that is taken.
    fn said_again(&mut self) -> Act {
        let Some((id, said)) = self.chance.choice(&self.sent).cloned() else { return Act::Crash };
        self.ids += 1;
        let changed = |hr: &mut Self| Said {
            last_day: None,
            name: if said.is_full() { (said.name + 1) % 3 } else { 0 },
            zone: hr.chance.usize(..4),
            ..said.clone()
        };
        match self.chance.u8(..4) {
            0 => Act::Event(id, said),
            1 => Act::Event(self.ids, said),
            2 => Act::Event(id, changed(self)),
            _ => Act::Event(self.ids, changed(self)),
        }
    }

    fn say(&mut self) -> Said {
        let engineer = self.chance.usize(..self.revisions.len());
        self.revisions[engineer] += if self.chance.u8(..8) == 0 { 2 } else { 1 };
        let is_new = self.revisions[engineer] <= 2;
        let kind = match self.chance.u8(..20) {
            _ if is_new && self.chance.u8(..5) > 0 => Kind::Joined,
            0..=4 => Kind::Joined,
            5..=10 => Kind::Moved,
            11..=15 => Kind::Left,
            16 | 17 => Kind::Cancelled,
            _ => Kind::Erased,
        };
        // Back with another spell of employment, or, now and then, with an old one.
        if kind == Kind::Joined && !is_new && self.chance.u8(..3) > 0 {
            self.employments[engineer] += 1;
        }
        let back = usize::from(self.chance.u8(..12) == 0);
        let said = Said {
            kind,
            engineer,
            revision: self.revisions[engineer],
            employment: (self.employments[engineer] - back).max(1),
            start: None,
            last_day: None,
            effective: None,
            immediate: kind == Kind::Left && self.chance.u8(..3) == 0,
            zone: self.chance.usize(..ZONES.len()),
            scope: if kind == Kind::Joined || kind == Kind::Moved { self.scope() } else { None },
            // Only a full state says a name.
            name: if kind == Kind::Joined || kind == Kind::Moved { self.chance.usize(..3) } else { 0 },
        };
        self.with_dates(said)
    }

    fn scope(&mut self) -> Option<BTreeSet<usize>> {
        if self.chance.bool() {
            return None;
        }
        let mut domains: BTreeSet<usize> = (0..NEW).filter(|_| self.chance.bool()).collect();
        if domains.is_empty() || self.chance.u8(..25) == 0 {
            domains.insert(self.chance.usize(..DOMAINS.len()));
        }
        Some(domains)
    }

    fn with_dates(&mut self, said: Said) -> Said {
        let day = |hr: &mut Self, days: std::ops::Range<i32>| {
            let today = hr.now.to_zoned(jiff::tz::TimeZone::UTC).date();
            let days = hr.chance.i32(days).div_euclid(hr.pace.slower());
            today.checked_add(days.days()).expect("a day of this century")
        };
        let some = |hr: &mut Self, of: u8| hr.chance.u8(..of) == 0;
        let start = (said.is_full() && !some(self, 3)).then(|| day(self, -3..12));
        let ends = if said.kind == Kind::Left { some(self, 2) } else { said.is_full() && some(self, 6) };
        let last_day = ends.then(|| day(self, -2..15));
        let last_day = last_day.filter(|last| start.is_none_or(|start| start <= *last));
        let moment = some(self, 4).then(|| {
            self.now + SignedDuration::from_mins(self.chance.i64(-3_000..12_000)) / self.pace.slower()
        });
        Said { start, last_day, effective: moment, ..said }
    }

    /// On the way to carepass some events overtake others, and some come twice.
    fn mix_up(&mut self, items: &mut Vec<Item>) {
        for _ in 0..items.len() / 4 {
            let place = self.chance.usize(..items.len());
            let other = (place + self.chance.usize(1..4)).min(items.len() - 1);
            let (first, second) = (items[place].act.clone(), items[other].act.clone());
            (items[place].act, items[other].act) = (second, first);
        }
        if self.chance.bool() {
            let place = self.chance.usize(..items.len());
            let act = items[place].act.clone();
            items.push(Item {
                after: SignedDuration::from_hours(self.chance.i64(0..400)) / self.pace.slower(),
                act,
            });
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9}s later: ", self.after.as_secs())?;
        let Act::Event(id, said) = &self.act else { return write!(f, "{:?}", self.act) };
        write!(
            f,
            "event {id}: {:?} {} r{} employment {}",
            said.kind,
            key(said.engineer),
            said.revision,
            said.employment
        )?;
        for (word, day) in [("starts", said.start), ("last day", said.last_day)] {
            if let Some(day) = day {
                write!(f, ", {word} {day} {}", ZONES[said.zone].0)?;
            }
        }
        if let Some(at) = said.effective {
            write!(f, ", effective {at}")?;
        }
        if said.immediate {
            write!(f, ", immediate")?;
        }
        match &said.scope {
            Some(scope) => write!(f, ", in {scope:?}"),
            None => Ok(()),
        }
    }
}
