"""The API of a running daemon as judges see it that nobody here wrote: a validator of JSON schemas, and schemathesis.

Run by `tests/it/api.rs`, which names the daemon in CAREPASS_API and the file with a token in CAREPASS_TOKEN_FILE. Of four joiners three
have begun, one of whom waits for a seat, and the fourth is held.
Not here: what the answers mean, which is checked beside `http`.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

import requests
from jsonschema import Draft202012Validator

BASE = os.environ["CAREPASS_API"]
TOKEN = pathlib.Path(os.environ["CAREPASS_TOKEN_FILE"]).read_text(encoding="ascii").strip()
PATIENCE = 60

# What the fuzzer asks of every answer. Left out are those that ask whether a request is right by its schema alone: a schema cannot say
# that a cursor was given out before, or which orders are about an account.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth"
)


def ask(method, path, **more):
    headers = {"Authorization": f"Bearer {TOKEN}", **more.pop("headers", {})}
    return requests.request(method, BASE + path, headers=headers, timeout=30, **more)


def until(what, look):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} does not come about")


def first_waiting():
    """The card of whoever waits for a seat, once there is one, and the row."""
    for task in ask("GET", "/v1/tasks").json()["items"]:
        if task["reason"] == "seats_spent" and task["engineers"]:
            return task
    return None


def some_row():
    """A row of somebody, where there are seats for all."""
    rows = [row["target"] for row in ask("GET", "/v1/engineers/E-00000").json().get("enrollments", [])]
    return next((row for row in rows if row["domain"] and row["reseller"] == "nordic-se"), None)


class Document(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.document = requests.get(f"{BASE}/v1/openapi.json", timeout=30).json()

    def schema_of(self, method, path, status, media):
        content = self.document["paths"][path][method.lower()]["responses"][str(status)].get("content", {})
        self.assertIn(media, content, f"{method} {path}: {status}")
        return content[media]["schema"]

    def hold(self, method, path, answer):
        """Holds an answer against the document."""
        status = answer.status_code
        if status == 304:
            self.assertEqual(answer.content, b"")
            return
        media = answer.headers["content-type"].split(";")[0]
        schema = self.schema_of(method, path, status, media)
        body = answer.json() if media.endswith("json") else answer.text
        validator = Draft202012Validator({"components": self.document["components"], **schema})
        faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(body)]
        self.assertEqual(faults, [], f"{method} {path}: {status}")
        if status >= 400 and path not in ("/startupz", "/livez", "/readyz"):
            self.assertEqual(media, "application/problem+json")
            self.assertEqual(body["type"], f"https://carepass.example/problems/{body['code']}")
            self.assertEqual(body["status"], status)

    def test_schemas_are_schemas(self):
        self.assertEqual(self.document["openapi"], "3.1.0")
        for schema in self.document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)

    def test_real_answers_of_every_route(self):
        task = until("a task", first_waiting)
        waiting = task["engineers"][0]
        row = next(
            row
            for row in ask("GET", f"/v1/engineers/{waiting}").json()["enrollments"]
            if row["reason"] == "seats_spent"
        )
        target = row["target"]
        held = next(task for task in ask("GET", "/v1/tasks").json()["items"] if task["id"] == "grants-held")
        event = {"specversion": "1.0", "id": "1", "source": "urn:hr", "type": "com.carepass.engineer.joined.v1", "data": {}}
        structured = {"content-type": "application/cloudevents+json"}
        refused = ask("POST", "/v1/events", data=json.dumps(event), headers=structured)
        letter = refused.json()["letter"]
        order = {"reason": "checked"}
        names = {"key": waiting, "reseller": target["reseller"], "domain": target["domain"]}
        # Each route: what is sent, and the status that has to come.
        sent = {
            "listEngineers": [(names, {"params": {"limit": 1}}, 200), (names, {"params": {"state": "none"}}, 400)],
            "getEngineer": [(names, {}, 200), ({"key": "nobody"}, {}, 404)],
            "getHistory": [(names, {}, 200)],
            "listResellers": [(names, {}, 200), (names, {"params": {"limit": 1}}, 200)],
            "listDrift": [(names, {}, 200), (names, {"params": {"cursor": "x"}}, 400)],
            "listTasks": [(names, {}, 200), (names, {"params": {"limit": 1}}, 200)],
            "orderEnrollment": [
                (names, {"json": {"order": "retry", **order}, "headers": {"if-match": '"0"'}}, 412),
                (names, {"json": {"order": "retry", **order}}, 200),
            ],
            "orderEngineer": [
                ({"key": held["engineers"][0]}, {"json": {"order": "approve", **order}}, 200),
                ({"key": held["engineers"][0]}, {"json": {"order": "approve", **order}}, 409),
            ],
            "orderReseller": [(names, {"json": {"order": "retry", **order}}, 409)],
            "taskDone": [({"id": task["id"]}, {"json": order}, 200), ({"id": "T-0000000000"}, {"json": order}, 404)],
            "previewUsername": [(names, {"json": {"given": "Åsa", "family": "Öberg", "language": "sv"}}, 200)],
            "listDeadLetters": [(names, {}, 200)],
            "getDeadLetter": [({"id": letter}, {}, 200), ({"id": letter}, {"params": {"body": "true"}}, 200)],
            "replayDeadLetter": [({"id": letter}, {"json": order}, 422)],
            "sendEvents": [
                (names, {"data": json.dumps(event), "headers": structured}, 422),
                (names, {"data": json.dumps([event]), "headers": {"content-type": "application/cloudevents-batch+json"}}, 202),
            ],
            "getAddressMap": [(names, {}, 200)],
            "hasStarted": [(names, {}, 200)],
            "isLive": [(names, {}, 200)],
            "isReady": [(names, {}, 200)],
            "getMetrics": [(names, {}, 200)],
            "getOpenApi": [(names, {}, 200)],
            "getAsyncApi": [(names, {}, 200)],
            "getEngineerSchema": [(names, {}, 200)],
            "getFullEngineerSchema": [(names, {}, 200)],
        }
        described = {
            operation["operationId"]: (method.upper(), path)
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
        }
        # The stream does not end; it is looked at beside `http`.
        self.assertEqual(set(described) - {"follow"}, set(sent))
        for name, requests_of in sent.items():
            method, path = described[name]
            if name == "taskDone":
                # A row that was told to look is on no card until it has looked.
                until("the task again", lambda: task["id"] in (open["id"] for open in ask("GET", "/v1/tasks").json()["items"]))
            for filling, more, expected in requests_of:
                with self.subTest(name, expected=expected):
                    real = re.sub(r"{(\w+)}", lambda place: filling[place[1]], path)
                    answer = ask(method, real, **more)
                    self.assertEqual(answer.status_code, expected, answer.text)
                    self.hold(method, path, answer)
                    if "etag" in answer.headers:
                        again = ask(method, real, **{**more, "headers": {"if-none-match": answer.headers["etag"]}})
                        self.assertIn(again.status_code, (200, 304))
                        self.hold(method, path, again)

    def test_lists_go_on_where_their_cursor_says(self):
        for path in ("/v1/engineers", "/v1/resellers", "/v1/dead-letters", "/v1/tasks"):
            with self.subTest(path):
                names, query = [], {"limit": 1}
                while query:
                    part = ask("GET", path, params=query).json()
                    self.assertLessEqual(len(part["items"]), 1)
                    names += [item.get("key") or item.get("name") or item["id"] for item in part["items"]]
                    query = {"limit": 1, "cursor": part["next_cursor"]} if part["next_cursor"] else None
                self.assertEqual(len(names), len(set(names)))
                if path == "/v1/resellers":
                    self.assertEqual(names, sorted(names))
                    self.assertGreaterEqual(len(names), 3)

    def test_a_fuzzer_finds_nothing(self):
        """With the names of what is there: of names by chance it would see little but 404."""
        row = until("a row", some_row)
        pathlib.Path("schemathesis.toml").write_text(
            f"""[parameters]
"path.key" = "E-00000"
"path.reseller" = "{row['reseller']}"
"path.domain" = "{row['domain']}"
""",
            encoding="ascii",
        )
        command = [sys.executable, "-I", "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"]
        arguments = [
            f"{BASE}/v1/openapi.json",
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--checks", CHECKS),
            *("--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "4"),
            *("--seed", "7"),
            # One thread: where two read Python's own source at once, Python 3.11.2 takes its one count of how deep it reads for theirs and
            # ends with "AST constructor recursion depth mismatch" (https://github.com/python/cpython/issues/106905).
            *("--workers", "1"),
            *("--suppress-health-check", "all"),
            # The one does not end, and the other says 503 where there is no broker, which is what it is for.
            *("--exclude-path", "/v1/stream"),
            *("--exclude-path", "/readyz"),
            "--no-shrink",
            "--no-color",
        ]
        ended = subprocess.run(command + arguments, capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual(ended.returncode, 0, ended.stdout[-20_000:] + ended.stderr[-2_000:])


if __name__ == "__main__":
    unittest.main()
