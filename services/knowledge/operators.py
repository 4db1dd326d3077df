"""The operator's files as knowledge takes them, read together: catalogue, staff, and the file of the knowledge base."""

from __future__ import annotations

from contracts.by_language import Worded
from contracts.values import dataclass
from services.chassis.operators_files import load_operators_files, reloaded
from services.chassis.reloading import Reloaded
from services.knowledge.domain.values.desk import Desk
from services.knowledge.knowledge_file import load_knowledge
from services.knowledge.search.synonyms import Synonyms
from services.knowledge.settings import KnowledgeSettings


@dataclass(frozen=True, slots=True)
class Operators:
    """What the files say: for the rules, and for the search."""

    desk: Desk
    synonyms: Synonyms


def read_operators(settings: KnowledgeSettings) -> Reloaded[Operators]:
    """The files of these settings, read again when they change. Raises `WrongSettings` if one is invalid at start."""
    return reloaded(settings, lambda: _load(settings), settings.knowledge)


def _load(settings: KnowledgeSettings) -> Operators:
    files = load_operators_files(settings)
    own = load_knowledge(settings.knowledge, files.catalogue.categories)
    categories = {id_: Worded(each.name, each.names) for id_, each in files.catalogue.categories.items()}
    categories |= {id_: Worded(each.name, each.names) for id_, each in own.categories.items()}
    return Operators(Desk(own.language, categories, files.staff, own.categories), own.synonyms)
