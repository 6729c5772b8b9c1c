//! Several daemons on one database, each at a door of the stand-in of its own: started one after the other, with the work spread evenly over
//! them before anything is measured. Not here: what happens to them (`measures`).

use crate::cluster::Cluster;
use crate::daemon::{Daemon, House};
use crate::measures::Bench;
use crate::process::Usage;
use crate::setup::{Layout, Manner};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const LOOK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(2);

/// What is done for the house, beside the accounts: a lane, reconciling, publishing.
const ERRANDS: usize = 3;

/// Daemons that share a database.
pub struct Town {
    database: String,
    accounts: usize,
    houses: Vec<House>,
    daemons: BTreeMap<usize, Daemon>,
}

impl Town {
    /// So many daemons, ready and with even work.
    pub async fn open(bench: &Bench, layout: Layout, amqp: &str, replicas: usize) -> Self {
        let database = bench.cluster().fresh();
        let url = bench.cluster().url(&database);
        let mut town =
            Self { database, accounts: layout.accounts, houses: Vec::new(), daemons: BTreeMap::new() };
        for number in 0..replicas {
            // The first one makes the key that all of them need.
            let key_file = town.houses.first().map(House::key_file);
            let manner =
                Manner { database: Some(url.clone()), replica: number, key_file, ..Manner::default() };
            let house = House::with(bench, layout, amqp, &manner);
            town.daemons.insert(number, house.start_ready().await);
            town.houses.push(house);
        }
        town.until_even(bench.cluster()).await;
        town
    }

    /// Waits until everything has a holder and no daemon has two lanes more than another.
    pub async fn until_even(&self, cluster: &Cluster) {
        let even = async {
            while !self.is_even(&cluster.duties(&self.database)) {
                tokio::time::sleep(LOOK).await;
            }
        };
        let even = tokio::time::timeout(PATIENCE, even).await;
        assert!(even.is_ok(), "work does not become even: {:?}", cluster.duties(&self.database));
    }

    fn is_even(&self, duties: &BTreeMap<String, BTreeSet<String>>) -> bool {
        let lanes = |number: &usize| {
            let held = duties.get(&name(*number)).into_iter().flatten();
            held.filter(|duty| duty.starts_with("account/") || *duty == "house").count()
        };
        let lanes: Vec<usize> = self.daemons.keys().map(lanes).collect();
        let (least, most) = (lanes.iter().min().copied(), lanes.iter().max().copied());
        let all = duties.values().map(BTreeSet::len).sum::<usize>();
        all == self.accounts + ERRANDS
            && lanes.iter().sum::<usize>() == self.accounts + 1
            && least.zip(most).is_some_and(|(least, most)| most - least <= 1)
    }

    /// The daemon that holds the most accounts, and those, by their numbers.
    pub fn busiest(&self, cluster: &Cluster) -> (usize, Vec<usize>) {
        let duties = cluster.duties(&self.database);
        let accounts = |number: usize| -> Vec<usize> {
            let held = duties.get(&name(number)).into_iter().flatten();
            held.filter_map(|duty| duty.strip_prefix("account/r")?.parse().ok()).collect()
        };
        let all = self.daemons.keys().map(|number| (*number, accounts(*number)));
        all.max_by_key(|(_, accounts)| accounts.len()).expect("a town has a daemon")
    }

    /// Ends one at once.
    pub fn kill9(&mut self, number: usize) {
        self.daemons.remove(&number).expect("it lives").kill9();
    }

    /// Sends one a signal.
    pub fn signal(&self, number: usize, name: &str) {
        self.daemons[&number].signal(name);
    }

    /// What all of them have used so far.
    pub fn usage(&self) -> Usage {
        let add = |sum: Usage, daemon: &Daemon| {
            let Usage { cpu, peak_mib } = daemon.usage();
            Usage { cpu: sum.cpu + cpu, peak_mib: sum.peak_mib + peak_mib }
        };
        self.daemons.values().fold(Usage::default(), add)
    }

    /// Ends all of them, and takes the database away.
    pub fn close(self, cluster: &Cluster) {
        drop(self.daemons);
        cluster.drop_database(&self.database);
    }
}

fn name(number: usize) -> String {
    crate::setup::replica_name(number)
}
