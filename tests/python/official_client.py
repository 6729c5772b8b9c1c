"""The sandbox as Google's own Python client sees it: static discovery, `api_endpoint` set to the sandbox, nothing else changed.

Run by `tests/it/official_client.rs`, which starts the sandbox with the demo's world and sets
    CAREPASS_ENDPOINT   where it listens, without a slash at the end
    CAREPASS_KEY_FILE   the service account's key of nordic-se
Not here: what the client of carepass does, and the discovery documents that the sandbox makes itself.
"""

import json
import os
import unittest

import google_auth_httplib2
import httplib2
from google.auth import exceptions
from google.oauth2 import service_account
from googleapiclient import discovery, http
from googleapiclient.errors import HttpError

ENDPOINT = os.environ["CAREPASS_ENDPOINT"]
KEY_FILE = os.environ["CAREPASS_KEY_FILE"]
CUSTOMER = "C01nordicse"
ADMIN = "carepass-robot@reseller-se.example"
MARIA = "maria.nilsson@reseller-se.example"
YAMADA = "t.yamada@care-se.example"
FREE = {"productId": "101001", "skuId": "1010010001"}
STARTER = {"productId": "Google-Apps", "skuId": "1010020027"}
STANDARD = {"productId": "Google-Apps", "skuId": "1010020028"}
SCOPES = [
    "https://www.googleapis.com/auth/" + scope
    for scope in (
        "admin.directory.customer",
        "admin.directory.domain",
        "admin.directory.group",
        "admin.directory.orgunit",
        "admin.directory.rolemanagement",
        "admin.directory.user",
        "admin.directory.user.security",
        "apps.licensing",
    )
]
# Nothing here may leave this machine.
PATIENCE_SECONDS = 20


def credentials(subject=ADMIN, scopes=SCOPES):
    with open(KEY_FILE, encoding="utf-8") as file:
        key = json.load(file)
    key["token_uri"] = ENDPOINT + "/token"
    return service_account.Credentials.from_service_account_info(key, scopes=scopes, subject=subject)


def api(name, version, **kind):
    transport = google_auth_httplib2.AuthorizedHttp(credentials(**kind), http=httplib2.Http(timeout=PATIENCE_SECONDS))
    return discovery.build(
        name, version, http=transport, static_discovery=True, client_options={"api_endpoint": ENDPOINT}
    )


def pages(collection, field, method="list", **parameters):
    """Every item of every page, and how many pages there were."""
    items, count = [], 0
    request = getattr(collection, method)(**parameters)
    while request is not None:
        page = request.execute()
        items += page.get(field, [])
        count += 1
        request = getattr(collection, method + "_next")(request, page)
    return items, count


def control(path, body):
    """What no API of Google's does: people at the sign-in page, and faults."""
    plain = httplib2.Http(timeout=PATIENCE_SECONDS)
    answer, text = plain.request(ENDPOINT + "/_sandbox/" + path, "POST", json.dumps(body), {"content-type": "application/json"})
    plain.close()
    assert answer.status in (200, 204), text


class Sandbox(unittest.TestCase):
    """One service for every test of a class: the token is asked for once."""

    api = ("admin", "directory_v1")

    @classmethod
    def setUpClass(cls):
        cls.service = api(*cls.api)

    @classmethod
    def tearDownClass(cls):
        cls.service.close()

    def refused(self, request, status, reason):
        with self.assertRaises(HttpError) as caught:
            request.execute()
        error = caught.exception
        self.assertEqual(error.status_code, status, error)
        self.assertTrue(error.reason)
        self.assertEqual(error.error_details[0]["reason"], reason, error)
        return error

    def new_user(self, name, **more):
        body = {
            "primaryEmail": name + "@reseller-se.example",
            "password": "a-Secret-of-16-x",
            "name": {"givenName": "Given", "familyName": "Family"},
            **more,
        }
        return self.service.users().insert(body=body, resolveConflictAccount=True).execute()


