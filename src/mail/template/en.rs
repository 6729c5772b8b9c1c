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
    portal: "The portal",
    portal_advice: "\
The portal shows only the customers of the domain that you are signed in
to. Sign in with the account of the customer's reseller domain.",
    password: "Your first password",
    password_advice: "\
Sign in with your company's single sign-on, or ask the administrator who
looks after these accounts for a first password. It never comes by mail, and
at the first sign-in Google asks you to choose one of your own.",
    passwords: "Your passwords",
    restored_advice: "\
These accounts are back with the password that they had. If you no longer
know it, use Google's account recovery, or ask the administrator who looks
after these accounts:",
    home_advice: "\
This is your own account: you sign in as always, and mail about its cases
arrives in its mailbox:",
    two_step: "2-Step Verification",
    two_step_advice: "\
Turn it on for each account at the first sign-in. Your role makes you an
administrator, and Google enforces 2-Step Verification for administrators
at once: without it you are locked out.",
    case_mail: "Mail about your cases",
    case_sharing_advice: "\
The accounts above have no mailbox. In the portal, paste your main Workspace
address into the field Case Sharing:",
    case_sharing_why: "\
Then mail about a case reaches you where you read your mail.",
    some_redirected: "\
There is no need to for these accounts, whose mail is redirected to you:",
    all_redirected: "\
The accounts above have no mailbox. Mail about your cases is redirected to
where you read your mail; you need not enter anything in the portal.",
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
