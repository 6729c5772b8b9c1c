//! What must hold, told once more and independently: a fold over what arrives, in the order in which it arrives, written from
//! `docs/EVENTS.md` and the decisions 150 to 154 alone. It knows no rows, no steps and no Google.
//! Not here: how carepass gets there (`world`).

use super::history::{Act, BEGINNING, Item, Kind, NEW, NOBODYS, Said};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The work for a new engineer begins so long before the start.
pub const LEAD_TIME: SignedDuration = SignedDuration::from_hours(3 * 24);

/// The same, where everything is a day or two away.
pub const SHORT_LEAD_TIME: SignedDuration = SignedDuration::from_hours(6);

/// What is to be so from a moment on.
#[derive(Clone, Debug)]
struct Word {
    /// HR's number of it.
    revision: u64,
    from: Timestamp,
    /// When it would be so if no other spell were in its way.
    own: Timestamp,
    starts: Option<Timestamp>,
    opens: Option<Timestamp>,
    employment: usize,
    /// Where there is to be access; nowhere, once it has ended.
    scope: Option<BTreeSet<usize>>,
    is_end: bool,
}

#[derive(Clone, Debug)]
struct Engineer {
    revision: u64,
    content: Said,
    in_force: Word,
    to_come: Vec<Word>,
    /// Somebody is asked whether the ended employment is to go on.
    is_asked_about: bool,
    /// Domains in which there may be an account.
    ever: BTreeSet<usize>,
    /// Spells of employment that are over.
    past: BTreeSet<usize>,
}

/// Everything that was heard.
pub struct Model {
    now: Timestamp,
    domains: BTreeSet<usize>,
    engineers: BTreeMap<usize, Engineer>,
    ids: BTreeMap<usize, Said>,
    lead_time: SignedDuration,
}

/// How an engineer stands in a domain when everything is at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// An active account with the role.
    Open,
    /// If there is an account, it is suspended and has no role.
    LockedOut,
    /// There never was one.
    Nothing,
}

impl Model {
    pub fn new(lead_time: SignedDuration) -> Self {
        Self {
            now: BEGINNING.parse().expect("a time"),
            domains: (0..NEW).collect(),
            engineers: BTreeMap::new(),
            ids: BTreeMap::new(),
            lead_time,
        }
    }