class Users(Sandbox):
    def test_a_user_is_found_by_address_alias_and_id_in_any_case(self):
        users = self.service.users()
        yamada = users.get(userKey=YAMADA).execute()
        self.assertEqual(yamada["name"]["familyName"], "Yamada")
        for key in (yamada["id"], YAMADA.upper(), "Taro.Yamada@care-se.example"):
            self.assertEqual(users.get(userKey=key).execute()["primaryEmail"], YAMADA, key)
        self.assertNotIn("password", yamada)

    def test_projections_views_and_masks(self):
        users = self.service.users()
        for projection in ("basic", "custom", "full"):
            mask = {"customFieldMask": "HR"} if projection == "custom" else {}
            user = users.get(userKey=MARIA, projection=projection, viewType="admin_view", **mask).execute()
            self.assertEqual(user["primaryEmail"], MARIA)
        masked = users.get(userKey=MARIA, fields="id,name/givenName").execute()
        self.assertEqual(masked, {"id": masked["id"], "name": {"givenName": "Maria"}})
        users.get(userKey=MARIA, x__xgafv="2", prettyPrint=False, quotaUser="q", key="k").execute()
        self.refused(users.get(userKey=MARIA, fields="id,name("), 400, "invalidParameter")

    def test_lists_go_from_page_to_page(self):
        users = self.service.users()
        everybody, count = pages(users, "users", customer="my_customer", maxResults=1)
        addresses = [user["primaryEmail"] for user in everybody]
        self.assertEqual(addresses, sorted(addresses))
        self.assertGreaterEqual(count, 4)
        masked, _ = pages(users, "users", customer=CUSTOMER, fields="nextPageToken,users(primaryEmail)", maxResults=2)
        self.assertTrue(all(list(user) == ["primaryEmail"] for user in masked))
        care, _ = pages(users, "users", domain="care-se.example")
        self.assertEqual([user["primaryEmail"] for user in care], [YAMADA])

    def test_queries_and_orders(self):
        users = self.service.users()

        def found(query, **more):
            items, _ = pages(users, "users", customer=CUSTOMER, query=query, **more)
            return [user["primaryEmail"] for user in items]

        self.assertEqual(found("externalId='4711'"), [YAMADA])
        self.assertEqual(found("email:maria*"), [MARIA])
        self.assertEqual(found("givenName='Maria' familyName:Nils*"), [MARIA])
        self.assertEqual(found("isAdmin=true"), [ADMIN])
        self.assertIn("olle.berg@reseller-se.example", found("isSuspended=true"))
        rising = found("isSuspended=false", orderBy="familyName")
        self.assertEqual(found("isSuspended=false", orderBy="familyName", sortOrder="DESCENDING"), rising[::-1])
        self.refused(users.list(customer=CUSTOMER, query="nonsense"), 400, "invalid")

    def test_the_life_of_a_user(self):
        users = self.service.users()
        made = self.new_user(
            "life",
            changePasswordAtNextLogin=True,
            orgUnitPath="/",
            externalIds=[{"type": "custom", "customType": "carepass", "value": "E-1"}],
            organizations=[{"primary": True, "title": "Engineer", "department": "Care"}],
        )
        key = made["id"]
        patched = users.patch(userKey=key, body={"name": {"givenName": "Other"}}).execute()
        self.assertEqual((patched["name"]["givenName"], patched["name"]["familyName"]), ("Other", "Family"))
        # What was read can be sent back whole, with all that only Google sets.
        read = users.get(userKey=key, projection="full").execute()
        read["suspended"] = True
        updated = users.update(userKey=key, body=read).execute()
        self.assertTrue(updated["suspended"])
        self.assertEqual(updated["externalIds"], made["externalIds"])
        self.assertEqual(users.signOut(userKey=key).execute(), "")
        self.assertEqual(users.delete(userKey=key).execute(), "")
        self.refused(users.get(userKey=key), 404, "notFound")
        for deleted in ("true", "True"):
            gone, _ = pages(users, "users", customer=CUSTOMER, showDeleted=deleted)
            self.assertIn(key, [user["id"] for user in gone])
        self.assertEqual(users.undelete(userKey=key, body={"orgUnitPath": "/"}).execute(), "")
        self.assertEqual(users.get(userKey=key).execute()["primaryEmail"], made["primaryEmail"])

    def test_leaving(self):
        user = self.new_user("leaver")
        key, which = user["id"], {"customer": CUSTOMER}
        roles, _ = pages(self.service.roles(), "items", **which)
        body = {"roleId": next(role["roleId"] for role in roles if role["roleName"] == "_RESELLER_ADMIN_ROLE"), "assignedTo": key, "scopeType": "CUSTOMER"}
        held = self.service.roleAssignments().insert(body=body, **which).execute()["roleAssignmentId"]
        signed_in = {"two_step": {"customer": CUSTOMER, "user": key}, "sign_in": {"customer": CUSTOMER, "user": key, "application_password": "Mail"}}
        control("set", signed_in)
        self.assertTrue(self.service.users().get(userKey=key).execute()["isEnrolledIn2Sv"])
        self.assertEqual(self.service.roleAssignments().delete(roleAssignmentId=held, **which).execute(), "")
        self.refused(self.service.roleAssignments().delete(roleAssignmentId=held, **which), 404, "notFound")
        self.assertEqual(self.service.users().signOut(userKey=key).execute(), "")
        for token in self.service.tokens().list(userKey=key).execute()["items"]:
            self.assertEqual(self.service.tokens().delete(userKey=key, clientId=token["clientId"]).execute(), "")
        for password in self.service.asps().list(userKey=key).execute()["items"]:
            self.assertEqual(self.service.asps().delete(userKey=key, codeId=password["codeId"]).execute(), "")
        for kind in (self.service.tokens(), self.service.asps()):
            self.assertEqual(kind.list(userKey=key).execute().get("items", []), [])
        self.assertEqual(self.service.verificationCodes().invalidate(userKey=key).execute(), "")
        suspended = self.service.users().update(userKey=key, body={"suspended": True}).execute()
        self.assertEqual((suspended["suspended"], suspended["suspensionReason"]), (True, "ADMIN"))
        self.refused(self.service.verificationCodes().invalidate(userKey=key), 400, "invalid")

    def test_aliases(self):
        key = self.new_user("aliased")["id"]
        aliases = self.service.users().aliases()
        alias = "another.name@reseller-se.example"
        self.assertEqual(aliases.insert(userKey=key, body={"alias": alias}).execute()["alias"], alias)
        self.assertEqual([item["alias"] for item in aliases.list(userKey=key).execute()["aliases"]], [alias])
        self.assertEqual(self.service.users().get(userKey=alias).execute()["id"], key)
        self.refused(aliases.insert(userKey=key, body={"alias": alias}), 409, "duplicate")
        self.assertEqual(aliases.delete(userKey=key, alias=alias).execute(), "")
        self.refused(self.service.users().get(userKey=alias), 404, "notFound")

    def test_refusals_have_the_shape_that_the_client_reads(self):
        users = self.service.users()
        error = self.refused(users.get(userKey="nobody@reseller-se.example"), 404, "notFound")
        self.assertEqual(error.reason, "Resource Not Found: userKey")
        self.refused(users.get(userKey="somebody@elsewhere.example"), 403, "forbidden")
        body = {"primaryEmail": MARIA, "password": "a-Secret-of-16-x", "name": {"givenName": "M", "familyName": "N"}}
        self.refused(users.insert(body=body), 409, "duplicate")
        self.refused(users.insert(body={**body, "name": {}}), 400, "invalid")
        self.refused(users.insert(body={"name": body["name"], "password": "a-Secret-of-16-x"}), 400, "required")
        self.refused(users.update(userKey=MARIA, body={"sponsor": "x"}), 400, "invalid")
        self.refused(users.update(userKey=MARIA, body={"suspended": "yes"}), 400, "invalid")
        self.refused(users.list(customer=CUSTOMER, domain="care-se.example"), 400, "badRequest")
        self.refused(users.list(customer=CUSTOMER, maxResults=501), 400, "invalid")

    def test_a_batch_of_calls(self):
        seen = {}
        # The service's own batches go to the address in the discovery document, whatever `api_endpoint` says.
        batch = http.BatchHttpRequest(
            callback=lambda name, answer, error: seen.update({name: answer or error}), batch_uri=ENDPOINT + "/batch"
        )
        for key in (MARIA, "nobody@reseller-se.example"):
            batch.add(self.service.users().get(userKey=key, fields="primaryEmail"), request_id=key)
        batch.execute()
        self.assertEqual(seen[MARIA], {"primaryEmail": MARIA})
        self.assertEqual(seen["nobody@reseller-se.example"].status_code, 404)


