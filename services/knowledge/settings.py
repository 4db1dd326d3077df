"""The settings of knowledge: the operator's file of the knowledge base."""

from __future__ import annotations

from pathlib import Path

from contracts.values import dataclass
from services.chassis.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSettings(Settings):
    """What knowledge needs besides what every service needs."""

    knowledge: Path = Path("deploy/knowledge.yaml")
    """The file with the desk's own language, the knowledge base's own categories, and synonyms."""


SETTINGS = KnowledgeSettings
