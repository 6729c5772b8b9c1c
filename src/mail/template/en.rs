//! The letters in English. Names of buttons and fields are Google's own.

use super::Words;

pub(super) const WORDS: Words = Words {
    subject: "Your accounts for Google's Customer Care Portal",
    hello: "Hello",
    introduction: "\
You have an account of your own in each reseller domain. With it you file
and follow support cases for that reseller's customers in Google's Customer
Care Portal, which newer pages call the Google Cloud Support Portal.",
    accounts: "Your accounts",
    reseller_domain: "Reseller domain",
    sign_in: "Sign in",
    preparing: "Accounts on their way",
    still_being_prepared: "still being prepared",
    preparing_advice: "\
You cannot sign in to these yet. They are being worked on, and there is
nothing you need to do.",
    portal: "The portal",
    portal_advice: "\
The portal shows only the customers of the domain that you are signed in
to. Sign in with the account of the customer's reseller domain.",
    password: "Your initial password",
    password_advice: "\
The operator hands the initial password over to you separately, never by
mail. At the first sign-in Google asks you to choose one of your own.",
    two_step: "2-Step Verification",
    two_step_advice: "\
Turn it on for each account at the first sign-in. Your role makes you an
administrator, and Google enforces 2-Step Verification for administrators
at once: without it you are locked out.",
    case_sharing: "Mail about your cases",
    case_sharing_advice: "\
The accounts above have no mailbox. In the portal, paste your main Workspace
address into the field Case Sharing:",
    case_sharing_why: "\
Then mail about a case reaches you where you read your mail.",
    several_accounts: "Several accounts at once",
    several_accounts_advice: "\
You can be signed in to all of your accounts in one browser, or use one
Chrome profile for each. How to sign in to several accounts:",
    trouble: "If something does not work",
    role_delay: "\
The portal refuses you, or shows no customers: your role may need up to
24 hours to take effect. Try again later; if a day was not enough, tell the
operator.",
    no_product_type: "\
The product type cannot be chosen for a customer: the customer has switched
reseller access off. Ask the customer's administrator to switch it on:",
    footer: "\
This letter was written by carepass, which sets up these accounts. It holds
no secret; nobody will ask you for your password.",
};
