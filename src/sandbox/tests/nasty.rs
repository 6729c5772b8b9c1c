//! The nasty world and the settings that a test changes while it runs.

use super::*;

#[tokio::test]
async fn any_setting_can_be_changed_while_the_sandbox_runs() {
    let google = Google::start().await;
    let settings = json!({"seats": 4, "seat_wall": "start-subscription", "empty_pages": true});
    google.control_set("set", json!({"settings": {SE: settings}})).await;
    let client = google.client(SE).await;
    let seen = client.post("/admin/directory/v1/users", person("a@reseller-se.example")).await;
    assert_eq!(refusal(&seen).2, "Domain user limit reached. Start paid subscription.");
    for broken in [json!({"seat": 4}), json!({"seats": "many"}), json!({"seats": 9, "seat_wall": "x"})] {
        assert!(google.sandbox.set(&json!({"settings": {SE: broken}})).is_err(), "{broken}");
    }
    assert_eq!(google.sandbox.world_json()["customers"][SE]["seats"]["limit"], 4, "none of it was done");
}

#[tokio::test]
async fn what_holds_for_every_reseller_yields_to_what_one_says_itself_and_that_to_additions() {
    let check = |text: &str, expected: [Option<u32>; 2]| {
        let reseller = |name: &str, own: &str| {
            format!(
                "[[resellers]]\nname = \"{name}\"\ncustomer_id = \"C{name}\"\n{own}\n\
                     domains = [{{ name = \"{name}.example\", kind = \"primary\" }}]\n"
            )
        };
        let file = format!("{}{}{text}", reseller("a", "seats = 2"), reseller("b", ""));
        let world = World::from_toml(&file).unwrap();
        assert_eq!(["Ca", "Cb"].map(|id| world.customers[id].settings.seats), expected, "{text}");
        assert_eq!(world.customers["Ca"].delegated_scopes.len(), text.matches("scopes").count());
    };
    check("", [Some(2), None]);
    check("[every]\nseats = 9\n", [Some(2), Some(9)]);
    check("[additions.a]\nseats = 9\n", [Some(9), None]);
    check(
        "[every]\ndelegated_scopes = [\"x\"]\n[additions.a]\ndelegated_scopes = [\"y\"]\n",
        [Some(2), None],
    );
    let faults =
        World::from_toml(&format!("{}\n[additions.nobody]\nseats = 1\n", files().world)).unwrap_err();
    assert_eq!(faults, ["additions.nobody: there is no such reseller"]);
}

#[tokio::test]
async fn the_nasty_world_has_its_shelf_full_and_its_rules_set() {
    let google = Google::with(|world| *world = World::from_toml(&files().nasty_world).unwrap()).await;
    let world = google.sandbox.world_json();
    let deleted = world["customers"][SE]["deleted"].as_array().unwrap();
    let told: Vec<_> = deleted.iter().map(|user| user["deletionTime"].as_str().unwrap()).collect();
    assert!(
        told.contains(&"2025-12-29T00:00:00.000Z") && told.contains(&"2025-12-20T00:00:00.000Z"),
        "{told:?}"
    );
    let statuses = async || {
        let mut statuses = Vec::new();
        for _ in 0..200 {
            let path = "/admin/directory/v1/customers/my_customer";
            let request = google.http.get(format!("{}{path}", google.url)).bearer_auth("none");
            statuses.push(request.send().await.map_or(0, |response| response.status().as_u16()));
        }
        statuses
    };
    assert!(statuses().await.iter().any(|status| *status != 401), "some of the faults strike");
    google.sandbox.clear_faults();
    assert!(statuses().await.iter().all(|status| *status == 401));
}
