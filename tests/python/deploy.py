"""What is shipped for containers, read by somebody else's YAML: the chart and its schema, the compose file, the image, the alert rules.

Run by `tests/it/deploy.rs`, which names the repository's folder in CAREPASS_ROOT.
Not here: the package (`tests/it/deploy.rs`) and the queries of rules and dashboard (`tests/it/watching.rs`). There is no helm on the machines
that this runs on: templates are held against the values, and not rendered.
"""

import copy
import json
import os
import pathlib
import re
import tomllib
import unittest

import yaml
from jsonschema import Draft7Validator

ROOT = pathlib.Path(os.environ["CAREPASS_ROOT"])
CHART = ROOT / "deploy/helm/carepass"
TEMPLATES = {path.relative_to(CHART).as_posix(): path.read_text() for path in sorted((CHART / "templates").rglob("*.*"))}


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
COMPOSE = yaml.safe_load(text("deploy/compose.yaml"))
DOCKERFILE = text("deploy/Dockerfile")
CARGO = tomllib.loads(text("Cargo.toml"))


def keys(table, above=""):
    """Every key of the configuration, with dots; one of a reseller account without its place in the list."""
    for name, value in table.items():
        path = f"{above}.{name}" if above else name
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0]
        if isinstance(value, dict):
            yield from keys(value, path)
        else:
            yield path


KEYS = set(keys(tomllib.loads(text("config/default.toml"))))


