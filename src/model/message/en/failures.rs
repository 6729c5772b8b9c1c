//! Every failure in English. Not here: the codes (`model/failure`); a code without a sentence does not compile.

use super::super::super::failure::FailureCode;
use super::super::tongue::{Phrase, phrases};

const TRIES: &str = "carepass tries again {when} and goes on by itself when it works.";
const LOOKS_FIRST: &str =
    "carepass first looks whether it was done, {when}, and repeats it only if it was not.";
const LOOKS: &str = "carepass looks again {when} and goes on by itself once it is done.";
const LEAVES: &str = "carepass leaves the account alone and looks again {when}.";
const STANDS_STILL: &str =
    "Work for this reseller account stands still, the others go on, and carepass looks again {when}.";

phrases! {
    BackendError {
        short: "Google has a fault",
        so: "Google answered with a fault of its own{in}{doing}.",
        next: TRIES,
        you: "You need do nothing now; if it lasts more than an hour, look at Google's status page ({link}).",
    }
    Timeout {
        short: "Google is slow to answer",
        so: "Google did not answer in time{in}{doing}, so nobody knows yet whether it was done.",
        next: LOOKS_FIRST,
        you: "You need do nothing now; if it lasts more than an hour, look at Google's status page ({link}).",
    }
    ConnectionLost {
        short: "the connection to Google broke",
        so: "The connection to Google broke{in}{doing}, so nobody knows yet whether it was done.",
        next: LOOKS_FIRST,
        you: "You need do nothing now; if it lasts, check that this machine reaches admin.googleapis.com on port 443.",
    }
    WorkerLost {
        short: "carepass was interrupted",
        so: "carepass was interrupted{in}{doing}, so nobody knows yet whether it was done.",
        next: LOOKS_FIRST,
        you: "You need do nothing for a single restart; if it comes back, read the log of carepass around that time.",
    }
    RateLimited {
        short: "Google asks us to slow down",
        so: "Google asks carepass to slow down{in}.",
        next: "carepass has slowed down, goes on {when}, and nothing is lost.",
        you: "You need do nothing; if it is urgent, pause other tools that work on {account}, since they share its limit.",
    }
    DailyQuotaSpent {
        short: "the day's quota is used up",
        so: "The quota that Google gives for a day is used up{in}.",
        next: "carepass tries again {when} and goes on when Google starts a new day.",
        you: "You need do nothing; if it happens often, ask for a higher quota for the Google Cloud project ({link}).",
    }
    AccountSettling {
        short: "the new account is not visible yet",
        so: "The new account{in} is not visible everywhere at Google yet.",
        next: LOOKS,
        you: "You need do nothing; if it lasts more than an hour, look for the account under Directory > Users ({link}).",
    }
    OrgUnitSettling {
        short: "the new organizational unit is not visible yet",
        so: "The new organizational unit{in} is not visible everywhere at Google yet.",
        next: LOOKS,
        you: "You need do nothing; if it lasts more than an hour, look for the unit in the Admin console ({link}).",
    }
    NotYetConfirmed {
        short: "not in Google's lists yet",
        so: "What carepass wrote{in} is not in Google's own lists yet.",
        next: LOOKS,
        you: "You need do nothing; Google says that a new role may take up to 24 hours to work.",
    }
    ResellerNotReady {
        short: "its set-up is not finished",
        so: "The set-up of {account} is not finished.",
        next: "carepass starts here as soon as it is, and looks again {when}.",
        you: "See what the set-up waits for among the tasks of the API (/v1/tasks), and do that first.",
    }
    ResellerRemoved {
        short: "its reseller account is not configured any more",
        so: "Access that was to end is open in {account}, which is no longer in the configuration.",
        next: "carepass cannot get in there and locks nobody out; it looks again {when}, and goes on once the account is configured again.",
        you: "Put the reseller account back into the configuration and restart carepass; or lock the accounts out by hand \
              ({link}), and then take each step that is left as done (carepass order skip).",
    }
    CredentialsUnusable {
        short: "the credentials cannot be used",
        so: "The credentials of {account} cannot be used.",
        next: STANDS_STILL,
        you: "Check that the key file is the JSON key of a service account, then restart carepass; without a key file, see that \
              the machine's own service account may sign for the configured one, as the evidence beside this message says.",
    }
    CredentialsRefused {
        short: "Google refuses the sign-in",
        so: "Google does not let carepass sign in to {account}.",
        next: STANDS_STILL,
        you: "Check that the key was not deleted, that the administrator in the configuration exists and is not suspended, \
              and that the clock of this machine is right; Google's answer beside this message tells which.",
    }
    DelegationMissing {
        short: "the delegation lacks a scope",
        so: "The domain-wide delegation of {account} lacks a scope that carepass needs.",
        next: STANDS_STILL,
        you: "Sign in as super administrator, open Security > API controls > Domain-wide delegation ({link}), and set the client ID \
              and the list of scopes that stand beside this message; the evidence there says which lack and which work.",
    }
    ClockWrong {
        short: "the clock is wrong",
        so: "Google does not accept what {account} signs, since the clock of this machine differs from Google's.",
        next: STANDS_STILL,
        you: "Set the clock of the machine that carepass runs on, and let it be kept right by time synchronisation.",
    }
    ApiDisabled {
        short: "an API is switched off",
        so: "An API that carepass needs is switched off for {account}.",
        next: STANDS_STILL,
        you: "Enable the API in the Google Cloud project of the service account ({link}), or switch API access on for \
              the domain if Google says that the domain cannot use APIs.",
    }
    NotAuthorized {
        short: "the administrator lacks a right",
        so: "Google refused{doing}: the administrator of {account} lacks the right.",
        next: STANDS_STILL,
        you: "Make sure under Account > Admin roles ({link}) that the administrator in the configuration is a \
              super administrator, and that the domain belongs to this reseller account.",
    }
    CustomerMismatch {
        short: "the credentials lead to another customer",
        so: "The credentials of {account} lead to another Google customer than the configuration says.",
        next: "carepass writes nothing there and looks again {when}.",
        you: "Compare customer_id in the configuration with the customer ID in the Admin console, correct what is wrong \
              and restart carepass.",
    }
    DomainNotFound {
        short: "a configured domain is not verified",
        so: "A domain in the configuration of {account} is not one of its verified domains.",
        next: STANDS_STILL,
        you: "Verify the domain in the Admin console ({link}), or correct the list in the configuration and restart carepass.",
    }
    OrgUnitRefused {
        short: "the organizational unit is refused",
        so: "Google refuses the organizational unit of {account}: its parent is missing or its name is not allowed.",
        next: STANDS_STILL,
        you: "Make the parent unit in the Admin console ({link}), or set another org_unit in the configuration and restart \
              carepass.",
    }
    OrgUnitGone {
        short: "the organizational unit is gone",
        so: "The organizational unit of {account} was there and is gone.",
        next: "No account is made there meanwhile, none is put at the top instead, and carepass looks again {when}.",
        you: "Make a unit at the configured path again ({link}), move the accounts of the engineers back into it, and turn automatic \
              licensing off for it.",
    }
    RoleMissing {
        short: "no role fits",
        so: "No role in {account} fits what is configured.",
        next: STANDS_STILL,
        you: "Make the role under Account > Admin roles ({link}) with Reseller tools > Customers > View customers and \
              Reseller tools > Customers > Access customers' support cases, or name another one in the configuration \
              and restart carepass.",
    }
    RoleNotPinned {
        short: "the role's privileges are not written down",
        so: "The configuration does not say which privileges the role in {account} may have.",
        next: "No role is given there before it does, and carepass looks again {when}.",
        you: "Compare the proposal shown with this message with the role under Account > Admin roles ({link}), write the \
              privileges under role in the configuration and restart carepass.",
    }
    RoleAmbiguous {
        short: "several roles fit",
        so: "Several roles in {account} fit what is configured.",
        next: "carepass does not choose between roles, and looks again {when}.",
        you: "Look at the roles under Account > Admin roles ({link}), name the right one in the configuration with \
              kind = \"existing\" and its privileges, and restart carepass.",
    }
    RoleTooPowerful {
        short: "the role may do too much",
        so: "The role in {account} may do more than what was approved.",
        next: "carepass gives it to nobody and looks again {when}.",
        you: "Take the extra privileges out of the role under Account > Admin roles ({link}), or approve them in the \
              configuration and restart carepass.",
    }
    RoleWidened {
        short: "the role may do more than before",
        so: "The role in {account} may do more now than when it was set up.",
        next: "carepass gives it to nobody meanwhile, and looks again {when}.",
        you: "Compare what was added, shown with this message, with the role under Account > Admin roles ({link}); if it is right, \
              write the privileges under role in the configuration and restart carepass.",
    }
    RoleLimitReached {
        short: "no room for another role assignment",
        so: "Google allows no more role assignments in {account}.",
        next: LOOKS,
        you: "Remove assignments that nobody needs under Account > Admin roles ({link}); Google allows 1,000 per \
              organizational unit.",
    }
    AutoLicensingUnconfirmed {
        short: "confirm that automatic licensing is off",
        so: "It is not confirmed that automatic licensing is off for the organizational unit of {account}, or it was turned on later.",
        next: "No account is made there before that, since each could get a paid license, and carepass looks again {when}.",
        you: "As super administrator turn automatic licensing off for the organizational unit ({link}), then say so with carepass task \
              done, or write auto_licensing_off = { by = \"your name\", on = \"{today}\" } under {account} in the configuration \
              and restart carepass; where the task says that it was turned on, only a day after that one counts in the configuration.",
    }
    FreeSubscriptionUnconfirmed {
        short: "confirm the free subscription",
        so: "Nobody has confirmed that {account} has the subscription Cloud Identity Free.",
        next: "No account is made there before that, and carepass looks again {when}.",
        you: "Order it under Billing > Get more services > Categories > Cloud Identity > Cloud Identity Free > Get Started > \
              Checkout > Place Order, check it under Subscriptions ({link}), then say so with carepass task done, or write \
              free_subscription = { by = \"your name\", on = \"{today}\" } under {account} in the configuration and restart \
              carepass.",
    }
    CaseRouteUnconfirmed {
        short: "confirm the route of case mail",
        so: "Nobody has confirmed that mail to the new addresses of {account} is routed to the engineers' main addresses.",
        next: "No account is made there before that, since mail about cases would bounce, and carepass looks again {when}.",
        you: "Make one rule for each domain under Gmail > Default routing, or an address map ({link}), then say so with carepass task \
              done, or write case_alert_route = { by = \"your name\", on = \"{today}\" } under {account} in the configuration and restart carepass.",
    }
    TwoStepEnforced {
        short: "new accounts could not sign in",
        so: "In {account} 2-Step Verification is enforced without time for new users to enrol, so that a new account can never sign in.",
        next: "No account is made there meanwhile, and carepass looks again {when}.",
        you: "Give new users some days under Security > 2-Step Verification > New user enrollment period ({link}); or, if they can enrol \
              in another way, say so with carepass task done, or write two_step_policy = { by = \"your name\", on = \"{today}\" } under \
              {account} in the configuration and restart carepass.",
    }
    LatinNameNeeded {
        short: "a name in Latin letters is needed",
        so: "No username can be made from the name without guessing: its form in Latin letters is missing.",
        next: "carepass goes on as soon as HR sends it, and looks again {when}.",
        you: "Ask HR to send the event with latinGiven and latinFamily and a higher revision.",
    }
    ScopeMismatch {
        short: "the scope does not fit the domains",
        so: "The scope that HR sent does not fit the reseller domains{in}.",
        next: "carepass writes nothing more there, goes on as soon as HR sends a scope that fits, and looks again {when}.",
        you: "Ask HR which domains are meant, to be sent with a higher revision, or end the row with carepass order cancel.",
    }
    UsernamesSpent {
        short: "every username is taken",
        so: "Every username that carepass may make from the name is taken{in}.",
        next: "carepass goes on as soon as HR sends another, and looks again {when}.",
        you: "Ask HR to send the event with a preferredUsername and a higher revision.",
    }
    AddressTaken {
        short: "the address is taken",
        so: "The engineer's address{in} belongs to somebody or something else.",
        next: "carepass touches nothing that it did not make, and looks again {when}.",
        you: "Look under Directory > Users ({link}) and under the groups who holds it; free the address, or give the \
              access by hand and end this with carepass order cancel.",
    }
    UnmanagedAccount {
        short: "a private Google account holds the address",
        so: "A private Google account that nobody manages holds the engineer's address{in}.",
        next: "carepass does not take it over, and looks again {when}.",
        you: "Ask its owner to accept a transfer or to change its address, as Google describes ({link}).",
    }
    HomeAccountMissing {
        short: "the engineer's own account is not named",
        so: "Engineers have an account of their own{in}, and nobody has said which one is this engineer's.",
        next: "carepass never takes one by its name, and looks again {when}.",
        you: "Find the account under Directory > Users ({link}), then use carepass order adopt with its address, or write it under \
              home_accounts in the configuration and restart carepass.",
    }
    RestoreRefused {
        short: "the deleted account cannot be restored",
        so: "The engineer's account{in} was deleted a short while ago, and Google does not restore it.",
        next: "carepass makes no second one, and looks again {when}.",
        you: "Read Google's answer beside this message, and restore the account as super administrator ({link}).",
    }
    SeatsSpent {
        short: "seats are used up",
        so: "No Cloud Identity seat is left in {account}.",
        next: "New accounts wait there, the other reseller accounts go on, and carepass looks again {when}.",
        you: "Sign in as super administrator and ask Google for more with the Cloud Identity license request form, which this \
              page links to ({link}).",
    }
    LicensesSpent {
        short: "free licenses are used up",
        so: "No free Cloud Identity license is left in {account}.",
        next: "New accounts wait there for theirs, the other reseller accounts go on, and carepass looks again {when}.",
        you: "See the number under Subscriptions ({link}), and ask Google for more with the Cloud Identity license request form \
              as super administrator.",
    }
    LicenseConflict {
        short: "another license is in the way",
        so: "The account{in} has another license of the same product, so that the free one cannot be assigned.",
        next: "It gets no role before that, and carepass looks again {when}.",
        you: "Take the other license away from the account under Directory > Users ({link}).",
    }
    PaidLicenseFound {
        short: "the account has a paid license",
        so: "The account{in} has a paid license beside the free one.",
        next: "It gets no role before the paid license is gone, and carepass looks again {when}.",
        you: "Check that automatic licensing is off, then take the paid license away from the account under \
              Directory > Users ({link}).",
    }
    AutoLicensingOn {
        short: "automatic licensing is on",
        so: "Automatic licensing is on in {account}, although somebody confirmed that it is off.",
        next: "The accounts it concerns get no role before their paid license is gone, new accounts wait, and carepass looks again {when}.",
        you: "Turn automatic licensing off for the organizational unit ({link}), then take the paid licenses away under \
              Directory > Users.",
    }
    AccountNotOurs {
        short: "the account is not ours",
        so: "The account at the engineer's address{in} was not made by carepass for this engineer.",
        next: LEAVES,
        you: "Find out under Directory > Users ({link}) whose it is; free the address, or give the access by hand and \
              end this with carepass order cancel.",
    }
    AccountIsAdmin {
        short: "the account administers something else",
        so: "The account{in} already administers something else.",
        next: LEAVES,
        you: "Find out why under Account > Admin roles ({link}), and take the other role away if it should not be there.",
    }
    AccountSuspended {
        short: "the account is suspended",
        so: "The account{in} was suspended by somebody other than carepass.",
        next: "carepass lifts no suspension of others, and looks again {when}.",
        you: "Find out why under Directory > Users ({link}), and reactivate it there if it should work; a suspension for abuse \
              can only be lifted by Google.",
    }
    AccountGone {
        short: "the account is gone",
        so: "The account{in} was there and is gone.",
        next: "carepass looks again {when} and goes on if it has come back.",
        you: "If it was deleted by mistake, restore it within 20 days ({link}); if it was meant, end this with \
              carepass order cancel.",
    }
    CaseRedirectNeeded {
        short: "redirect the case mail",
        so: "Nobody has said yet that mail about support cases is redirected{in}.",
        next: "carepass cannot see the redirect at Google: it goes on when you say that it is done, and asks again {when}.",
        you: "Redirect the mail of the new addresses to the engineers' main addresses under Gmail > Default routing ({link}; the API has them \
              as address-map.csv), then say so with carepass task done, or for a single engineer with carepass order skip.",
    }
    AccountsUnsettled {
        short: "not every account is finished",
        so: "Not every account of the engineer is finished.",
        next: "carepass sends the letter, which names them all and is sent once, when they are, and looks again {when}.",
        you: "See with carepass explain what the other rows of the engineer wait for, and do that first; end what is not to be with \
              carepass order cancel.",
    }
    ContactMissing {
        short: "an address for the letter is missing",
        so: "HR gave no address that the letter to the engineer can be sent to.",
        next: "carepass sends the letter as soon as HR sends an address, and looks again {when}.",
        you: "Ask HR to send the event with a contactEmail and a higher revision, or tell the engineer yourself and use \
              carepass order skip, with --domain for a domain that waits.",
    }
    MailUnavailable {
        short: "the mail server does not answer",
        so: "The mail server does not answer.",
        next: "carepass tries again to send the letter {when}, and the accounts are not touched by it.",
        you: "Check the section mail of the configuration, and that this machine reaches the mail server.",
    }
    MailRefused {
        short: "the mail server refuses the letter",
        so: "The mail server refuses the letter to the engineer.",
        next: "carepass looks again {when}, and the accounts are not touched by it.",
        you: "Read the server's answer beside this message, correct the sender in the configuration or ask HR for another \
              contactEmail, then use carepass order retry.",
    }
    StartsLater {
        short: "the start date is not near yet",
        so: "The engineer starts later, and nothing is made{in} before that.",
        next: "carepass begins by itself {when}; a new date from HR moves that.",
        you: "Nothing; if the engineer is to get access sooner, use carepass order retry.",
    }
    TwoStepPending {
        short: "2-Step Verification is not set up yet",
        so: "The engineer has not set up 2-Step Verification for the account{in}, and the role would lock the account out without it.",
        next: "carepass reminds the engineer, looks again {when}, and gives the role as soon as Google shows the enrolment.",
        you: "Help the engineer to sign in and set it up ({link}); if the role is to be given all the same, use carepass order skip.",
    }
    RenameQuestion {
        short: "a changed name, and the old username",
        so: "HR changed the engineer's name, and the address{in} is still made from the old one.",
        next: "The address stays as it is and works; carepass asks again {when}.",
        you: "Say with carepass task done that an address from the new name is to be added, or with carepass order skip that everything stays.",
    }
    AliasTaken {
        short: "no address from the new name is free",
        so: "An address from the engineer's new name could not be added{in}: somebody else has it.",
        next: "The account keeps its old address and works; carepass looks again {when}.",
        you: "Free the address or leave everything as it is with carepass order skip ({link}).",
    }
    PasswordInUse {
        short: "somebody has signed in already",
        so: "A new first password was asked for{in}, but somebody has signed in to the account already.",
        next: "carepass sets no password on an account that is in use, and looks again {when}.",
        you: "Let the engineer use Google's account recovery or reset the password in the Admin console ({link}); then use carepass order skip.",
    }
    VaultUnavailable {
        short: "the vault does not answer",
        so: "The vault that hands over the first passwords does not answer.",
        next: "carepass tries again {when}, and the letter waits for it.",
        you: "Check the section handover.vault of the configuration, and that this machine reaches the vault.",
    }
    VaultRefused {
        short: "the vault refuses",
        so: "The vault refuses to wrap the first passwords.",
        next: "carepass looks again {when}, and the letter waits for it.",
        you: "Read the vault's answer beside this message, renew the token or its policy, then use carepass order retry.",
    }
    HandOverFailed {
        short: "the passwords cannot be handed over",
        so: "The first passwords could not be put where they are handed over from.",
        next: "carepass tries again {when}, and the letter waits for it.",
        you: "Check the section handover of the configuration: the folder and the recipients.",
    }
    LateEffect {
        short: "watching for what comes late",
        so: "Something was under way for the account{in} when access ended, and Google may still carry it out.",
        next: "carepass looks again {when}, up to a quarter of an hour after the end, and locks out what it finds.",
        you: "You need do nothing while carepass looks.",
    }
    LockOutsPending {
        short: "access is not gone everywhere yet",
        so: "The engineer's access is not gone everywhere yet.",
        next: "carepass goes on in every domain side by side and looks again {when}; those who must know are told when it is done.",
        you: "See with carepass explain which domains are left; where carepass cannot get in, lock the account out by hand.",
    }
    RemovalDue {
        short: "deleted when the days of grace are over",
        so: "The account{in} is suspended and is to be deleted when the days of grace are over.",
        next: "carepass deletes it {when}; a return before that brings it back.",
        you: "Nothing; if it is to stay, use carepass order cancel.",
    }
    DriftFound {
        short: "others have changed something",
        so: "Others have changed something at Google{in} that carepass looks after.",
        next: "carepass leaves it as it is, looks again {when}, and closes this by itself when it is right.",
        you: "Look under Directory > Users and Account > Admin roles ({link}) for what is shown with this message, and put it right.",
    }
    ProfileUnconfigured {
        short: "no role for this profile",
        so: "No role is configured for the engineer's profile{in}.",
        next: "carepass gives no other role instead, and looks again {when}.",
        you: "Configure the profile for this reseller account and restart carepass, or ask HR for another profile.",
    }
    ApprovalMissing {
        short: "an approval is missing",
        so: "Access needs an approval here, and the event of HR names none.",
        next: "carepass holds the engineer until somebody approves, or HR sends the approval with a higher revision.",
        you: "Ask HR for the approval, or approve with carepass order approve.",
    }
    EmploymentEnded {
        short: "the employment had ended already",
        so: "HR says that the engineer is to have access again, under an employment that had ended already.",
        next: "carepass holds the engineer, whose access stays gone, until somebody approves or HR sends a new employment id.",
        you: "Ask HR which of the two is right; approve with carepass order approve only if the engineer really is back.",
    }
    GrantsHeld {
        short: "held by the limit on grants",
        so: "More engineers are to get access at once than the limit on grants allows.",
        next: "carepass holds those beyond the limit until somebody releases them, also when there is room again.",
        you: "Ask HR whether the number is right; if it is, release them all with carepass task done grants-held, \
              or each with carepass order approve.",
    }
    SealBroken {
        short: "the sealed data cannot be opened",
        so: "The sealed personal data of the engineer cannot be opened.",
        next: "Nothing is lost at Google, this row stands still, and carepass looks again {when}.",
        you: "Start carepass with the sealing key that it had before, from the backup if need be; if the data was erased on \
              purpose, end this with carepass order cancel.",
    }
    StoreUnavailable {
        short: "the store does not answer",
        so: "The store of carepass did not answer{doing}.",
        next: "carepass tries again {when}; a store in which a write has failed opens itself anew as soon as the disk takes writes.",
        you: "Check the room on the disk and read the log of carepass; once the cause is gone it goes on by itself.",
    }
    StepUnknown {
        short: "this version does not know the step",
        so: "The step that is due{in} is not known to this version of carepass.",
        next: "This row stands still until a version runs that does, and carepass looks again {when}.",
        you: "Start the newer version again: an older one was probably started after it.",
    }
    RequestRefused {
        short: "Google refused the request",
        so: "Google refused a request of carepass{in}{doing} as malformed, which is a fault of carepass.",
        next: "This row stands still, the others go on, and carepass looks again {when}.",
        you: "Report it with the version and the output of carepass explain; if you do the step by hand meanwhile, use \
              carepass order skip.",
    }
    UnknownAnswer {
        short: "Google's answer is unknown",
        so: "carepass does not know the answer that Google gave{in}{doing}.",
        next: "carepass does nothing on a guess, the other rows go on, and it looks again {when}.",
        you: "Read the answer beside this message, act on it if its meaning is clear, then use carepass order retry and report it; \
              the lines beside it, in the configuration, say what to do about such answers.",
    }
}