class OrgUnits(Sandbox):
    def test_the_life_of_a_unit(self):
        units = self.service.orgunits()
        top = units.insert(customerId=CUSTOMER, body={"name": "Åre & Cloud", "parentOrgUnitPath": "/"}).execute()
        body = {"name": "Team A", "parentOrgUnitId": top["orgUnitId"], "description": "d"}
        team = units.insert(customerId="my_customer", body=body).execute()
        self.assertEqual(team["orgUnitPath"], "/Åre & Cloud/Team A")
        for key in ("Åre & Cloud/Team A", team["orgUnitId"]):
            self.assertEqual(units.get(customerId=CUSTOMER, orgUnitPath=key).execute()["orgUnitId"], team["orgUnitId"])
        self.assertEqual(self.listed(orgUnitPath="/Åre & Cloud", type="children"), ["/Åre & Cloud/Team A"])
        self.assertEqual(self.listed(type="all"), ["/Åre & Cloud", "/Åre & Cloud/Team A"])
        self.assertIn("/", self.listed(type="allIncludingParent"))
        change = {"description": "other"}
        self.assertEqual(units.patch(customerId=CUSTOMER, orgUnitPath=team["orgUnitId"], body=change).execute()["description"], "other")
        read = units.get(customerId=CUSTOMER, orgUnitPath="Åre & Cloud/Team A").execute()
        renamed = units.update(customerId=CUSTOMER, orgUnitPath="Åre & Cloud/Team A", body={**read, "name": "Team B"}).execute()
        self.assertEqual((renamed["orgUnitId"], renamed["orgUnitPath"]), (team["orgUnitId"], "/Åre & Cloud/Team B"))
        self.refused(units.delete(customerId=CUSTOMER, orgUnitPath="Åre & Cloud"), 412, "conditionNotMet")
        for key in ("Åre & Cloud/Team B", top["orgUnitId"]):
            self.assertEqual(units.delete(customerId=CUSTOMER, orgUnitPath=key).execute(), "")
        self.refused(units.get(customerId=CUSTOMER, orgUnitPath=team["orgUnitId"]), 404, "notFound")

    def test_units_that_cannot_be(self):
        units = self.service.orgunits()
        self.refused(units.insert(customerId=CUSTOMER, body={"name": "X", "parentOrgUnitPath": "/Nowhere"}), 400, "invalid")
        self.refused(units.insert(customerId=CUSTOMER, body={"parentOrgUnitPath": "/"}), 400, "required")

    def listed(self, **parameters):
        answer = self.service.orgunits().list(customerId=CUSTOMER, **parameters).execute()
        return [unit["orgUnitPath"] for unit in answer.get("organizationUnits", [])]


