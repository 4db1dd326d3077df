"""The acts about articles: somebody is helped by one and files nothing; somebody else files all the same, and is mailed
a link to another. The page is docs/cli.md.
"""

from __future__ import annotations

from contracts.articles import ArticleHelped, ArticleOpened
from contracts.common import AccountRequester
from contracts.tickets import SuggestSolution
from deploy.cli.articles.reading import days_ago, deflected
from deploy.cli.desk import database_now

from .articles import publish
from .form import Offer, typing
from .people import Agent, expect, wait_until
from .rehearsal import ARTICLE_URL
from .stage import Stage

KIMS_ADDRESS = "kim@customers.example"
KIM = AccountRequester(account_id="kim", display_name="Kim", tier="vip", email=KIMS_ADDRESS)

ORDERS, REFUNDS = "missing-credits", "refunds-and-chargebacks"
"""Articles, with texts in English and German."""
NO_ARTICLE = "credits-for-free"


class ArticleActs:
    """The acts, in order; the last needs a clock that is set ahead. It first publishes some of the shipped articles."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._web, self._say = stage, stage.web, stage.say
        published = publish(stage.rehearsal.settings, stage.operator, {ORDERS, REFUNDS})
        expect(published.refused, [], "what the desk refused of the articles")
        self._articles = {article.id: article for article in published.articles}

    def reads_and_files_nothing(self) -> None:
        """Mia is helped."""
        offer = self._reads("mia", "my order has not arrived", "en")
        self._web.say("article.helped", ArticleHelped(article_id=ORDERS, session="mia", draft="mia", helped=True))
        self._say(f"Mia types “{offer.typed}”, the form offers “{offer.title}”; that helps, and Mia files nothing")

    def reads_and_files_all_the_same(self) -> str:
        """Kim is not. Returns the number of the ticket."""
        words = "Meine Credits sind nicht da"
        offer = self._reads("kim", words, "de")
        lacks = "Was tue ich, wenn die Bestellung nicht in der Liste steht?"
        vote = ArticleHelped(article_id=ORDERS, session="kim", draft="kim", helped=False, words=lacks)
        self._web.say("article.helped", vote)
        number = self._stage.file(KIM, words, "billing", language="de", draft="kim")
        self._say(f"Kim types “{offer.typed}” and reads “{offer.title}”, but files ticket {number} all the same")
        return number

    def are_suggested(self, number: str, agent: Agent) -> None:
        """One that is published, and one that does not exist: the history keeps both, and the mail names the first."""
        articles = [REFUNDS, NO_ARTICLE]
        words = "The payment was never finished. You may also take your money back."
        agent.say(
            "ticket.suggest_solution",
            SuggestSolution(agent_id=agent.id, number=number, body=words, articles=articles),
        )
        told = self._stage.seen(KIM, number).history[-1]
        expect((told.kind, list(told.articles)), ("solution_suggested", articles), "what the history ends with")
        mail = self._stage.mail(KIMS_ADDRESS, number, "Antwort")
        title = self._articles[REFUNDS].texts["de"].title
        named = f"- {title}\n  {ARTICLE_URL.format(id=REFUNDS, language='de')}\n"
        expect(named in mail, True, f"that the mail about {number} has “{title}” and its address, as in “{mail}”,")
        expect(NO_ARTICLE in mail, False, f"that the mail about {number} names {NO_ARTICLE}")
        self._say(
            f"{agent.name} suggests a solution with an article and an id that no article has: Kim, who writes German, "
            f"is mailed a link to “{title}” alone, and the history has both"
        )

    def were_counted(self) -> None:
        """Only Mia's case counts as not filed."""
        knowledge, now = self._stage.operator.knowledge, database_now(self._stage.operator.client)

        def counted() -> tuple[int, int]:
            """How many drafts wait to be counted, and how many cases were not filed."""
            waiting = knowledge.timers.count_documents({"kind": "deflected"})
            return waiting, deflected(knowledge, days_ago(now, 1))

        wait_until(lambda: counted() == (0, 1), "of two drafts, not Mia's alone was counted as not filed", counted)
        self._say("Mia's case counts as not filed, because an article answered; Kim's does not")

    def _reads(self, draft: str, words: str, language: str) -> Offer:
        """Somebody reads the article about orders from the suggestions of a form."""
        offer = typing(words, ORDERS, lambda typed: self._web.suggested(typed, language))
        expect(bool(offer.title), True, f"that “{offer.typed}” is offered {ORDERS}")
        self._web.say("article.opened", ArticleOpened(article_id=ORDERS, session=draft, draft=draft))
        return offer