    /// Something happens; for an event, why it is a dead letter, if it is one.
    pub fn hear(&mut self, item: &Item, now: Timestamp) -> Option<&'static str> {
        self.pass_time(now);
        match &item.act {
            Act::Event(id, said) => return self.event(*id, said).err(),
            Act::Approve(engineer) => {
                if let Some(engineer) = self.engineers.get_mut(engineer) {
                    // Who is to come back only later is not asked about before.
                    engineer.is_asked_about &= engineer.in_force.is_end;
                }
            }
            Act::NewDomain => {
                self.domains.insert(NEW);
            }
            // Whoever orders it has the work begin at once, whatever the start.
            Act::Retry => {
                for engineer in self.engineers.values_mut() {
                    engineer.ever.extend(engineer.wants(&self.domains));
                }
            }
            Act::Crash => (),
        }
        None
    }

    /// How everybody stands once nothing is to come any more.
    pub fn at_rest(&mut self) -> BTreeMap<(usize, usize), Stands> {
        self.pass_time(Timestamp::MAX);
        let mut all = BTreeMap::new();
        for (number, engineer) in &self.engineers {
            for domain in 0..NOBODYS {
                let wanted = engineer.wants(&self.domains).contains(&domain);
                let stands = match (wanted, engineer.ever.contains(&domain)) {
                    (true, _) => Stands::Open,
                    (false, true) => Stands::LockedOut,
                    (false, false) => Stands::Nothing,
                };
                all.insert((*number, domain), stands);
            }
        }
        all
    }

    /// Moments come; where access is wanted and may be given there may be an account.
    fn pass_time(&mut self, now: Timestamp) {
        for engineer in self.engineers.values_mut() {
            engineer.note(&self.domains, now);
            while engineer.to_come.first().is_some_and(|word| word.from <= now) {
                engineer.turn_one();
                engineer.note(&self.domains, now);
            }
        }
        self.now = now;
    }

    fn event(&mut self, id: usize, said: &Said) -> Result<(), &'static str> {
        // What an event says of itself is looked at before anything else.
        let is_full = matches!(said.kind, Kind::Joined | Kind::Moved);
        let ends = said.last_day.map(|day| said.beginning_of(day.tomorrow().expect("a day of this century")));
        if is_full && said.effective.zip(ends).is_some_and(|(begins, ends)| begins >= ends) {
            return Err("dates_reversed");
        }
        if let Some(before) = self.ids.get(&id) {
            return if before == said { Ok(()) } else { Err("id_conflict") };
        }
        let known = self.engineers.get(&said.engineer);
        if let Some(known) = known {
            if said.revision == known.revision && *said != known.content {
                return Err("revision_conflict");
            }
            if is_full && said.revision < known.revision && known.is_news(said.employment) {
                return Err("overtaken");
            }
            if said.revision <= known.revision && !known.is_overtaken(said) {
                self.ids.insert(id, said.clone());
                return Ok(());
            }
        }
        let after = match (said.kind, known.cloned()) {
            (Kind::Joined | Kind::Moved, known) => Some(self.full(said, known)?),
            (Kind::Left | Kind::Cancelled, known) => Some(self.end(said, known)?),
            (Kind::Erased, known) => Self::erase(said, known)?,
        };
        self.ids.insert(id, said.clone());
        if let Some(mut after) = after {
            after.note(&self.domains, self.now);
            self.engineers.insert(said.engineer, after);
        }
        Ok(())
    }

    fn full(&self, said: &Said, known: Option<Engineer>) -> Result<Engineer, &'static str> {
        let is_stranger = |domain: &usize| !self.domains.contains(domain);
        if said.scope.iter().flatten().any(is_stranger) {
            return Err("domain_not_configured");
        }
        let (moved, first_day) = (said.kind == Kind::Moved, said.start.map(|day| said.beginning_of(day)));
        let starts = if moved { first_day } else { said.effective.or(first_day) };
        let from = if moved { said.effective.unwrap_or(self.now).max(self.now) } else { self.now };
        let opens = starts.map(|starts| starts - self.lead_time);
        let mut word = Word {
            revision: said.revision,
            from,
            own: from,
            starts,
            opens,
            employment: said.employment,
            scope: said.scope.clone(),
            is_end: false,
        };
        let end = said.last_day.map(|day| {
            let from = said.beginning_of(day.tomorrow().expect("a day of this century")).max(self.now);
            Word { from, own: from, is_end: true, ..word.clone() }
        });
        let Some(known) = known else {
            return Ok(Engineer::heard(said, vec![word].into_iter().chain(end), self.now, self.lead_time));
        };
        let is_over = known.past.contains(&said.employment) && !known.speaks_of(said.employment);
        if is_over && !known.in_force.is_end {
            return Err("employment_over");
        }
        // A start that was named before stays until another is named.
        if word.starts.is_none() {
            word.starts = known.starts_of(said.employment);
            word.opens = word.starts.map(|starts| starts - self.lead_time);
        }
        let is_mine = |kept: &Word| kept.employment == said.employment;
        let goes_on = is_mine(&known.in_force) && !known.in_force.is_end;
        let mut mine = Vec::new();
        if !goes_on {
            // What begins anew waits for its own beginning.
            let said_from = word.from;
            word.from = word.from.max(word.opens.unwrap_or(word.from));
            word.own = word.from;
            // A change within a spell that is to come leaves its beginning where it is.
            if !is_mine(&known.in_force) && word.opens.is_some_and(|opens| opens < said_from) {
                let earlier = known.to_come.iter().filter(|kept| is_mine(kept) && !kept.is_end);
                mine.extend(earlier.filter(|kept| kept.from < word.from).cloned());
            }
        }
        let back = known.in_force.is_end && (is_mine(&known.in_force) || is_over);
        let mut after = Engineer { revision: said.revision, content: said.clone(), ..known };
        after.is_asked_about |= back;
        let end = end.map(|end| Word { starts: word.starts, opens: word.opens, ..end });
        after.put(mine.into_iter().chain([word]).chain(end).collect(), self.now);
        Ok(after)
    }

    fn end(&self, said: &Said, known: Option<Engineer>) -> Result<Engineer, &'static str> {
        let from = match said.kind {
            Kind::Left if !said.immediate => {
                let last = said.last_day.map(|day| said.beginning_of(day.tomorrow().expect("a day")));
                said.effective.or(last).unwrap_or(self.now).max(self.now)
            }
            Kind::Joined | Kind::Moved | Kind::Left | Kind::Cancelled | Kind::Erased => self.now,
        };
        let (revision, employment) = (said.revision, said.employment);
        let (own, is_end) = (from, true);
        let word = Word { revision, from, own, starts: None, opens: None, employment, scope: None, is_end };
        let Some(known) = known else {
            let now = self.now;
            return Ok(Engineer::heard(said, [Word { from: now, own: now, ..word }], now, self.lead_time));
        };
        // Where there is no access, a spell that nobody has heard of is fenced.
        let is_fenced = known.in_force.is_end && known.is_news(employment);
        if !(known.speaks_of(employment) || is_fenced) {
            return Err("employment_mismatch");
        }
        let is_known = |word: &Word| word.employment == said.employment;
        let mut after = known;
        if said.revision > after.revision {
            (after.revision, after.content) = (said.revision, said.clone());
        }
        let is_before = |before: &&Word| is_known(before) && !before.is_end && before.from < from;
        let earlier: Vec<Word> = after.to_come.iter().filter(is_before).cloned().collect();
        let starts = after.starts_of(said.employment);
        let word = Word { starts, opens: starts.map(|starts| starts - self.lead_time), ..word };
        if is_known(&after.in_force) || said.kind == Kind::Left && !earlier.is_empty() {
            after.put(earlier.into_iter().chain([word]).collect(), self.now);
        } else {
            // One that was to come is called off; what was to be before it stays.
            after.to_come.retain(|before| before.employment != said.employment);
            after.turn(self.now);
        }
        Ok(after)
    }

    fn erase(said: &Said, known: Option<Engineer>) -> Result<Option<Engineer>, &'static str> {
        let Some(known) = known else { return Ok(None) };
        if !known.in_force.is_end || !known.to_come.is_empty() {
            return Err("erase_while_present");
        }
        Ok(Some(Engineer { revision: said.revision, content: said.clone(), ..known }))
    }
}

