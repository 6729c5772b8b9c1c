//! Request quotas per customer in fixed windows, and the refusal of each back end when one is used up. Not here: quotas of a day.

use super::call::Call;
use super::clock::Millis;
use super::error::Refusal;
use super::route::{Api, Operation};
use super::world::{OrgUnitRate, Quotas, Settings};
use std::collections::BTreeMap;

/// Windows kept before those that are over are thrown out.
const WINDOWS_KEPT: usize = 1_024;

/// No window is longer: a minute of which others leave a hundredth.
const KEPT_MS: Millis = 6_000_000;

/// Calls counted in the windows that are open.
#[derive(Debug, Default)]
pub struct Meters(BTreeMap<String, (Millis, u32)>);

impl Meters {
    /// Counts a call of a customer, or refuses it as Google would.
    pub fn take(
        &mut self,
        customer: &str,
        operation: &Operation<'_>,
        call: &Call,
        settings: &Settings,
        now: Millis,
    ) -> Result<(), Refusal> {
        let quotas = settings.quotas;
        match operation.api() {
            Api::Licensing => {
                let used_up = || Refusal::unavailable("Quota exceeded for the current request");
                self.count(
                    &format!("{customer} licensing"),
                    quotas.licensing_per_second,
                    quotas.window(1_000),
                    now,
                )
                .ok_or_else(used_up)
            }
            Api::Directory => {
                let used_up = || {
                    Refusal::new(
                        429,
                        "rateLimitExceeded",
                        "Quota exceeded for quota metric 'Queries' \
                    and limit 'Queries per minute per user' of service 'admin.googleapis.com'",
                    )
                };
                self.count(
                    &format!("{customer} directory"),
                    quotas.directory_per_minute,
                    quotas.window(60_000),
                    now,
                )
                .ok_or_else(used_up)?;
                let slow_down = || Refusal::unavailable("Service unavailable. Please try again");
                if matches!(operation, Operation::OrgUnitsInsert { .. } | Operation::OrgUnitsUpdate { .. }) {
                    let limit = quotas.org_unit_writes_per_second;
                    let refusal = || match settings.org_unit_rate {
                        OrgUnitRate::Unavailable => slow_down(),
                        OrgUnitRate::TooMany => Refusal::new(429, "rateLimitExceeded", "Rate Limit Exceeded"),
                    };
                    self.count(&format!("{customer} orgunits"), limit, quotas.window(1_000), now)
                        .ok_or_else(refusal)?;
                }
                Ok(())
            }
            Api::Reports => {
                let filtered = ["eventName", "filters"].iter().any(|name| call.parameter(name).is_some());
                let limit = quotas.reports_per_minute.filter(|_| filtered);
                let used_up = || Refusal::unavailable("Quota exceeded for the current request");
                self.count(&format!("{customer} reports"), limit, quotas.window(60_000), now)
                    .ok_or_else(used_up)
            }
            Api::CloudIdentity
                if matches!(operation, Operation::PoliciesList | Operation::PoliciesGet { .. }) =>
            {
                self.space(&format!("{customer} policies"), settings.policy_spacing_ms, now)
            }
            Api::CloudIdentity | Api::Reseller => Ok(()),
        }
    }

    /// Refuses a call that comes too soon after the last one that was answered.
    fn space(&mut self, meter: &str, spacing_ms: u64, now: Millis) -> Result<(), Refusal> {
        let spacing = Millis::try_from(spacing_ms).unwrap_or(Millis::MAX);
        self.count(meter, (spacing > 0).then_some(1), spacing, now).ok_or_else(|| {
            Refusal::with_status(
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of service \
                 'cloudidentity.googleapis.com'",
            )
        })
    }

    /// Counts a `users.insert` into a domain.
    pub fn take_user_insert(&mut self, domain: &str, quotas: Quotas, now: Millis) -> Result<(), Refusal> {
        let limit = quotas.user_inserts_per_second;
        let slow_down = || Refusal::unavailable("Service unavailable. Please try again");
        self.count(&format!("{domain} users.insert"), limit, quotas.window(1_000), now).ok_or_else(slow_down)
    }

    fn count(&mut self, meter: &str, limit: Option<u32>, window: Millis, now: Millis) -> Option<()> {
        let Some(limit) = limit else { return Some(()) };
        if self.0.len() >= WINDOWS_KEPT {
            self.0.retain(|_, (opened, _)| now - *opened < KEPT_MS);
        }
        let (opened, used) = self.0.entry(meter.to_owned()).or_insert((now, 0));
        if now - *opened >= window || now < *opened {
            (*opened, *used) = (now, 0);
        }
        *used += 1;
        (*used <= limit).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_refuses_what_is_too_much_and_forgets() {
        let mut meters = Meters::default();
        let operation = Operation::LicensesGet { product: "p", sku: "s", user: "u" };
        let settings = Settings { quotas: Quotas::GOOGLE, ..Settings::default() };
        let call = Call::default();
        let mut take =
            |at| meters.take("C1", &operation, &call, &settings, at).map_err(|refusal| refusal.status);
        assert_eq!(take(0), Ok(()));
        assert_eq!(take(999), Err(503));
        assert_eq!(take(1_000), Ok(()));
    }

    #[test]
    fn what_others_use_comes_back_later() {
        let mut meters = Meters::default();
        let operation = Operation::LicensesGet { product: "p", sku: "s", user: "u" };
        let quotas = Quotas { others_percent: Some(50), ..Quotas::GOOGLE };
        let settings = Settings { quotas, ..Settings::default() };
        let mut take = |at| meters.take("C1", &operation, &Call::default(), &settings, at).is_ok();
        assert_eq!([0, 1_000, 1_999, 2_000].map(&mut take), [true, false, false, true]);
    }

    #[test]
    fn without_a_quota_nothing_is_refused() {
        let mut meters = Meters::default();
        for _ in 0..5_000 {
            meters.take("C1", &Operation::UsersList, &Call::default(), &Settings::default(), 0).unwrap();
        }
    }
}