class Chart(unittest.TestCase):
    def changed(self, change):
        values = copy.deepcopy(VALUES)
        change(values)
        return [fault.message for fault in Draft7Validator(SCHEMA).iter_errors(values)]

    def test_the_values_are_what_the_schema_says(self):
        Draft7Validator.check_schema(SCHEMA)
        self.assertEqual(self.changed(lambda values: None), [])

    def test_wrong_values_are_refused(self):
        wrong = {
            "an unknown key": lambda values: values.update(replicas=2),
            "an unknown key within": lambda values: values["service"].update(ports=[1]),
            "no replica": lambda values: values.update(replicaCount=0),
            "two replicas on one volume": lambda values: values["persistence"].update(enabled=True),
            "a port that is none": lambda values: values["networkPolicy"].update(egressPorts=[0]),
            "a text as a number": lambda values: values.update(replicaCount="2"),
            "an empty configuration": lambda values: values.update(config=""),
            "a size without a unit": lambda values: values["persistence"].update(size="8"),
        }
        for name, change in wrong.items():
            with self.subTest(name):
                self.assertNotEqual(self.changed(change), [])

        def one_on_a_volume(values):
            values["persistence"]["enabled"] = True
            values["replicaCount"] = 1

        self.assertEqual(self.changed(one_on_a_volume), [])

    def test_every_value_has_a_default_and_a_use(self):
        def walk(schema, values, above):
            for name, inner in schema.get("properties", {}).items():
                path = f"{above}.{name}"
                if path in (".global", ".nameOverride", ".fullnameOverride"):
                    continue
                self.assertIn(name, values, path)
                if isinstance(values[name], dict) and "properties" in inner:
                    walk(inner, values[name], path)
                else:
                    used = any(f".Values{path}" in template for template in TEMPLATES.values())
                    self.assertTrue(used, f"{path} is used by no template")

        walk(SCHEMA, VALUES, "")

    def test_templates_name_values_and_parts_that_are_there(self):
        self.assertGreater(len(TEMPLATES), 10)
        defined = set(re.findall(r'{{-? define "([^"]+)"', "".join(TEMPLATES.values())))
        for name, template in TEMPLATES.items():
            with self.subTest(name):
                for path in re.findall(r"\.Values((?:\.\w+)+)", template):
                    schema = SCHEMA
                    for part in path[1:].split("."):
                        self.assertIn(part, schema.get("properties", {}), path)
                        schema = schema["properties"][part]
                for part in re.findall(r'include "([^"]+)"', template):
                    self.assertIn(part, defined)
                for file in re.findall(r'\.Files\.Get "([^"]+)"', template):
                    self.assertTrue((CHART / file).is_file(), file)

    def test_blocks_of_templates_are_closed(self):
        for name, template in TEMPLATES.items():
            with self.subTest(name):
                self.assertEqual(template.count("{{"), template.count("}}"))
                opened = re.findall(r"{{-? (?:if|with|range|define)\b", template)
                self.assertEqual(len(opened), len(re.findall(r"{{-? end -?}}", template)))

    def test_what_is_not_templated_is_yaml(self):
        """Every line that holds a template is left out: what remains has to be in order by itself."""
        for name, template in TEMPLATES.items():
            if name.endswith(".yaml"):
                plain = "\n".join(line for line in template.splitlines() if not line.strip().startswith("{{"))
                plain = re.sub(r"{{.*?}}", "x", plain)
                with self.subTest(name):
                    self.assertIn("kind", yaml.safe_load(plain))

    def test_every_pod_is_as_strict_as_the_other(self):
        for name in ("templates/deployment.yaml", "templates/tests/flight.yaml"):
            template = TEMPLATES[name]
            with self.subTest(name):
                self.assertEqual(template.count("carepass.securityContext"), template.count("image: {{"))
                self.assertEqual(template.count("carepass.podSecurityContext"), 1)
                self.assertIn("automountServiceAccountToken: false", template)
        strict = TEMPLATES["templates/_helpers.tpl"]
        for line in ("runAsNonRoot: true", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false", "type: RuntimeDefault"):
            self.assertIn(line, strict)

    def test_the_store_is_embedded_on_a_volume_alone(self):
        line = '- name: CAREPASS__STORE__BACKEND\n  value: {{ ternary "embedded" "postgres" .Values.persistence.enabled }}\n'
        self.assertIn(line, TEMPLATES["templates/_helpers.tpl"])

    def test_keyless_reaches_the_metadata_server(self):
        policy = TEMPLATES["templates/networkpolicy.yaml"]
        for address, port in (("169.254.169.254/32", 80), ("169.254.169.252/32", 988)):
            self.assertRegex(policy, rf"cidr: {re.escape(address)}\n +ports:\n +- port: {port}\n")

    def test_probes_ask_for_what_there_is(self):
        routes = text("src/http/routes.rs")
        for path in re.findall(r"httpGet: {path: (\S+),", TEMPLATES["templates/deployment.yaml"]):
            self.assertIn(f'"{path}"', routes)

    def test_a_browser_stays_at_one_replica_as_long_as_its_session(self):
        service = TEMPLATES["templates/service.yaml"]
        self.assertIn("\n  sessionAffinity: ClientIP\n", service)
        hours = int(re.search(r"AGE_MAX: Duration = Duration::from_hours\((\d+)\)", text("src/http/room/session.rs"))[1])
        self.assertIn(f"\n      timeoutSeconds: {hours * 3600}\n", service)
        notes = TEMPLATES["templates/NOTES.txt"]
        for said in ("dashboard", "http.hosts", "cookie affinity"):
            self.assertIn(said, notes)

    def test_chart_and_binary_are_of_one_version(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual(chart["appVersion"], CARGO["package"]["version"])
        self.assertEqual(chart["apiVersion"], "v2")


class Watching(unittest.TestCase):
    def test_every_rule_is_whole(self):
        (group,) = yaml.safe_load(text("deploy/prometheus/alerts.yaml"))["groups"]
        self.assertEqual(len(group["rules"]), 8)
        for rule in group["rules"]:
            with self.subTest(rule["alert"]):
                self.assertTrue(rule["alert"].startswith("Carepass"))
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook"})

    def test_panels_do_not_lie_on_one_another(self):
        panels = json.loads(text("deploy/grafana/carepass.json"))["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(taken & cells, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells


class Containers(unittest.TestCase):
    def test_the_image_is_a_binary_and_nothing_else(self):
        last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
        self.assertTrue(last.startswith("\nFROM scratch\n"))
        self.assertNotIn("\nRUN ", last)
        user = re.search(r"\nUSER (\d+):(\d+)\n", last)
        self.assertTrue(user and int(user[1]) > 0 and int(user[2]) > 0)
        self.assertIn('CMD ["/usr/bin/carepass", "health"]', last)
        toolchain = tomllib.loads(text("rust-toolchain.toml"))["toolchain"]["channel"]
        self.assertIn(f"RUSTUP_TOOLCHAIN={toolchain}\n", DOCKERFILE)
        self.assertIn(f"FROM rust:{toolchain.rsplit('.', 1)[0]}-alpine", DOCKERFILE)

    def test_whatever_is_copied_is_in_the_context(self):
        kept = {line[1:] for line in text("deploy/Dockerfile.dockerignore").splitlines() if line.startswith("!")}
        first = DOCKERFILE[: DOCKERFILE.rindex("\nFROM ")]
        copied = {source for line in re.findall(r"\nCOPY (.*)", first) for source in line.split()[:-1]}
        self.assertEqual(copied, kept)
        for source in copied:
            self.assertTrue((ROOT / source).exists(), source)
        # What the build includes as text has to be in the image's context as well.
        for file in (ROOT / "src").rglob("*.rs"):
            if "tests" in file.name:
                continue
            for included in re.findall(r'include_str!\("([^"]+)"\)', file.read_text()):
                path = (file.parent / included).resolve().relative_to(ROOT.resolve())
                self.assertIn(path.parts[0], kept, f"{file}: {included}")

    def test_the_house_of_compose_is_closed(self):
        carepass = COMPOSE["services"]["carepass"]
        self.assertTrue(carepass["read_only"])
        self.assertEqual(carepass["cap_drop"], ["ALL"])
        self.assertIn("no-new-privileges:true", carepass["security_opt"])
        for name, service in COMPOSE["services"].items():
            with self.subTest(name):
                self.assertNotIn("privileged", service)
                for port in service.get("ports", []):
                    self.assertTrue(port.startswith("127.0.0.1:"), port)
                for secret in service.get("secrets", []):
                    self.assertIn(secret, COMPOSE["secrets"])
                for volume in service.get("volumes", []):
                    source = volume.split(":")[0]
                    self.assertTrue(source.startswith("./") or source in COMPOSE["volumes"], volume)
        self.assertTrue(COMPOSE["networks"]["inside"]["internal"])
        self.assertEqual(COMPOSE["services"]["postgres"]["networks"], ["inside"])
        self.assertEqual(COMPOSE["services"]["rabbitmq"]["networks"], ["inside"])

    def test_variables_and_secrets_are_keys_of_the_configuration(self):
        places = [text("deploy/compose.yaml"), DOCKERFILE] + list(TEMPLATES.values())
        variables = {name for place in places for name in re.findall(r"CAREPASS__[A-Z_]+", place)}
        self.assertGreater(len(variables), 1)
        for name in variables:
            self.assertIn(name.removeprefix("CAREPASS__").lower().replace("__", "."), KEYS)
        for name in COMPOSE["services"]["carepass"]["secrets"]:
            parts = name.split(".")
            plain = ".".join(parts[:1] + parts[2:]) if parts[0] == "resellers" else name
            self.assertIn(f"{plain}_file", KEYS)


if __name__ == "__main__":
    unittest.main()
