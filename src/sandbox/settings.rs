//! How a customer of Google's behaves: every switch that the world file has for a reseller account, as plain data.
//! Not here: what a customer holds (`world`), and what each switch does, which stands where it is asked.

use super::clock::Millis;
use serde::{Deserialize, Serialize};

/// The most role assignments, as Google counts them for each unit; the top one's are what matters here.
const ROLE_ASSIGNMENTS_MOST: usize = 1_000;

/// How a customer behaves; the world file's keys of a reseller that are no lists of things. All are off at first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches, independent of one another")]
pub struct Settings {
    /// The user cap: users that exist or were deleted in the last 20 days. Absent: none.
    pub seats: Option<u32>,
    /// How the seat wall is worded.
    pub seat_wall: SeatWall,
    /// How Cloud Identity Free is licensed here.
    pub license_mode: LicenseMode,
    /// Free licences that can be assigned. Absent: no limit but `seats`.
    pub license_seats: Option<u32>,
    /// The products that the customer has. Absent: all that exist.
    pub products: Option<Vec<String>>,
    /// What licensing answers about a product that the customer does not have.
    pub missing_product: MissingProduct,
    /// What licensing answers about a user that it does not know yet.
    pub license_unknown_user: UnknownUser,
    /// How an insert of a licence that is held already is answered.
    pub license_duplicate: LicenseDuplicate,
    /// What a second unit with the same path answers.
    pub org_unit_duplicate: OrgUnitDuplicate,
    /// A unit is made and the answer is 401 "Login Required" all the same.
    pub org_unit_created_401: bool,
    /// What too many unit writes a second answer.
    pub org_unit_rate: OrgUnitRate,
    /// How a user's insert into a unit that is not there is worded.
    pub missing_org_unit: MissingOrgUnit,
    /// What a user's insert into a domain that is not the customer's answers.
    pub foreign_domain: ForeignDomain,
    /// What the 202 of an invitation carries, which nobody has published.
    pub invited_body: InvitedBody,
    /// Lists of roles and role assignments begin with an empty page that has a token.
    pub empty_pages: bool,
    /// What a role assignment that exists answers.
    pub role_duplicate: RoleDuplicate,
    /// Role assignments that are allowed. Absent: Google's 1,000.
    pub role_assignments_max: Option<usize>,
    /// A restored user comes back suspended.
    pub undelete_suspended: bool,
    /// A suspended user refuses sign-out, and the removal of tokens and application passwords, as it always does that of backup codes.
    pub suspended_refuses_sign_out: bool,
    /// A new user is a 404 by id for this long (by e-mail it is there).
    pub new_user_delay_ms: u64,
    /// A new user is a 404 by id for the first so many reads, in its first five minutes.
    pub new_user_reads: u32,
    /// In the first so long of a new user every third read by id is a 404 again.
    pub new_user_flapping_ms: u64,
    /// A new user is a 404 by e-mail too, and missing in lists, for this long, while a second insert says 409.
    pub new_user_address_delay_ms: u64,
    /// Until a new user is so old, reads show it as it was made, whatever was changed since.
    pub trailing_reads_ms: u64,
    /// A new user refuses update and delete with 412 for this long.
    pub creating_window_ms: u64,
    /// A change of a user so soon after another one answers 409 "Conflicting requests".
    pub conflict_window_ms: u64,
    /// A new unit refuses new users with 403 for this long.
    pub new_ou_delay_ms: u64,
    /// Automatic licensing strikes this long after a user was created.
    pub auto_license_delay_ms: u64,
    /// … or, differently for each user, up to this long after; absent or smaller: always after the same time.
    pub auto_license_delay_max_ms: u64,
    /// Licensing does not know a new user for this long.
    pub license_user_delay_ms: u64,
    /// A token in the name of a new user is refused for this long.
    pub young_user_token_ms: u64,
    /// After a rename every change answers 409 for this long.
    pub rename_window_ms: u64,
    /// Calls of the Policy API that come sooner one after the other answer 429.
    pub policy_spacing_ms: u64,
    /// Lists of policies begin with a blank page that has a token.
    pub policy_empty_pages: bool,
    /// The audit log shows an event so long after it happened.
    pub report_delay_ms: u64,
    /// Request quotas; absent: none.
    pub quotas: Quotas,
    /// Where automatic licensing is on.
    pub auto_licensing: Vec<AutoLicensing>,
}

