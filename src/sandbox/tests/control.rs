//! The sandbox's own routes: world, call log, faults, settings, world files.

use super::*;

const USERS: &str = "/admin/directory/v1/users";

impl Google {
    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Seen {
        let request = self.http.request(method, format!("{}/_sandbox/{path}", self.url));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        seen(request.send().await.unwrap()).await
    }

    async fn fault(&self, rule: Value) {
        assert_eq!(self.control(Method::POST, "faults", Some(rule)).await.0, 200);
    }

    fn has_user(&self, email: &str) -> bool {
        self.sandbox.change(|world| world.customers[SE].user(email).is_some())
    }
}

#[tokio::test]
async fn the_world_shows_what_is_so() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    client.post(USERS, person("a@reseller-se.example")).await;
    let (status, world) = google.control(Method::GET, "world", None).await;
    assert_eq!(status, 200);
    assert_eq!(world, google.sandbox.world_json());
    let se = &world["customers"][SE];
    let find = |email: &str| {
        se["users"].as_array().unwrap().iter().find(|user| user["primaryEmail"] == email).unwrap().clone()
    };
    let anna = find("a@reseller-se.example");
    assert_eq!(
        (&anna["licenses"], &anna["roles"], &anna["suspended"]),
        (&json!([]), &json!([]), &json!(false))
    );
    assert_eq!(anna["externalIds"][0]["value"], "E-1");
    assert_eq!(anna["orgUnitPath"], "/");
    let maria = find("maria.nilsson@reseller-se.example");
    assert_eq!(
        (&maria["licenses"], &maria["roles"]),
        (&json!(["1010020028"]), &json!(["_RESELLER_ADMIN_ROLE"]))
    );
    assert_eq!(
        se["seats"],
        json!({"limit": 50, "used": 5, "license_mode": "per-user", "license_limit": null})
    );
    assert_eq!(se["orgunits"][0]["orgUnitPath"], "/");
    let no = &world["customers"][NO]["users"][0];
    assert_eq!(no["licenses"], json!(["1010010001"]), "site-licensed: everybody has it");
}

#[tokio::test]
async fn the_call_log_tells_effects() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    client.post(USERS, person("a@reseller-se.example")).await;
    client.post(USERS, person("a@reseller-se.example")).await;
    client.get(&format!("{USERS}/a@reseller-se.example")).await;
    let (_, text) = google.control(Method::GET, "calls?after=1", None).await;
    let lines: Vec<Value> =
        text.as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (line["seq"].as_u64().unwrap(), line["status"].as_u64().unwrap(), line["effect"].as_str())
        })
        .collect();
    assert_eq!(told, [(2, 200, Some("user.created")), (3, 409, None), (4, 200, None)]);
    assert_eq!(lines[1]["reason"], "duplicate");
    assert_eq!(
        (&lines[0]["at_ms"], &lines[0]["customer"], &lines[0]["method"]),
        (&json!(START), &json!(SE), &json!("POST"))
    );
    let token = &google.sandbox.calls()[0];
    assert_eq!((token.path.as_str(), token.customer.as_deref()), ("/token", Some(SE)));
}

#[tokio::test]
async fn a_fault_before_prevents_and_one_after_hides() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let insert = json!({"method": "POST", "path_regex": "/users$"});
    google.fault(json!({"match": insert, "do": {"fail_before": true, "status": 503, "retry_after": 7}, "times": 1})).await;
    google.fault(json!({"match": insert, "do": {"fail_after": true, "status": 500, "reason": "internalError"}, "times": 1})).await;
    let before = client.send(Method::POST, USERS, Some(person("a@reseller-se.example"))).await.unwrap();
    assert_eq!(before.headers()["retry-after"], "7");
    assert_eq!(refusal(&seen(before).await).1, "backendError");
    assert!(!google.has_user("a@reseller-se.example"));
    assert_eq!(
        refusal(&client.post(USERS, person("a@reseller-se.example")).await),
        (500, "internalError", "Internal error encountered.")
    );
    assert!(google.has_user("a@reseller-se.example"));
    let last = google.sandbox.calls().pop().unwrap();
    assert_eq!((last.effect.as_deref(), last.fault), (Some("user.created"), true));
    assert_eq!(
        refusal(&client.post(USERS, person("a@reseller-se.example")).await).0,
        409,
        "both rules are spent"
    );
}

#[tokio::test]
async fn a_reset_closes_the_connection_with_or_without_the_effect() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    google
        .fault(json!({"match": {"method": "POST"}, "do": {"reset": true, "fail_after": true}, "times": 1}))
        .await;
    client.send(Method::POST, USERS, Some(person("a@reseller-se.example"))).await.unwrap_err();
    assert!(google.has_user("a@reseller-se.example"));
    google.fault(json!({"match": {"method": "POST"}, "do": {"reset": true}, "times": 1})).await;
    client.send(Method::POST, USERS, Some(person("b@reseller-se.example"))).await.unwrap_err();
    assert!(!google.has_user("b@reseller-se.example"));
    assert_eq!(
        client.get(&format!("{USERS}/a@reseller-se.example")).await.0,
        200,
        "the next connection works"
    );
}

