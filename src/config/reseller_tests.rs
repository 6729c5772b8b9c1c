//! Broken reseller accounts and what is said about them.

use super::fault_tests::{check_change, check_reseller};
use super::tests::{LEAST, folder, load_in};

#[test]
fn a_service_account_without_a_key_needs_no_file() {
    let keyless = "keyless = { service_account = \"care@project.iam.gserviceaccount.com\" }";
    let text = LEAST.replace("credentials_file = \"key.json\"", keyless);
    let folder = folder(&[("carepass.toml", &text), ("tokens.toml", "")]);
    let config = load_in(folder.path(), &["carepass.toml"], &[]).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.resellers[0].credentials.email(), "care@project.iam.gserviceaccount.com");
    assert_eq!(config.resellers[0].credentials.client_id(), None);
}

#[test]
fn resellers_by_themselves() {
    check_change(
        "name = \"nordic-se\"\n",
        "",
        &[
            "carepass.toml: resellers[0].name: is missing; give it a short name of your choice, like nordic-se",
        ],
    );
    check_change(
        "\"nordic-se\"",
        "\"house\"",
        &[
            "carepass.toml: resellers[0].name: house is the lane of carepass itself; choose another, like nordic-se",
        ],
    );
}

#[test]
fn what_resellers_may_be_given() {
    check_reseller(
        "removable_licenses = [\"Google-Apps\"]",
        &[
            "carepass.toml: resellers[0].removable_licenses: not a list: not a product and a SKU like Google-Apps/1010020027; correct it",
        ],
    );
    check_reseller(
        "home = true\nhome_accounts = [{ engineer = \"E-1\", account = \"a@b.example\" }, { engineer = \"E-1\", account = \"c@b.example\" }]",
        &["carepass.toml: resellers[0].home_accounts: an engineer is named twice; leave one of them"],
    );
    check_reseller(
        "home = true\nhome_accounts = [{ engineer = \"E-1\", account = \"a@b.example\" }, { engineer = \"E-2\", account = \"A@B.example\" }]",
        &[
            "carepass.toml: resellers[0].home_accounts: an account is named twice; give each engineer their own",
        ],
    );
    check_reseller(
        "keyless = { service_account = \"a@b.iam.gserviceaccount.com\" }",
        &[
            "carepass.toml: resellers[0].keyless.service_account: credentials_file names a key of the same reseller; remove one of them",
        ],
    );
    check_change(
        "credentials_file = \"key.json\"",
        "keyless = { service_account = \"projects/a\" }",
        &[
            "carepass.toml: resellers[0].keyless.service_account: not an e-mail address in ASCII; write the address of the service account that Google signs for",
        ],
    );
    check_reseller(
        "domains = \"all\"",
        &[
            "carepass.toml: resellers[0].domains: neither discover nor a list of domains; write \"discover\", or a list like [\"reseller-se.example\"]",
        ],
    );
    check_reseller(
        "domains = []",
        &[
            "carepass.toml: resellers[0].domains: an empty list; write \"discover\", or a list like [\"reseller-se.example\"]",
        ],
    );
    check_reseller(
        "domains = [\"*.se\"]",
        &[
            "carepass.toml: resellers[0].domains: not a domain in lower-case ASCII, like reseller-se.example; correct the list",
        ],
    );
    check_reseller(
        "org_unit = \"Care\"",
        &[
            "carepass.toml: resellers[0].org_unit: not a path like /Customer Care, without '+', '?', '#', '%' or '..'; write the path as the Admin console shows it",
        ],
    );
    check_reseller(
        "auto_licensing_off = { by = \"asa\" }",
        &[
            "carepass.toml: resellers[0].auto_licensing_off.on: is missing; write the day on which it was confirmed, or leave by empty",
        ],
    );
    check_reseller(
        "free_subscription = { on = 2026-01-01 }",
        &[
            "carepass.toml: resellers[0].free_subscription.by: is missing; write who has confirmed it, or leave on empty",
        ],
    );
    check_reseller(
        "free_subscription = { by = \"asa\", on = \"soon\" }",
        &["carepass.toml: resellers[0].free_subscription.on: not a date; write it like 2026-03-31"],
    );
}

/// The tests' time is noon of 25 November (UTC), when the 26th has begun in the Pacific.
#[test]
fn nobody_confirms_on_a_day_that_has_not_been() {
    for key in ["auto_licensing_off", "free_subscription", "case_alert_route", "two_step_policy"] {
        let fault = format!(
            "carepass.toml: resellers[0].{key}.on: not a day that has been; write the day on which it was confirmed"
        );
        let text = format!("{LEAST}\n{key} = {{ by = \"asa\", on = 2026-11-26 }}");
        let folder = folder(&[("carepass.toml", &text), ("tokens.toml", "")]);
        load_in(folder.path(), &["carepass.toml"], &[]).unwrap_or_else(|faults| panic!("{faults}"));
        check_reseller(&format!("{key} = {{ by = \"asa\", on = 2026-11-27 }}"), &[&fault]);
    }
}

#[test]
fn roles() {
    check_reseller(
        "role = { kind = \"existing\" }",
        &[
            "carepass.toml: resellers[0].role.name: is missing; write the role's name as the Admin console shows it",
        ],
    );
    check_reseller(
        "role = { kind = \"reseller-admin\", name = \"A\" }",
        &["carepass.toml: resellers[0].role.name: Google's own role is found without a name; remove it"],
    );
    check_reseller(
        "role = { privileges = [{ name = \"READ\" }] }",
        &[
            "carepass.toml: resellers[0].role.privileges[0].service_id: is missing; copy serviceId and privilegeName from privileges.list of the Directory API",
        ],
    );
}

#[test]
fn resellers_against_one_another() {
    let second = |name: &str, customer: &str| {
        format!(
            "domains = [\"a.example\", \"b.example\"]\n[[resellers]]\nname = \"{name}\"\ncustomer_id = \"{customer}\"\nadmin = \"r@x.example\"\n\
             credentials_file = \"key.json\"\ndomains = [\"b.example\"]"
        )
    };
    let domain = "carepass.toml: resellers[1].domains: b.example is also in the reseller nordic-se; leave it in one of them";
    check_reseller(
        &second("other", "C02"),
        &[
            "carepass.toml: resellers[1].customer_id: not a customer id like C01abc123; copy it from Admin console > Account > Account settings",
            domain,
        ],
    );
    check_reseller(
        &second("other", "C01abc123"),
        &[
            "carepass.toml: resellers[1].customer_id: the reseller nordic-se is the same customer; remove one of them",
            domain,
        ],
    );
    check_reseller(
        &second("nordic-se", "C02def456"),
        &[
            "carepass.toml: resellers[1].name: another reseller in this file has the same name; give each its own",
            domain,
        ],
    );

    let folder = folder(&[("a.toml", LEAST), ("b.toml", &LEAST.replace("C01abc123", "C02def456"))]);
    let faults = load_in(folder.path(), &["a.toml", "b.toml"], &[]).expect_err("one name, two customers");
    let said = faults.to_string().replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(
        said,
        "b.toml: resellers[0].customer_id: a.toml has another customer id for the reseller nordic-se; give each reseller its own name"
    );
}