impl Settings {
    /// The keys that the world file may have.
    pub const KEYS: &[&str] = &[
        "seats",
        "seat_wall",
        "license_mode",
        "license_seats",
        "products",
        "missing_product",
        "license_unknown_user",
        "license_duplicate",
        "org_unit_duplicate",
        "org_unit_created_401",
        "org_unit_rate",
        "missing_org_unit",
        "foreign_domain",
        "invited_body",
        "empty_pages",
        "role_duplicate",
        "role_assignments_max",
        "undelete_suspended",
        "suspended_refuses_sign_out",
        "new_user_delay_ms",
        "new_user_reads",
        "new_user_flapping_ms",
        "new_user_address_delay_ms",
        "trailing_reads_ms",
        "creating_window_ms",
        "conflict_window_ms",
        "new_ou_delay_ms",
        "auto_license_delay_ms",
        "auto_license_delay_max_ms",
        "license_user_delay_ms",
        "young_user_token_ms",
        "rename_window_ms",
        "policy_spacing_ms",
        "policy_empty_pages",
        "report_delay_ms",
        "quotas",
        "auto_licensing",
    ];

    /// How many role assignments are allowed.
    pub fn role_assignments_most(&self) -> usize {
        self.role_assignments_max.unwrap_or(ROLE_ASSIGNMENTS_MOST)
    }

    /// Whether anything has to be remembered of a new user.
    pub fn remembers_youth(&self) -> bool {
        self.new_user_reads > 0 || self.new_user_flapping_ms > 0 || self.trailing_reads_ms > 0
    }

    /// When automatic licensing strikes after a user was made; `chance` differs from user to user.
    pub fn auto_license_after(&self, chance: u64) -> Millis {
        let spread = self.auto_license_delay_max_ms.saturating_sub(self.auto_license_delay_ms);
        let after = self.auto_license_delay_ms.saturating_add(chance % spread.saturating_add(1).max(1));
        Millis::try_from(after).unwrap_or(Millis::MAX)
    }
}

/// Google's two sentences for a customer that may have no more users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeatWall {
    /// "Domain user limit reached. Contact Support."
    #[default]
    ContactSupport,
    /// "Domain user limit reached. Start paid subscription."
    StartSubscription,
}

/// The two ways in which Cloud Identity Free is licensed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseMode {
    /// Everybody has it and the licensing API knows nothing of it.
    Site,
    /// It is assigned user by user.
    #[default]
    PerUser,
}

/// What licensing says about a product that exists and that the customer does not have; no source tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingProduct {
    /// Nobody has one: an empty list.
    #[default]
    Empty,
    /// 400 "SKU or product does not exist".
    Invalid,
    /// 404 of the same.
    NotFound,
}

/// What licensing says about a user that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUser {
    /// 400 `invalid`.
    #[default]
    Invalid,
    /// 404 `notFound`.
    NotFound,
}

/// What the insert of a licence that is held already answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseDuplicate {
    /// 412 "User already has a license for the specified product and SKU".
    #[default]
    Condition,
    /// 500 "For reassign operation new sku should be different than the old sku".
    Reassign,
}

/// Google answers either, "not consistent".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrgUnitDuplicate {
    /// 400 "Invalid Ou Id".
    #[default]
    Invalid,
    /// 409 `duplicate`.
    Duplicate,
}