#[tokio::test]
async fn a_stale_read_sees_the_past() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    google.fault(json!({"match": {"method": "GET"}, "do": {"stale_ms": 5_000}})).await;
    let path = format!("{USERS}/a@reseller-se.example");
    client.post(USERS, person("a@reseller-se.example")).await;
    google.wait(4_999);
    assert_eq!(client.get(&path).await.0, 404);
    google.wait(1);
    assert_eq!(client.get(&path).await.0, 200);
    assert_eq!(google.control(Method::DELETE, "faults", None).await.0, 204);
    client.delete(&path).await;
    assert_eq!(client.get(&path).await.0, 404);
}

#[tokio::test]
async fn a_delay_holds_the_answer_back_but_not_the_effect() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    google.fault(json!({"match": {"method": "POST"}, "do": {"delay_ms": 600_000}, "times": 1})).await;
    let request = client.send(Method::POST, USERS, Some(person("a@reseller-se.example")));
    let watch = async {
        while !google.has_user("a@reseller-se.example") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = request => panic!("the answer was not held back"),
        () = watch => {}
    }
}

#[tokio::test]
async fn faults_and_settings_that_make_no_sense_are_refused() {
    let google = Google::start().await;
    let post = async |path: &str, body: Value| google.control(Method::POST, path, Some(body)).await;
    assert_eq!(post("faults", json!({"match": {"path_regex": "(a"}, "do": {"status": 500}})).await.0, 400);
    assert_eq!(post("faults", json!({"do": {"status": 500}, "oops": 1})).await.0, 400);
    assert_eq!(post("set", json!({"seats": {"C0": 1}})).await.0, 400);
    assert_eq!(post("set", json!({"oops": 1})).await.0, 400);
    assert_eq!(
        post("set", json!({"seats": {SE: 1}, "latency_ms": 0, "clock_offset_ms": 1_000})).await.0,
        204
    );
    let world = google.sandbox.world_json();
    assert_eq!(world["customers"][SE]["seats"]["limit"], 1);
    assert_eq!(world["now"], "2026-01-01T00:00:01.000Z");
    let client = google.client(SE).await;
    assert_eq!(refusal(&client.post(USERS, person("a@reseller-se.example")).await).1, "limitExceeded");
}

#[tokio::test]
async fn a_plain_curl_is_understood() {
    let google = Google::start().await;
    for (path, body, status) in [
        ("set", "{\"latency_ms\": 0}", 204),
        ("faults", "[{\"do\": {\"status\": 500}}]", 200),
        ("set", "{", 400),
    ] {
        let request = google.http.post(format!("{}/_sandbox/{path}", google.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        assert_eq!(seen(request.send().await.unwrap()).await.0, status, "{path} {body}");
    }
}

#[tokio::test]
async fn the_offset_clock_makes_an_honest_token_request_look_skewed() {
    let google = Google::start().await;
    google.sandbox.set(&json!({"clock_offset_ms": -600_000})).unwrap();
    let (_, body) = google.token(SE, &google.claims(SE, "admin.directory.user")).await;
    assert!(body["error_description"].as_str().unwrap().contains("reasonable timeframe"), "{body}");
}

#[test]
fn every_fault_of_a_world_file_is_named() {
    let faults = World::from_toml(
        r#"
        sed = 1
        [[resellers]]
        name = "x"
        customer_id = "X1"
        seat = 3
        domains = [{ name = "x.example", kind = "secondary" }, { name = "y.example", kind = "alias" }]
        auto_licensing = [{ org_unit = "/A", product = "Google-Apps", sku = "0" }]
        roles = [{ name = "r", privileges = [{ service_id = "s", name = "P" }] }]
        users = [{ email = "a@z.example", given_name = "A", family_name = "B", org_unit = "/B", roles = ["q"],
                   licenses = ["1/2"] }]
        [[resellers]]
        name = "y"
        seats = "many"
        [[service_accounts]]
        email = "e"
        client_id = "1"
        key_id = "k"
        public_key = "?"
        resellers = ["x"]
        "#,
    )
    .unwrap_err();
    let all = faults.join("\n");
    for part in [
        "sed: unknown key",
        "resellers.x.seat: unknown key",
        "customer_id: does not begin with C",
        "0 primary ones",
        "domains.y.example: an alias",
        "there is no unit /A",
        "there is no SKU 0",
        "privilege P of service s",
        "a@z.example: not an address",
        "there is no unit /B",
        "there is no role q",
        "there is no licence 1/2",
        "resellers.y: ",
        "service_accounts.e.public_key",
    ] {
        assert!(all.contains(part), "{part} is missing in:\n{all}");
    }
}
