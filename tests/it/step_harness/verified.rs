//! The last look: what somebody has given the account besides our role is seen before the engineer is called ready.
//! Not here: what is looked at before each write (`traps`, `role_traps`).

use super::journey::moments;
use super::stage::Stage;
use carepass::model::failure::FailureCode;
use carepass::model::plan::StepName;
use carepass::sandbox::Assignment;

#[tokio::test]
async fn an_account_that_administers_something_else_is_not_ready() {
    let moments = moments().await;
    let wanted = |moment: &&super::journey::Moment| {
        moment.step.name == StepName::Verify && moment.row.to_string().contains("care-se.example")
    };
    let moment = moments.iter().find(wanted).expect("a step of the journey");
    for in_a_unit in [false, true] {
        let stage = Stage::set(&moment.before).await;
        let row = stage.row(&moment.row).await;
        let account = row.facts.account.as_ref().expect("the account was made before").id.as_str().to_owned();
        stage.sandbox.change(|world| {
            let customer = world.customers.get_mut("C01nordicse").expect("a customer of the demo");
            let named =
                |(_, role): &(&u64, &carepass::sandbox::Role)| role.name == "_USER_MANAGEMENT_ADMIN_ROLE";
            let role_id = *customer.roles.iter().find(named).expect("a role of Google's").0;
            let org_unit = in_a_unit.then(|| customer.org_units.keys().next().expect("the top").clone());
            let id = customer.issue_number();
            customer.assignments.insert(id, Assignment { role_id, assigned_to: account, org_unit });
        });
        let house = stage.house();
        let claimed = stage.claim(&house, &row).await;
        let failure = stage.run(&house, &claimed).await.expect_err("it holds more than our role");
        assert_eq!(failure.code, FailureCode::AccountIsAdmin);
    }
}