/// What more than one unit write a second answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrgUnitRate {
    /// 503 `backendError`.
    #[default]
    Unavailable,
    /// 429 `rateLimitExceeded`.
    TooMany,
}

/// The texts of the 400 for a unit that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingOrgUnit {
    /// "Invalid Input: `INVALID_OU_ID`".
    #[default]
    InvalidInput,
    /// "Invalid Org Unit".
    InvalidOrgUnit,
    /// "Invalid Ou Id".
    InvalidOuId,
}

/// What a user's insert into another's domain answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForeignDomain {
    /// 403 "Not Authorized to access this resource/api".
    #[default]
    Forbidden,
    /// 404 "Domain not found".
    DomainNotFound,
    /// 404 "Resource Not Found: domain".
    ResourceNotFound,
}

/// What a 202 may carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvitedBody {
    /// `{}`.
    #[default]
    Object,
    /// Nothing at all.
    Empty,
    /// The user that was asked for, without an id.
    User,
}

/// What a role assignment that exists answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleDuplicate {
    /// 500 "Role assignment exists: …".
    #[default]
    Exists,
    /// 409 `duplicate`.
    Duplicate,
}

/// Request quotas; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Directory calls per minute (Google: 2,400).
    pub directory_per_minute: Option<u32>,
    /// `users.insert` per domain and second (Google: 10).
    pub user_inserts_per_second: Option<u32>,
    /// Unit writes per second (Google: 1).
    pub org_unit_writes_per_second: Option<u32>,
    /// Licensing calls per second (Google: 1).
    pub licensing_per_second: Option<u32>,
    /// Calls of the audit log with a filter per minute (Google: 250).
    pub reports_per_minute: Option<u32>,
    /// Other tools of the customer use so many percent of each quota, all the time.
    pub others_percent: Option<u32>,
}

impl Quotas {
    /// Google's published numbers.
    pub const GOOGLE: Self = Self {
        directory_per_minute: Some(2_400),
        user_inserts_per_second: Some(10),
        org_unit_writes_per_second: Some(1),
        licensing_per_second: Some(1),
        reports_per_minute: Some(250),
        others_percent: None,
    };

    /// How long it takes until a window's worth has come back, of what others leave.
    pub fn window(self, milliseconds: Millis) -> Millis {
        let left = 100 - Millis::from(self.others_percent.unwrap_or(0).min(99));
        milliseconds * 100 / left
    }
}

/// Automatic licensing for a unit and those below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoLicensing {
    /// The unit's path.
    pub org_unit: String,
    /// The product, `Google-Apps`.
    pub product: String,
    /// The SKU, `1010020027` (Business Starter).
    pub sku: String,
    /// So long after the sandbox's start somebody switches it off; absent: nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_after_ms: Option<u64>,
}

impl AutoLicensing {
    /// Whether it has been switched off by now, in a sandbox that began then.
    pub fn is_over(&self, begun: Millis, now: Millis) -> bool {
        let after = self.off_after_ms.map(|after| Millis::try_from(after).unwrap_or(Millis::MAX));
        after.is_some_and(|after| begun.saturating_add(after) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_a_key_of_the_world_file() {
        let written = serde_json::to_value(Settings::default()).unwrap();
        let mut keys = Settings::KEYS.to_vec();
        keys.sort_unstable();
        let mut found: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys);
    }

    #[test]
    fn automatic_licensing_strikes_within_its_span() {
        let check = |from: u64, to: u64, chance: u64, expected: Millis| {
            let settings = Settings {
                auto_license_delay_ms: from,
                auto_license_delay_max_ms: to,
                ..Settings::default()
            };
            assert_eq!(settings.auto_license_after(chance), expected, "{from} {to} {chance}");
        };
        check(5_000, 0, 12_345, 5_000);
        check(0, 9, 10, 0);
        check(0, 9, 19, 9);
        check(100, 199, 7, 107);
        check(0, u64::MAX, u64::MAX - 1, Millis::MAX);
    }
}