class Roles(Sandbox):
    def test_roles_and_privileges(self):
        roles, count = pages(self.service.roles(), "items", customer=CUSTOMER, maxResults=1)
        self.assertEqual(count, len(roles))
        admin = next(role for role in roles if role.get("isSuperAdminRole"))
        self.assertIsInstance(admin["roleId"], str)
        read = self.service.roles().get(customer="my_customer", roleId=admin["roleId"]).execute()
        self.assertEqual(read["roleName"], admin["roleName"])
        tree = self.service.privileges().list(customer=CUSTOMER).execute()["items"]
        self.assertTrue(any(item.get("childPrivileges") for item in tree))
        privilege = {"privilegeName": tree[0]["privilegeName"], "serviceId": tree[0]["serviceId"]}
        body = {"roleName": "Made by Python", "roleDescription": "d", "rolePrivileges": [privilege]}
        made = self.service.roles().insert(customer=CUSTOMER, body=body).execute()
        self.assertEqual(made["rolePrivileges"], [privilege])
        self.refused(self.service.roles().insert(customer=CUSTOMER, body={"roleName": "x"}), 400, "required")

    def test_the_life_of_an_assignment(self):
        assignments = self.service.roleAssignments()
        roles, _ = pages(self.service.roles(), "items", customer=CUSTOMER)
        role = next(role["roleId"] for role in roles if role["roleName"] == "_RESELLER_ADMIN_ROLE")
        user = self.new_user("role.holder")
        body = {"roleId": role, "assignedTo": user["id"], "scopeType": "CUSTOMER"}
        made = assignments.insert(customer=CUSTOMER, body=body).execute()
        self.assertEqual((made["roleId"], made["assignedTo"]), (role, user["id"]))
        self.refused(assignments.insert(customer=CUSTOMER, body=body), 500, "internalError")
        everything, count = pages(assignments, "items", customer=CUSTOMER, maxResults=1)
        self.assertGreaterEqual(len(everything), 3)
        self.assertGreaterEqual(count, len(everything))
        for key in (user["id"], user["primaryEmail"].upper()):
            held, _ = pages(assignments, "items", customer=CUSTOMER, userKey=key)
            self.assertEqual([item["roleAssignmentId"] for item in held], [made["roleAssignmentId"]])
        holders, _ = pages(assignments, "items", customer=CUSTOMER, roleId=role)
        self.assertTrue(all(item["roleId"] == role for item in holders))
        which = {"customer": CUSTOMER, "roleAssignmentId": made["roleAssignmentId"]}
        self.assertEqual(assignments.get(**which).execute()["assignedTo"], user["id"])
        self.assertTrue(self.service.users().get(userKey=user["id"]).execute()["isDelegatedAdmin"])
        self.assertEqual(assignments.delete(**which).execute(), "")
        self.refused(assignments.get(**which), 404, "notFound")


