"""docker-compose.yml and deploy/Dockerfile as text: what has to hold of every container, whoever adds one."""

from __future__ import annotations

import re
import stat
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from contracts.names import OPERATOR, SERVICES, role_of
from deploy.local.operators import KINDS, OWN
from deploy.local.processes import CODE
from services.chassis.settings import read

FILE = yaml.safe_load((CODE / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: Mapping[str, Mapping[str, Any]] = FILE["services"]
DOCKERFILE = (CODE / "deploy" / "Dockerfile").read_text(encoding="utf-8")
LASTING = [name for name in CONTAINERS if name not in ("provision", "casebus")]
OUR_IMAGE = "casebus:local"
DIFFERENT = {"staff", "start_patience", "smtp_from", "templates", "webhooks"}
"""Settings whose value in a deployment is not what a service alone assumes."""
SECRET_WORDS = re.compile(r"pass|secret|key|token", re.IGNORECASE)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What deploy/compose/secrets.sh makes, asked for one channel more, and run again."""
    folder = tmp_path_factory.mktemp("desk") / "secrets"
    script = ["sh", str(CODE / "deploy/compose/secrets.sh"), "kiosk"]
    environment = {"PATH": "/usr/bin:/bin", "CASEBUS_SECRETS": str(folder)}
    subprocess.run(script, env=environment, check=True, capture_output=True)
    made = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    subprocess.run(script, env=environment, check=True, capture_output=True)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == made
    return folder


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_may_do_no_more_than_it_needs(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "cap_add" not in container
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["logging"]["options"]["max-size"], "its log fills the disk"
    assert not {"privileged", "network_mode", "pid", "ipc", "devices", "container_name"} & set(container)
    if container["image"] == OUR_IMAGE:
        assert "user" not in container, "the image says who runs it"
    else:
        assert container["user"] not in ("root", "0", 0)


@pytest.mark.parametrize("name", CONTAINERS)
def test_images_are_pinned(name: str) -> None:
    image = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", CONTAINERS[name]["image"])
    assert image == OUR_IMAGE or re.fullmatch(r"[a-z]+:\d+\.\d+[\w.-]*", image), f"{image} is whatever is newest"


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_watched_restarted_and_given_time_to_stop(name: str) -> None:
    container = CONTAINERS[name]
    assert container["healthcheck"]["test"][0] == "CMD"
    assert container["restart"] == "unless-stopped"
    if name != "mail":
        assert container["stop_grace_period"] == "60s"


def test_the_broker_is_up_when_its_port_is_open() -> None:
    assert CONTAINERS["rabbitmq"]["healthcheck"]["test"][-1] == "check_port_connectivity"


@pytest.mark.parametrize("name", CONTAINERS)
def test_nothing_is_open_to_the_world(name: str) -> None:
    ports = CONTAINERS[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    if name not in ("rabbitmq", "mail"):
        assert not ports, "a service with a port of the host cannot be scaled, and nobody outside needs one"


def test_the_database_has_a_network_of_its_own() -> None:
    assert CONTAINERS["mongo"]["networks"] == ["data"]
    assert FILE["networks"]["data"] == {"internal": True}


@pytest.mark.parametrize("name", CONTAINERS)
def test_secrets_are_files_and_none_is_in_the_file(name: str) -> None:
    container = CONTAINERS[name]
    for setting, value in container.get("environment", {}).items():
        if SECRET_WORDS.search(setting):
            assert setting.endswith("_FILE")
            assert value.startswith(("/run/secrets/", "/run/passwords/"))
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in container["secrets"]
        assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), f"{setting} holds a password"
    assert set(container.get("secrets", [])) <= set(FILE["secrets"])


def test_the_command_line_reads_as_the_operator_and_is_given_no_other_password_of_the_database() -> None:
    container = CONTAINERS["casebus"]
    assert container["environment"]["CASEBUS_MONGO"].startswith(f"mongodb://casebus_{OPERATOR}@")
    assert {secret for secret in container["secrets"] if secret.startswith("database")} == {f"database-{OPERATOR}"}
    assert not any(mount["source"].endswith("/database") for mount in container["volumes"])


def test_the_script_makes_every_secret_that_is_asked_for(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for secret in FILE["secrets"].values():
        file = secrets / secret["file"].partition("}/")[2]
        assert stat.S_IMODE(file.stat().st_mode) == 0o444, "its container is not its owner"
        assert len(file.read_text()) >= 48
    users = {file.name for file in (secrets / "broker").iterdir()}
    assert {*SERVICES, OPERATOR, "web", "agent.a1", "kiosk"} <= users
    assert all(user == OPERATOR or role_of(user) for user in users)
    contents = [file.read_text() for file in secrets.rglob("*") if file.is_file()]
    assert len(contents) == len(set(contents))


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_a_container_with_its_own_passwords_that_doctor_asks(name: str) -> None:
    assert name in CONTAINERS, f"docker-compose.yml has no service {name}, which contracts/services.py declares"
    assert CONTAINERS[name]["command"] == ["python", "-m", "services.chassis.run", name]
    assert {f"broker-{name}", f"database-{name}"} <= set(CONTAINERS[name]["secrets"])
    for secret, file in ((f"broker-{name}", f"broker/{name}"), (f"database-{name}", f"database/casebus_{name}")):
        listed = FILE["secrets"].get(secret, {"file": f"not listed: {secret} is missing under `secrets`"})["file"]
        assert listed.endswith("}/" + file)
    asked = CONTAINERS["casebus"]["environment"].get(f"CASEBUS_HEALTH_{name.upper()}_1")
    assert asked == f"http://{name}:8080", f"`casebus doctor` is not told where {name} is: CASEBUS_HEALTH_…_1"


def test_no_container_runs_a_service_that_is_not_declared() -> None:
    run = {name for name, container in CONTAINERS.items() if "services.chassis.run" in container.get("command", ())}
    assert run == set(SERVICES)


def test_the_services_take_their_settings(secrets: Path) -> None:
    """The services' environment, with the secrets where they are here, passes the services' own checks; a setting that
    nobody sets has the service's default."""
    for name, kind in KINDS.items():
        environment = {}
        for setting, value in CONTAINERS[name]["environment"].items():
            if value is None:
                continue  # passed only where it is set
            value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
            if value.startswith("/run/secrets/"):
                secret = FILE["secrets"][value.removeprefix("/run/secrets/")]
                value = str(secrets / secret["file"].partition("}/")[2])
            if value.startswith("/etc/casebus/"):
                value = source_of(CONTAINERS[name], value)
            environment[setting] = value
        settings = read(kind, environment)
        for field in fields(kind):
            if field.name not in OWN | DIFFERENT:
                given, alone = getattr(settings, field.name), field.default
                if isinstance(alone, Path):
                    given, alone = CODE / given, CODE / alone
                assert given == alone, field.name
        password = (secrets / "broker" / name).read_text()
        assert settings.amqp == f"amqp://{name}:{password}@rabbitmq:5672/casebus"
        assert settings.mongo.startswith(f"mongodb://casebus_{name}:")
        assert (settings.health_host, settings.health_port) == ("0.0.0.0", 8080)


def source_of(container: Mapping[str, Any], target: str) -> str:
    """The file or folder of this checkout that is mounted there unless the operator names another."""
    (mount,) = [mount for mount in container["volumes"] if mount["target"] == target]
    assert mount["read_only"]
    assert mount["bind"] == {"create_host_path": False}
    return str(CODE / re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount["source"]))


def reads_operators_files(name: str) -> bool:
    """Whether that service reads the catalogue and the staff file."""
    texts = [file.read_text(encoding="utf-8") for file in (CODE / "services" / name).rglob("*.py")]
    return any(f"services.chassis.{module} import" in text for module in ("operators_files", "staff") for text in texts)


@pytest.mark.parametrize("name", SERVICES)
def test_the_operator_can_give_every_setting(name: str) -> None:
    """In the environment or as a mounted file; except those that the deployment itself sets."""
    container, kind = CONTAINERS[name], KINDS[name]
    for field in fields(kind):
        setting = f"CASEBUS_{field.name.upper()}"
        if field.name in OWN - {"smtp"} | {"start_patience"} or (
            field.name in ("catalogue", "staff") and not reads_operators_files(name)
        ):
            continue  # set here; or only others read it
        assert setting in container["environment"], f"{name} is not told {setting}"
        given = container["environment"][setting]
        if given is not None and given.startswith("/etc/casebus/"):
            assert any(mount["source"].startswith(f"${{{setting}:-") for mount in container["volumes"])
        else:
            assert given is None or given.startswith(f"${{{setting}:-")


def test_the_image_is_of_locked_packages_and_nobodys() -> None:
    installs = [line for line in DOCKERFILE.splitlines() if re.search(r"pip .*\binstall\b", line)]
    assert installs
    assert all("--require-hashes" in line and "-r /requirements.lock" in line for line in installs)
    assert "COPY requirements.lock /" in DOCKERFILE
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert set(bases) == {"python:3.11-slim-bookworm"}
    assert not re.search(r"^(?!#).*(--mount|<<)|^# *syntax", DOCKERFILE, re.MULTILINE), "not every builder builds that"


IGNORED = [line for line in (CODE / ".dockerignore").read_text().splitlines() if not line.startswith("#")]


def is_in_the_image(file: str) -> bool:
    """Whether .dockerignore lets a file in: the last of its patterns that fits the file, or a folder of it, decides."""
    steps = file.split("/")
    ways = ["/".join(steps[:count]) for count in range(1, len(steps) + 1)]
    taken = True
    for pattern in IGNORED:
        wanted = pattern.removeprefix("!")
        if any(fits(way, wanted) for way in ways):
            taken = pattern.startswith("!")
    return taken


def fits(path: str, pattern: str) -> bool:
    """Whether a path is of a pattern, whose `*` stands for anything but a slash."""
    if pattern.startswith("**/"):
        return fits(path.rpartition("/")[2], pattern[3:])
    steps, wanted = path.split("/"), pattern.split("/")
    return len(steps) == len(wanted) and all(map(fnmatchcase, steps, wanted))


@pytest.fixture(scope="module")
def run_in_production() -> set[str]:
    """The files of all modules that the containers' commands import, directly or through others."""
    graph = grimp.build_graph("contracts", "services", "deploy", cache_dir=None)
    named = {word for container in CONTAINERS.values() for word in container.get("command", ())}
    # `python -m` runs a package's __main__; run.py imports a service by its name; `casebus` is deploy.cli.
    begun = {name for name in graph.modules if {name, name.removesuffix(".__main__")} & {*named, "deploy.cli"}}
    begun |= {f"services.{service}.service" for service in SERVICES}
    begun |= graph.find_children("services.client")  # a library of which the command line uses a part: it comes whole
    found = set(begun)
    for module in begun:
        found |= graph.find_upstream_modules(module)
    found |= {name.rsplit(".", count)[0] for name in found for count in range(1, name.count(".") + 1)}
    return {file_of(module) for module in found}


def file_of(module: str) -> str:
    path = module.replace(".", "/")
    return f"{path}.py" if (CODE / f"{path}.py").is_file() else f"{path}/__init__.py"


SHIPPED = [
    file.relative_to(CODE).as_posix()
    for folder in ("contracts", "services", "deploy")
    for file in (CODE / folder).rglob("*.py")
]


def test_the_image_holds_what_production_runs_and_nothing_else(run_in_production: set[str]) -> None:
    assert {file for file in SHIPPED if is_in_the_image(file)} == run_in_production


def test_the_wheel_holds_what_production_runs_and_nothing_else(run_in_production: set[str]) -> None:
    found = tomllib.loads((CODE / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]

    def is_in_the_wheel(file: str) -> bool:
        package = file.rpartition("/")[0].replace("/", ".")
        taken, left_out = (any(fnmatchcase(package, each) for each in found[key]) for key in ("include", "exclude"))
        return taken and not left_out

    assert {file for file in SHIPPED if is_in_the_wheel(file)} == run_in_production


def test_the_image_has_the_data_that_services_read_and_no_more() -> None:
    files = [
        file for folder in ("contracts", "services", "deploy") for file in (CODE / folder).rglob("*") if file.is_file()
    ]
    data = {file.relative_to(CODE).as_posix() for file in files if file.suffix not in (".py", ".pyc")}
    held = {file for file in data if is_in_the_image(file)}
    assert {file for file in held if not file.startswith("services/notifications/templates/")} == {
        "deploy/calendars.yaml",
        "deploy/catalogue.yaml",
        "deploy/knowledge.yaml",
        "services/intake/domain/issues/likeness.npz",
        "services/meaning/meanings.npz",
    }


def test_no_secret_gets_into_the_repository_or_the_image() -> None:
    ignored = (CODE / ".gitignore").read_text().splitlines()
    assert "deploy/compose/secrets/" in ignored
    left_out = (CODE / ".dockerignore").read_text().splitlines()
    assert next(line for line in left_out if line and not line.startswith("#")) == "*"
    assert not is_in_the_image("deploy/compose/secrets/broker-admin")
