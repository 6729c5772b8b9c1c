//! Who ought to hold which duty: evenly over the living, with as few moves as that takes, and the same answer whoever works it out. Lanes
//! are spread by themselves, and so are the two errands, so that nobody has lanes for two and another the errands.
//! Pure. Not here: asking for a lease (`store`), and giving work back before a duty goes (`engine/duties`).

use super::duty::{Duty, LeaseBook, ReplicaId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What a replica is to do about its duties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Those that are free and are to be its.
    pub take: BTreeSet<Duty>,
    /// Those that it holds and has too many of.
    pub give_up: BTreeSet<Duty>,
}

/// What the replica `me`, which can do the duties `able`, is to do by this book. `stray` are those that nobody has taken for so long that
/// whoever they were meant for cannot do them: it takes them beyond its share, and keeps them.
pub fn moves(able: &BTreeSet<Duty>, stray: &BTreeSet<Duty>, book: &LeaseBook, me: &ReplicaId) -> Moves {
    let mut moves = Moves::default();
    for is_class in [is_lane as fn(&Duty) -> bool, |duty| !is_lane(duty)] {
        let share = Share::of(able, book, me, is_class);
        let mine = share.held.get(me).cloned().unwrap_or_default();
        let surplus = mine.len().saturating_sub(share.target(me));
        let kept = mine.iter().rev().filter(|duty| !stray.contains(duty));
        moves.give_up.extend(kept.take(surplus).map(|duty| (*duty).clone()));
        moves.take.extend(share.meant_for(me).filter(|duty| able.contains(duty)).cloned());
        let lost = share.free.iter().filter(|duty| stray.contains(duty) && able.contains(duty));
        moves.take.extend(lost.map(|duty| (*duty).clone()));
    }
    moves
}

/// Duties of which nobody has too many lanes; the rest are errands, which cost next to nothing.
fn is_lane(duty: &Duty) -> bool {
    match duty {
        Duty::Account(_) | Duty::House => true,
        Duty::Reconcile | Duty::Outcomes => false,
    }
}

/// How the duties of one class stand.
struct Share<'a> {
    /// Of each of the living.
    held: BTreeMap<&'a ReplicaId, BTreeSet<&'a Duty>>,
    free: BTreeSet<&'a Duty>,
    /// The living, those first who get one more where it does not come out even: whoever has most, so that nothing moves for its sake.
    order: Vec<&'a ReplicaId>,
    all: usize,
}

impl<'a> Share<'a> {
    fn of(
        able: &'a BTreeSet<Duty>,
        book: &'a LeaseBook,
        me: &'a ReplicaId,
        is_class: fn(&Duty) -> bool,
    ) -> Self {
        let all: BTreeSet<&Duty> =
            able.iter().chain(book.leases.keys()).filter(|duty| is_class(duty)).collect();
        let mut held: BTreeMap<&ReplicaId, BTreeSet<&Duty>> =
            book.living.keys().chain([me]).map(|replica| (replica, BTreeSet::new())).collect();
        for (duty, lease) in book.leases.iter().filter(|(duty, _)| is_class(duty)) {
            // Those of the dead are free soon, and nobody's until then.
            if let Some(duties) = held.get_mut(&lease.holder) {
                duties.insert(duty);
            }
        }
        let free = all.iter().filter(|duty| !book.leases.contains_key(**duty)).copied().collect();
        let mut order: Vec<&ReplicaId> = held.keys().copied().collect();
        if !is_class(&Duty::House) {
            // Errands go to those who have a lane less.
            order.reverse();
        }
        order.sort_by_key(|replica| Reverse(held[replica].len()));
        Self { free, order, all: all.len(), held }
    }

    /// How many a replica is to have.
    fn target(&self, replica: &ReplicaId) -> usize {
        let (each, over) = (self.all / self.order.len(), self.all % self.order.len());
        let place = self.order.iter().position(|other| *other == replica);
        each + usize::from(place.is_some_and(|place| place < over))
    }

    /// The free ones, dealt out in order to those who have too few.
    fn meant_for(&self, me: &ReplicaId) -> impl Iterator<Item = &'a Duty> {
        let lacks = |replica: &ReplicaId| self.target(replica).saturating_sub(self.held[replica].len());
        let before: usize =
            self.order.iter().take_while(|replica| **replica != me).map(|replica| lacks(replica)).sum();
        self.free.iter().skip(before).take(lacks(me)).copied().collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::duty::Lease;
    use std::time::Duration;

    /// The number of a holder that is not among the living any more.
    const DEAD: usize = 99;

    fn replica(number: usize) -> ReplicaId {
        ReplicaId::new(&format!("r{number}"), 0).unwrap()
    }

    fn lanes(count: usize) -> BTreeSet<Duty> {
        let account = |number| format!("account/a{number}").parse().unwrap();
        let mut all: BTreeSet<Duty> = (1..count).map(account).collect();
        all.extend((count > 0).then_some(Duty::House));
        all
    }

    fn book(living: usize, held: &BTreeMap<Duty, usize>) -> LeaseBook {
        let left = Duration::from_secs(1);
        let lease = |holder: &usize| Lease { holder: replica(*holder), epoch: 1, left };
        LeaseBook {
            leases: held.iter().map(|(duty, holder)| (duty.clone(), lease(holder))).collect(),
            living: (0..living).map(|number| (replica(number), left)).collect(),
        }
    }