class Customer(Sandbox):
    def test_the_customer_and_its_domains(self):
        for key in ("my_customer", CUSTOMER):
            self.assertEqual(self.service.customers().get(customerKey=key).execute()["id"], CUSTOMER)
        domains = self.service.domains().list(customer=CUSTOMER).execute()["domains"]
        self.assertEqual([domain["domainName"] for domain in domains if domain["isPrimary"]], ["reseller-se.example"])
        self.assertTrue(any(domain.get("domainAliases") for domain in domains))
        self.refused(self.service.customers().get(customerKey="C0elsewhere"), 403, "forbidden")

    def test_groups(self):
        groups = self.service.groups()
        support = "support@reseller-se.example"
        listed, _ = pages(groups, "groups", customer=CUSTOMER, maxResults=1, orderBy="email")
        self.assertEqual([group["email"] for group in listed], [support])
        for key in (support.upper(), "help@reseller-se.example", listed[0]["id"]):
            self.assertEqual(groups.get(groupKey=key).execute()["email"], support, key)
        self.assertEqual(groups.list(userKey=MARIA).execute().get("groups", []), [])
        self.refused(groups.get(groupKey="nothing@reseller-se.example"), 404, "notFound")


class Licenses(Sandbox):
    api = ("licensing", "v1")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = api("admin", "directory_v1")

    @classmethod
    def tearDownClass(cls):
        cls.directory.close()
        super().tearDownClass()

    def test_the_life_of_a_license(self):
        licenses = self.service.licenseAssignments()
        email = "licensed@reseller-se.example"
        name = {"givenName": "L", "familyName": "F"}
        self.directory.users().insert(body={"primaryEmail": email, "password": "a-Secret-of-16-x", "name": name}).execute()
        self.refused(licenses.get(userId=email, **FREE), 404, "notFound")
        self.assertEqual(licenses.insert(body={"userId": email}, **FREE).execute()["userId"], email)
        self.assertEqual(licenses.get(userId=email, **FREE).execute()["skuId"], FREE["skuId"])
        self.refused(licenses.insert(body={"userId": email}, **FREE), 412, "conditionNotMet")
        licenses.insert(body={"userId": email}, **STARTER).execute()
        patched = licenses.patch(userId=email, body={"skuId": STANDARD["skuId"]}, **STARTER).execute()
        self.assertEqual(patched["skuId"], STANDARD["skuId"])
        updated = licenses.update(userId=email, body={**STARTER, "userId": email}, **STANDARD).execute()
        self.assertEqual(updated["skuId"], STARTER["skuId"])
        self.refused(licenses.update(userId=email, body={"skuId": STANDARD["skuId"]}, **STARTER), 400, "required")
        for which in (FREE, STARTER):
            self.assertIn(licenses.delete(userId=email, **which).execute(), ("", {}))
        self.refused(licenses.delete(userId=email, **FREE), 404, "notFound")

    def test_lists_go_from_page_to_page(self):
        licenses = self.service.licenseAssignments()
        for number in range(3):
            email = f"holder{number}@reseller-se.example"
            name = {"givenName": "L", "familyName": "F"}
            self.directory.users().insert(body={"primaryEmail": email, "password": "a-Secret-of-16-x", "name": name}).execute()
            licenses.insert(body={"userId": email}, **STARTER).execute()
        held, count = pages(licenses, "items", "listForProduct", productId="Google-Apps", customerId=CUSTOMER, maxResults=2)
        self.assertIn(MARIA, [item["userId"] for item in held])
        self.assertGreaterEqual(count, 2)
        starters, _ = pages(licenses, "items", "listForProductAndSku", customerId=CUSTOMER, maxResults=1, **STARTER)
        self.assertEqual(len([item for item in starters if item["userId"].startswith("holder")]), 3)
        by_domain, _ = pages(licenses, "items", "listForProduct", productId="Google-Apps", customerId="reseller-se.example")
        self.assertEqual(len(by_domain), len(held))
        self.refused(licenses.listForProduct(productId="none", customerId=CUSTOMER), 400, "invalid")


