//! Google's refusals: the classic error envelope, the newer one with `status`, and bodies that are not JSON.
//! Which call answers which refusal is decided where the call is answered, not here.
//!
//! Shapes: Google Admin SDK "Troubleshoot error codes", and the messages that admin tools match on.

use serde_json::{Value, json};

/// A refusal as Google words it. Becomes the error envelope when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, and `error.code`.
    pub status: u16,
    /// `error.errors[0].reason`, or for the newer back ends `error.status`.
    pub reason: String,
    /// `error.message`.
    pub message: String,
    /// Which of the envelopes.
    pub envelope: Envelope,
}

/// The two families of back ends word their errors differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Envelope {
    /// Directory, Licensing, Reports, Reseller: `errors[]` with a reason.
    Classic,
    /// Cloud Identity, IAM Credentials: `status`, and no `errors[]`.
    Status,
}

impl Refusal {
    /// A refusal in the classic envelope.
    pub fn new(status: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { status, reason: reason.to_owned(), message: message.into(), envelope: Envelope::Classic }
    }

    /// A refusal of the newer back ends; `reason` is the canonical status, `INVALID_ARGUMENT` for instance.
    pub fn with_status(status: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { envelope: Envelope::Status, ..Self::new(status, reason, message) }
    }

    /// 400 `invalid`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid", message)
    }

    /// 403 `forbidden`: no privilege, not your domain, or a unit that is too young. Google does not tell which.
    pub fn forbidden() -> Self {
        Self::new(403, "forbidden", "Not Authorized to access this resource/api")
    }

    /// 404 `notFound`.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "notFound", message)
    }

    /// 404 of a user that is not there, or not visible yet.
    pub fn no_such_user() -> Self {
        Self::not_found("Resource Not Found: userKey")
    }

    /// 409 `duplicate`.
    pub fn duplicate() -> Self {
        Self::new(409, "duplicate", "Entity already exists.")
    }

    /// 412 `conditionNotMet`.
    pub fn condition(message: impl Into<String>) -> Self {
        Self::new(412, "conditionNotMet", message)
    }

    /// 503 `backendError`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "backendError", message)
    }

    /// The body that is sent.
    pub fn body(&self) -> Value {
        match self.envelope {
            Envelope::Classic => json!({"error": {
                "code": self.status,
                "message": self.message,
                "errors": [{"domain": self.domain(), "reason": self.reason, "message": self.message}],
            }}),
            Envelope::Status => json!({"error": {
                "code": self.status,
                "message": self.message,
                "status": self.reason,
            }}),
        }
    }

    fn domain(&self) -> &'static str {
        match self.reason.as_str() {
            "rateLimitExceeded"
            | "userRateLimitExceeded"
            | "quotaExceeded"
            | "dailyLimitExceeded"
            | "accessNotConfigured" => "usageLimits",
            _ => "global",
        }
    }
}

/// The page that Google shows for a path it does not know: a 404 without any `error.code`.
pub const UNKNOWN_PATH_PAGE: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n\
<p><b>404.</b> <ins>That's an error.</ins>\n<p>The requested URL was not found on this server.\n</html>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_envelope_says_it_twice() {
        assert_eq!(
            Refusal::duplicate().body(),
            json!({"error": {"code": 409, "message": "Entity already exists.",
                   "errors": [{"domain": "global", "reason": "duplicate", "message": "Entity already exists."}]}})
        );
    }

    #[test]
    fn the_newer_envelope_has_no_list_of_errors() {
        let body = Refusal::with_status(403, "PERMISSION_DENIED", "no").body();
        assert_eq!(body["error"]["status"], "PERMISSION_DENIED");
        assert!(body["error"].get("errors").is_none());
    }
}
