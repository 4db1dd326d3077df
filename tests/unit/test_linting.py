"""What the linter checks of imports: the lists in pyproject.toml refuse what is not on them, and services are
separate."""

from __future__ import annotations

import pytest
from grimp import ImportGraph

from tests.linting import Only, Rooms


def contract(**more: list[str]) -> Only:
    options = {"source_modules": ["desk.*.domain"], "allowed_modules": ["words", "desk.decision"], **more}
    return Only("pure", {"root_packages": ["desk"]}, options)


@pytest.fixture
def graph() -> ImportGraph:
    """Two services with a domain each; what they import is added by the tests."""
    made = ImportGraph()
    for module in ("desk", "desk.decision", "desk.a", "desk.a.domain", "desk.a.domain.rules", "desk.a.repository"):
        made.add_module(module)
    for module in ("desk.b", "desk.b.domain", "words", "words.names", "os"):
        made.add_module(module)
    return made


def imports(graph: ImportGraph, imported: str, importer: str = "desk.a.domain.rules") -> None:
    graph.add_import(importer=importer, imported=imported)


@pytest.mark.parametrize("imported", ["words", "words.names", "desk.decision", "desk.a.domain"])
def test_what_is_listed_and_what_is_ones_own_may_be_imported(graph: ImportGraph, imported: str) -> None:
    imports(graph, imported)
    assert contract().check(graph, verbose=False).kept


@pytest.mark.parametrize("imported", ["os", "desk.a", "desk.a.repository", "desk.b.domain"])
def test_anything_else_may_not(graph: ImportGraph, imported: str) -> None:
    imports(graph, imported)
    check = contract().check(graph, verbose=False)
    assert not check.kept
    assert check.metadata["found"] == [("desk.a.domain.rules", imported)]


def test_others_may_import_what_they_like(graph: ImportGraph) -> None:
    imports(graph, "os", importer="desk.a.repository")
    assert contract().check(graph, verbose=False).kept


def test_an_exception_is_one_for_its_module_alone(graph: ImportGraph) -> None:
    imports(graph, "os")
    imports(graph, "os", importer="desk.b.domain")
    check = contract(ignore_imports=["desk.a.domain.rules -> os"]).check(graph, verbose=False)
    assert check.metadata["found"] == [("desk.b.domain", "os")]


def test_an_exception_that_nobody_needs_is_refused(graph: ImportGraph) -> None:
    with pytest.raises(Exception, match="os"):
        contract(ignore_imports=["desk.a.domain.rules -> os"]).check(graph, verbose=False)


WALLS = ["services.chassis.turn", "services.client.core", "services.routing.service", "services.sla"]


@pytest.mark.parametrize("importer", WALLS)
def test_nobody_in_services_imports_a_service(importer: str) -> None:
    walled = ImportGraph()
    for module in (*WALLS, "services.intake.domain", "services.intake.service", "deploy.cli"):
        walled.add_module(module)
    walled.add_import(importer="services.intake.service", imported="services.intake.domain")
    walled.add_import(importer="deploy.cli", imported="services.intake.domain")
    walled.add_import(importer="services.intake.service", imported="services.chassis.turn")
    rooms = Rooms("walls", {"root_packages": ["services"]}, {})
    assert rooms.check(walled, verbose=False).kept
    walled.add_import(importer=importer, imported="services.intake.domain")
    assert rooms.check(walled, verbose=False).metadata["found"] == [(importer, "services.intake.domain")]