class Access(unittest.TestCase):
    def test_a_scope_that_is_not_asked_for_opens_nothing(self):
        with api("admin", "directory_v1", scopes=SCOPES[:1]) as service, self.assertRaises(HttpError) as caught:
            service.users().get(userKey=MARIA).execute()
        self.assertEqual((caught.exception.status_code, caught.exception.error_details[0]["reason"]), (403, "insufficientPermissions"))

    def test_tokens_that_are_refused(self):
        for kind, word in [
            ({"scopes": [*SCOPES, "https://mail.google.com/"]}, "unauthorized_client"),
            ({"subject": "nobody@reseller-se.example"}, "invalid_grant"),
        ]:
            with api("admin", "directory_v1", **kind) as service, self.assertRaises(exceptions.RefreshError) as caught:
                service.users().get(userKey=MARIA).execute()
            self.assertIn(word, str(caught.exception))

    def test_a_call_that_fails_in_passing_is_repeated(self):
        rule = {"match": {"path_regex": "/customers/my_customer$"}, "do": {"fail_before": True, "status": 503}, "times": 2}
        control("faults", rule)
        with api("admin", "directory_v1") as service:
            request = service.customers().get(customerKey="my_customer")
            request._sleep, request._rand = (lambda _: None), (lambda: 0)
            self.assertEqual(request.execute(num_retries=3)["id"], CUSTOMER)


if __name__ == "__main__":
    unittest.main()