impl Engineer {
    fn heard(
        said: &Said,
        words: impl IntoIterator<Item = Word>,
        now: Timestamp,
        lead_time: SignedDuration,
    ) -> Self {
        let mut words: Vec<Word> = words.into_iter().collect();
        // Of whom nothing was heard before, a change that is to come is a start.
        let mut in_force = words.remove(0);
        if in_force.from > now {
            in_force.starts = in_force.starts.max(Some(in_force.from));
            in_force.opens = in_force.starts.map(|starts| starts - lead_time);
        }
        let mut engineer = Self {
            revision: said.revision,
            content: said.clone(),
            in_force,
            to_come: words,
            is_asked_about: false,
            ever: BTreeSet::new(),
            past: BTreeSet::new(),
        };
        engineer.turn(now);
        engineer
    }

    /// When a spell begins: the one in force has begun.
    fn begins(&self, employment: usize) -> Timestamp {
        let announced = self.to_come.iter().find(|word| word.employment == employment && !word.is_end);
        let announced = announced.filter(|_| self.in_force.employment != employment);
        announced.map_or(Timestamp::MIN, |word| word.from)
    }

    fn starts_of(&self, employment: usize) -> Option<Timestamp> {
        let mut words = [&self.in_force].into_iter().chain(&self.to_come);
        words.find(|word| word.employment == employment && word.starts.is_some())?.starts
    }

    fn speaks_of(&self, employment: usize) -> bool {
        [&self.in_force].into_iter().chain(&self.to_come).any(|word| word.employment == employment)
    }

    /// Nobody has heard of this spell.
    fn is_news(&self, employment: usize) -> bool {
        !self.speaks_of(employment) && !self.past.contains(&employment)
    }

    /// These words take the place of what was to come of their spell. Spells follow one another: each begins after the end of the one before
    /// it, or, where that has none, on its first day.
    fn put(&mut self, mine: Vec<Word>, now: Timestamp) {
        let employment = mine[0].employment;
        let first = mine.iter().find(|word| !word.is_end).map_or(Timestamp::MIN, |word| word.from);
        let begins = if self.in_force.employment == employment { Timestamp::MIN } else { first };
        let mut others = self.to_come.clone();
        others.retain(|other| other.employment != employment);
        let is_earlier = |other: &Word| self.begins(other.employment) <= begins;
        let (mut earlier, later): (Vec<Word>, Vec<Word>) = others.into_iter().partition(is_earlier);
        earlier.retain(|other| other.is_end || other.from <= begins);
        self.to_come = [earlier, mine, later].concat();
        let mut before = (self.in_force.employment, self.in_force.is_end, Timestamp::MIN);
        for word in &mut self.to_come {
            word.from = word.own.max(before.2);
            if word.employment != before.0 && !before.1 {
                word.from = word.from.max(word.starts.unwrap_or(word.from));
            }
            before = (word.employment, word.is_end, word.from);
        }
        self.turn(now);
    }

    fn turn(&mut self, now: Timestamp) {
        while self.to_come.first().is_some_and(|word| word.from <= now) {
            self.turn_one();
        }
    }

    /// What was to come is in force. Another spell of employment ends the question about the one before.
    fn turn_one(&mut self) {
        let next = self.to_come.remove(0);
        let is_back = self.past.contains(&next.employment);
        self.is_asked_about &= next.is_end || next.employment == self.in_force.employment || is_back;
        if next.employment != self.in_force.employment {
            self.past.insert(self.in_force.employment);
        }
        self.in_force = next;
    }

    /// Whether an end that comes late is the newest word about what is in force.
    fn is_overtaken(&self, said: &Said) -> bool {
        let words = [&self.in_force].into_iter().chain(&self.to_come);
        let last = words.filter(|word| word.employment == said.employment).map(|word| word.revision).max();
        matches!(said.kind, Kind::Left | Kind::Cancelled)
            && said.revision < self.revision
            && !self.in_force.is_end
            && self.in_force.employment == said.employment
            && Some(said.revision) > last
    }

    fn wants(&self, domains: &BTreeSet<usize>) -> BTreeSet<usize> {
        if self.in_force.is_end || self.is_asked_about {
            return BTreeSet::new();
        }
        self.in_force.scope.as_ref().map_or_else(|| domains.clone(), |scope| scope & domains)
    }

    fn note(&mut self, domains: &BTreeSet<usize>, now: Timestamp) {
        let ends = self.to_come.first().map_or(now, |next| next.from.min(now));
        if self.in_force.opens.is_none_or(|opens| opens <= ends) {
            self.ever.extend(self.wants(domains));
        }
    }
}
