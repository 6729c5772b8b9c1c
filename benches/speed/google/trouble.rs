//! What can be wrong with one customer while all is well with the others, and what its calls are answered then. Not here: the answers of a
//! customer that is well (`routes`).

use super::connection::{Reply, Request};
use super::routes::refusal;

/// Of so many calls to a customer that is throttled one is let through.
const ONE_IN: u64 = 10;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No call is ever answered.
    Hanging,
    /// Nine calls of ten are refused with 429.
    Throttled,
    /// There are no tokens any more (`invalid_grant`), and those that are out are refused with 403.
    Revoked,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hanging, Self::Throttled, Self::Revoked];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hanging => "hanging",
            Self::Throttled => "throttled",
            Self::Revoked => "revoked",
        }
    }
}

/// A customer in trouble.
pub struct Patient {
    customer: usize,
    trouble: Trouble,
    calls: u64,
}

/// What becomes of a call.
pub enum Verdict {
    /// It is answered as ever.
    Fine,
    /// It is answered with this, and has no effect.
    Refused(Reply),
    /// It is not answered, and has no effect.
    Silence,
}

impl Patient {
    /// A customer with a trouble of that name; none if there is no such trouble.
    pub fn new(customer: usize, trouble: &str) -> Option<Self> {
        let trouble = Trouble::ALL.into_iter().find(|known| known.name() == trouble)?;
        Some(Self { customer, trouble, calls: 0 })
    }

    /// What becomes of a call to a customer.
    pub fn judge(&mut self, customer: usize, request: &Request<'_>) -> Verdict {
        if customer != self.customer {
            return Verdict::Fine;
        }
        self.calls += 1;
        match self.trouble {
            Trouble::Hanging => Verdict::Silence,
            Trouble::Throttled if self.calls.is_multiple_of(ONE_IN) => Verdict::Fine,
            Trouble::Throttled => Verdict::Refused(refusal(429, "rateLimitExceeded", "Rate Limit Exceeded")),
            Trouble::Revoked if request.path == "/token" => {
                let body = r#"{"error":"invalid_grant","error_description":"Invalid email or User ID"}"#;
                Verdict::Refused(Reply { status: 400, body: body.to_owned() })
            }
            Trouble::Revoked => {
                let message = "Not Authorized to access this resource/api";
                Verdict::Refused(refusal(403, "forbidden", message))
            }
        }
    }
}
