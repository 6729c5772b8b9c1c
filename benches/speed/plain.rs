//! The calls themselves, without anything around them: an account, its licence, its role, one after the other in each domain, the
//! domains of an engineer side by side. No guard, no list, no store. Not here: who asks for an engineer (`bare`, `naive`).

use crate::google::customer_id;
use crate::setup::{Layout, key};
use futures_util::future::join_all;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// A client like carepass's own, but for its limits.
#[expect(clippy::disallowed_methods, reason = "a bench asks its own stand-in on this machine")]
pub fn http_client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .tcp_nodelay(true)
        .build()
        .unwrap_or_else(|_| Client::new())
}

/// The calls of a plain program.
#[derive(Clone)]
pub struct Plain {
    client: Client,
    url: String,
    layout: Layout,
}

impl Plain {
    /// A program that asks there.
    pub fn new(url: &str, layout: Layout) -> Self {
        Self { client: http_client(), url: url.to_owned(), layout }
    }

    /// Gives an engineer everything.
    pub async fn engineer(&self, number: usize) {
        join_all(self.layout.each_domain().map(|(account, domain)| self.pair(number, account, domain))).await;
    }

    async fn pair(&self, number: usize, account: usize, domain: String) {
        let address = format!("astrid.{}@{domain}", key(number).to_ascii_lowercase());
        let user = json!({
            "primaryEmail": address, "name": { "givenName": "Astrid", "familyName": "Berg" }, "password": "correct horse battery",
            "changePasswordAtNextLogin": true, "orgUnitPath": "/Customer Care",
            "externalIds": [{ "type": "custom", "customType": "carepass", "value": key(number) }]
        });
        let made =
            self.ask(account, self.client.post(self.at("/admin/directory/v1/users")).json(&user)).await;
        let license = json!({ "userId": address });
        let path = "/apps/licensing/v1/product/101001/sku/1010010001/user";
        self.ask(account, self.client.post(self.at(path)).json(&license)).await;
        let role = json!({ "roleId": "2", "assignedTo": made["id"], "scopeType": "CUSTOMER" });
        let path = format!("/admin/directory/v1/customer/{}/roleassignments", customer_id(account));
        self.ask(account, self.client.post(self.at(&path)).json(&role)).await;
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn ask(&self, account: usize, request: RequestBuilder) -> Value {
        let answer =
            request.bearer_auth(format!("speed.{account}")).send().await.expect("the stand-in answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        serde_json::from_slice(&answer.bytes().await.expect("a whole answer")).expect("JSON")
    }
}
