//! Everything behind the sandbox's lock, and the one function that every call of Google's passes through.
//! Pure but for the lock around it: the call and the time go in, what to do on the wire comes out.

use super::call::{Answer, Call};
use super::calls::{CallLine, Calls};
use super::clock::Millis;
use super::faults::{Action, Faults};
use super::google;
use super::quota::Meters;
use super::token::{TOKEN_PATH, Tokens, customer_of_request};
use super::world::World;
use serde_json::Value;
use std::collections::VecDeque;

/// Past worlds kept for stale reads.
const PAST_KEPT: usize = 512;

/// The model with everything that happened to it.
#[derive(Debug)]
pub struct State {
    /// The model.
    pub world: World,
    /// Access tokens given out.
    pub tokens: Tokens,
    /// Quotas' meters.
    pub meters: Meters,
    /// Fault rules.
    pub faults: Faults,
    /// The call log.
    pub calls: Calls,
    /// Worlds as they were, with when each began; kept only while a rule asks for stale reads.
    past: VecDeque<(Millis, World)>,
}

/// What the server does with a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Wire {
    /// Sends the answer, held back by so many milliseconds.
    Answer(Answer, u64),
    /// Closes the connection without an answer, after so many milliseconds.
    Cut(u64),
}

impl State {
    /// A fresh start.
    pub fn new(world: World) -> Self {
        let mut faults = Faults::new(world.seed);
        // The world file's rules were read with it; what a test put in instead must be rules too.
        let set = faults.add(&Value::Array(world.faults.clone()));
        debug_assert!(set.is_ok(), "{set:?}");
        Self {
            world,
            tokens: Tokens::default(),
            meters: Meters::default(),
            faults,
            calls: Calls::default(),
            past: VecDeque::new(),
        }
    }

    /// Handles a call: effect, answer, log line.
    pub fn handle(&mut self, call: &Call, now: Millis) -> Wire {
        let customer = self.customer_of(call, now);
        let action = self.faults.strike(call, customer.as_deref());
        let answer = self.answer(call, action.as_ref(), now);
        let answer = match &action {
            Some(action) => action.deliver(answer),
            None => answer,
        };
        let cut = action.as_ref().is_some_and(|action| action.reset);
        self.calls.push(CallLine {
            seq: 0,
            at_ms: now,
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            customer,
            status: if cut { 0 } else { answer.status },
            reason: answer.reason.clone(),
            effect: answer.effect.clone(),
            fault: action.is_some(),
        });
        let delay = action.map_or(0, |action| action.delay_ms());
        if cut { Wire::Cut(delay) } else { Wire::Answer(answer, delay) }
    }

    /// Drops every fault rule, and the past that only rules need.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
        self.past.clear();
    }

    /// Remembers the world as it is, for stale reads; the first time when a rule for them is set.
    pub fn remember(&mut self, now: Millis) {
        if !self.faults.needs_history() {
            self.past.clear();
            return;
        }
        if self.past.len() == PAST_KEPT {
            self.past.pop_front();
        }
        self.past.push_back((now, self.world.clone()));
    }

    fn answer(&mut self, call: &Call, action: Option<&Action>, now: Millis) -> Answer {
        if let Some(action) = action.filter(|action| action.prevents()) {
            return action.failure();
        }
        let stale = action.and_then(Action::staleness).filter(|_| call.method == "GET");
        let answer = match stale.and_then(|age| self.world_of(now.saturating_sub(age))) {
            Some(mut past) => google::answer(&mut past, &mut self.tokens, &mut self.meters, call, now),
            None => google::answer(&mut self.world, &mut self.tokens, &mut self.meters, call, now),
        };
        if answer.effect.is_some() {
            self.remember(now);
        }
        match action.filter(|action| action.fails()) {
            Some(action) => Answer { effect: answer.effect, ..action.failure() },
            None => answer,
        }
    }

    /// The world as it was at a moment: the last that began before it, else the oldest kept.
    fn world_of(&self, moment: Millis) -> Option<World> {
        let began_before = self.past.iter().rev().find(|(began, _)| *began <= moment);
        began_before.or_else(|| self.past.front()).map(|(_, world)| world.clone())
    }

    fn customer_of(&self, call: &Call, now: Millis) -> Option<String> {
        if call.path == TOKEN_PATH {
            return customer_of_request(&self.world, call);
        }
        let grant = self.tokens.grant(call.bearer.as_deref()?, now)?;
        Some(grant.customer.clone())
    }
}
