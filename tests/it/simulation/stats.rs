//! What the runs met, so that a run without faults proves nothing unnoticed. Not here: what of it is enough (`super`).

/// What the runs met.
#[derive(Default, Debug)]
pub struct Stats {
    pub events: u64,
    pub runs: u64,
    pub conflicts: u64,
    pub crashes: u64,
    pub lost_answers: u64,
    pub late_reports: u64,
    pub late_effects: u64,
    pub waits: u64,
    pub name_races: u64,
    pub stale_reads: u64,
}

impl Stats {
    pub fn add(&mut self, more: &Self) {
        let Self {
            events,
            runs,
            conflicts,
            crashes,
            lost_answers,
            late_reports,
            late_effects,
            waits,
            name_races,
            stale_reads,
        } = more;
        self.events += events;
        self.runs += runs;
        self.conflicts += conflicts;
        self.crashes += crashes;
        self.lost_answers += lost_answers;
        self.late_reports += late_reports;
        self.late_effects += late_effects;
        self.waits += waits;
        self.name_races += name_races;
        self.stale_reads += stale_reads;
    }
}
