//! Syncs per step under load, as the kernel sees them: data keys and folders counted in. The daemon runs under `strace`, which stops it at
//! these calls alone; where there is none, nothing is shown. Not here: speed, which `strace` lowers.

use super::{Bench, number};
use crate::broker::{Desk, declare};
use crate::daemon::{House, sum};
use crate::setup::Layout;
use crate::table::Goal;

const NAME: &str = "syncs under load, 200 × 5";
const LAYOUT: Layout = Layout { accounts: 5, domains: 1 };
const ENGINEERS: usize = 200;

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    for _ in 0..bench.runs {
        bench.google.reset(LAYOUT.accounts, LAYOUT.domains, 0).await;
        let url = bench.rabbit.fresh_vhost();
        declare(&url).await;
        let house = House::new(bench, LAYOUT, &url);
        let Some(daemon) = house.start_traced().await else { return };
        let mut desk = Desk::at(&url).await;
        desk.publish(0..ENGINEERS, None).await;
        desk.until_ready(ENGINEERS).await;
        let steps = sum(&house.metrics().await, "carepass_steps_total");
        let syncs = daemon.end();
        bench.table.note(NAME, "syncs per step", "", Goal::Most(0.05), number(syncs) / steps);
    }
}
