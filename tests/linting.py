"""Kinds of contract for import-linter: what modules may import (its own kinds say what they may not), and the walls
between the services. `pyproject.toml` has the contracts; `make lint` checks them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.application.contract_utils import AlertLevel, remove_ignored_imports_and_report
from importlinter.domain.helpers import module_expressions_to_modules

from contracts.names import SERVICES

ROOMS = [f"services.{service}" for service in SERVICES]


class Only(Contract):
    """`source_modules`, with everything in them, may import themselves and `allowed_modules`, with everything in those.

    Of other packages, also of the standard library, a whole top level is allowed or not. `ignore_imports` are
    exceptions, as `importer -> imported`; one that is no longer needed breaks the contract.
    """

    source_modules: Any = fields.ListField(subfield=fields.ModuleExpressionField())
    allowed_modules: Any = fields.SetField(subfield=fields.StringField())
    ignore_imports: Any = fields.SetField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Called by import-linter."""
        remove_ignored_imports_and_report(graph, self.ignore_imports, AlertLevel.ERROR)
        sources = module_expressions_to_modules(graph, self.source_modules)
        found = sorted(
            (importer, imported)
            for source in sources
            for importer in {source.name, *graph.find_descendants(source.name)}
            for imported in graph.find_modules_directly_imported_by(importer)
            if not _is_in(imported, {source.name, *self.allowed_modules})
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Called by import-linter."""
        for importer, imported in check.metadata["found"]:
            output.print_error(f"{importer} imports {imported}, which is not among what it may import", bold=False)


class Rooms(Contract):
    """No module of `services` imports one of a service, except the service itself: neither another service nor chassis
    and client. The services are those that contracts/services.py declares."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Called by import-linter."""
        found = sorted(
            (importer, imported)
            for importer in graph.modules
            if _is_in(importer, {"services"})
            for imported in graph.find_modules_directly_imported_by(importer)
            for room in ROOMS
            if _is_in(imported, {room}) and not _is_in(importer, {room})
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Called by import-linter."""
        for importer, imported in check.metadata["found"]:
            output.print_error(f"{importer} imports {imported}, which is another service's", bold=False)


def _is_in(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
