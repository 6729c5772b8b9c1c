"""The committed schemas and the AsyncAPI document as a validator sees them that nobody here wrote.

Run by `tests/it/schemas.rs`, which names the folder `docs` in CAREPASS_DOCS.
Not here: what carepass itself makes of an event, which is checked beside `model/event`.
"""

import copy
import json
import os
import pathlib
import unittest

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

DOCS = pathlib.Path(os.environ["CAREPASS_DOCS"])


def read(path):
    return json.loads((DOCS / path).read_text(encoding="utf-8"))


SCHEMAS = [read("schemas/engineer.v1.schema.json"), read("schemas/engineer-full.v1.schema.json")]
ASYNCAPI = read("asyncapi.json")
SAMPLES = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted((DOCS / "schemas/samples").glob("*.json"))}
REGISTRY = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS]
)


def message(event_type):
    return next(found for found in ASYNCAPI["components"]["messages"].values() if found["name"] == event_type)


def validator(payload):
    """The payload's references into the document are resolved within one schema."""
    return Draft202012Validator({"components": ASYNCAPI["components"], **payload}, registry=REGISTRY)


class Schemas(unittest.TestCase):
    def test_schemas_are_schemas(self):
        for schema in SCHEMAS + [found["payload"] for found in ASYNCAPI["components"]["messages"].values()]:
            Draft202012Validator.check_schema(schema)

    def test_samples_are_valid(self):
        self.assertGreaterEqual(len(SAMPLES), 4)
        for name, sample in SAMPLES.items():
            with self.subTest(name):
                faults = list(validator(message(sample["type"])["payload"]).iter_errors(sample))
                self.assertEqual([fault.message for fault in faults], [])

    def test_a_sample_without_what_it_needs_is_not(self):
        for name, sample in SAMPLES.items():
            for place in (["id"], ["data"], ["data", "revision"], ["data", "engineer", "key"]):
                spoilt = copy.deepcopy(sample)
                inner = spoilt
                for step in place[:-1]:
                    inner = inner[step]
                del inner[place[-1]]
                with self.subTest(name, place=place):
                    self.assertFalse(validator(message(sample["type"])["payload"]).is_valid(spoilt))

    def test_references_of_the_document_lead_somewhere(self):
        def references(node):
            if isinstance(node, dict):
                yield from (value for key, value in node.items() if key == "$ref")
                node = node.values()
            if isinstance(node, (list, type({}.values()))):
                for inner in node:
                    yield from references(inner)

        ids = {schema["$id"] for schema in SCHEMAS}
        for reference in references(ASYNCAPI):
            with self.subTest(reference):
                if reference.startswith("#/"):
                    node = ASYNCAPI
                    for step in reference[2:].split("/"):
                        node = node[step]
                else:
                    self.assertIn(reference, ids)


if __name__ == "__main__":
    unittest.main()
