//! The whole machine as one table that a reviewer can read, and a walk over everything that can be reached.

use super::*;
use crate::model::enrollment::Want;

fn row() -> Enrollment {
    let id = "domain/E-1/nordic-se/reseller-se.example".parse().unwrap();
    Enrollment::open(id, Goal { want: Want::Present, revision: 1 }, Timestamp::UNIX_EPOCH)
}