    /// Each in turn does what it works out, until nobody has anything to do; how often a duty was given up.
    fn settle(all: &BTreeSet<Duty>, living: usize, held: &mut BTreeMap<Duty, usize>) -> usize {
        let mut given_up = 0;
        for round in 0.. {
            assert!(round < 20, "it never comes to rest: {held:?}");
            let before = held.clone();
            for number in 0..living {
                let moves = moves(all, &BTreeSet::new(), &book(living, held), &replica(number));
                given_up += moves.give_up.len();
                for duty in &moves.give_up {
                    assert_eq!(held.remove(duty), Some(number), "it gave up another's");
                }
                for duty in moves.take {
                    assert_eq!(held.insert(duty, number), None, "it took what was not free");
                }
            }
            if *held == before {
                return given_up;
            }
        }
        given_up
    }

    fn counts(living: usize, held: &BTreeMap<Duty, usize>) -> Vec<usize> {
        (0..living).map(|number| held.values().filter(|holder| **holder == number).count()).collect()
    }

    /// The fewest that must be given up so that nobody has two more than another.
    fn fewest(all: usize, counts: &[usize]) -> usize {
        let (each, over) = (all / counts.len(), all % counts.len());
        let mut most: Vec<usize> = counts.to_vec();
        most.sort_unstable_by_key(|count| Reverse(*count));
        let target = |place: usize| each + usize::from(place < over);
        most.iter().enumerate().map(|(place, count)| count.saturating_sub(target(place))).sum()
    }

    fn check(all: &BTreeSet<Duty>, living: usize, begun: &BTreeMap<Duty, usize>) {
        // Nobody takes what another is to take, whoever is first.
        let book_now = book(living, begun);
        let taken: Vec<BTreeSet<Duty>> = (0..living)
            .map(|number| moves(all, &BTreeSet::new(), &book_now, &replica(number)).take)
            .collect();
        let together: BTreeSet<&Duty> = taken.iter().flatten().collect();
        assert_eq!(together.len(), taken.iter().map(BTreeSet::len).sum::<usize>(), "{begun:?}: {taken:?}");
        let mut held = begun.clone();
        let least = fewest(all.len(), &counts(living, begun));
        // The dead one's leases end meanwhile.
        let mut given_up = settle(all, living, &mut held);
        held.retain(|_, holder| *holder != DEAD);
        given_up += settle(all, living, &mut held);
        let counts = counts(living, &held);
        assert_eq!(held.len(), all.len(), "{begun:?} ends as {held:?}");
        assert!(
            counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1,
            "{begun:?} ends as {counts:?}"
        );
        assert_eq!(given_up, least, "{begun:?} ends as {held:?}");
    }

    /// Every way in which up to five lanes (four of four) may be held by up to four replicas, one of the dead, or nobody.
    #[test]
    fn from_everywhere_it_comes_to_rest_evenly_and_with_the_fewest_moves() {
        for living in 1..=4_usize {
            for count in 0..=(8 - living).min(5) {
                let all = lanes(count);
                for state in 0..(living + 2).pow(u32::try_from(count).unwrap()) {
                    let mut rest = state;
                    let mut held = BTreeMap::new();
                    for duty in &all {
                        let holder = rest % (living + 2);
                        rest /= living + 2;
                        if holder <= living {
                            held.insert(duty.clone(), if holder == living { DEAD } else { holder });
                        }
                    }
                    check(&all, living, &held);
                }
            }
        }
    }

    #[test]
    fn a_thousand_accounts_move_no_more_than_they_must() {
        let all = lanes(1_000);
        let mut held = BTreeMap::new();
        assert_eq!(settle(&all, 3, &mut held), 0);
        assert_eq!(settle(&all, 4, &mut held), 250, "a fourth has come");
        held.retain(|_, holder| *holder != 3);
        assert_eq!(settle(&all, 3, &mut held), 0, "the fourth has gone");
        assert_eq!(counts(3, &held), [334, 333, 333]);
    }

    #[test]
    fn errands_go_to_those_who_have_fewer_lanes() {
        let mut all = lanes(4);
        all.extend([Duty::Reconcile, Duty::Outcomes]);
        let mut held = BTreeMap::new();
        settle(&all, 3, &mut held);
        assert_eq!(counts(3, &held), [2, 2, 2], "{held:?}");
    }

    #[test]
    fn what_nobody_else_can_do_is_taken_and_kept() {
        let only: Duty = "account/only-mine".parse().unwrap();
        let all = lanes(4);
        let able: BTreeSet<Duty> = all.iter().cloned().chain([only.clone()]).collect();
        let mut held: BTreeMap<Duty, usize> =
            all.iter().cloned().enumerate().map(|(number, duty)| (duty, number / 2)).collect();
        let stray = BTreeSet::from([only.clone()]);
        let at = |held: &_, stray: &_| moves(&able, stray, &book(2, held), &replica(1));
        assert_eq!(at(&held, &BTreeSet::new()).take, BTreeSet::new(), "it is meant for another");
        assert_eq!(at(&held, &stray).take, stray);
        held.insert(only, 1);
        for duty in lanes(7).difference(&all) {
            held.insert(duty.clone(), 1);
        }
        let moves = at(&held, &stray);
        assert!(moves.give_up.len() == 2 && moves.give_up.is_disjoint(&stray), "{moves:?}");
    }
}
