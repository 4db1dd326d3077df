"""People who look for help before they file: they type into a channel's form, and it offers articles with each letter.

Some are helped and file nothing; others read, and file all the same. The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from contracts.articles import (
    ArticleHelped,
    ArticleHit,
    ArticleOpened,
    ArticlesFound,
    ArticleViewed,
    ListArticles,
    ViewArticle,
)
from contracts.catalogue import Catalogue
from contracts.common import AccountRequester
from contracts.outcomes import Accepted
from contracts.tickets import Submit, TicketOutcome
from services.client.blocking import Client

from .articles import Published
from .form import Offer, suggested, typing
from .run import Run
from .speaker import Speaker

A_LETTER = 0.04
"""Seconds that somebody takes to type one."""


@dataclass(frozen=True, slots=True)
class Seeker:
    """Somebody with a question, as they type it, and the id of the article that answers. `lacks`: what they miss in it;
    then they file all the same, in `category`. Empty: it helps."""

    name: str
    language: str
    words: str
    article: str
    lacks: str = ""
    category: str = ""


SEEKERS = (
    Seeker("Nora", "en", "I forgot my password and cannot get in", "recover-your-account"),
    Seeker("Tom", "en", "half my clothes are gone", "lost-inventory"),
    Seeker("Priya", "en", "nobody hears me when I talk", "sound-and-voice"),
    Seeker("Felix", "de", "Der Viewer stürtzt beim Start ab", "crashes"),
    Seeker("Camille", "fr", "On a piraté mon compte", "hacked-account"),
    Seeker("Lucía", "es", "El visor se cierra solo", "crashes"),
    Seeker(
        "Omar",
        "en",
        "I paid for credits but nothing arrived",
        "missing-credits",
        lacks="The order says completed, and I have logged out and in again.",
        category="billing",
    ),
    Seeker(
        "Hanna",
        "de",
        "Ich habe mein Passwort vergessen",
        "recover-your-account",
        lacks="Die Adresse, an die der Link geht, habe ich nicht mehr.",
        category="account-access",
    ),
)


@dataclass(frozen=True, slots=True)
class Sought:
    """What became of somebody's question: the offer, the ticket that they filed (`number`, or empty), all that they
    sent, and the `draft` that it named."""

    seeker: Seeker
    offer: Offer
    number: str
    sender: Speaker
    draft: str

    @property
    def read(self) -> bool:
        """Whether they were offered the article, and read it."""
        return bool(self.offer.title)

    @property
    def helped(self) -> bool:
        """Whether they were, and filed nothing."""
        return self.read and not self.number


@dataclass(frozen=True, slots=True)
class Seeking:
    """Which of the shipped articles the channel is shown, by id, and what became of everybody."""

    shown: set[str]
    sought: Sequence[Sought]


def seek(run: Run, url: str, published: Published, catalogue: Catalogue) -> Seeking:
    """All type at once, on a connection of their own. Those whose article is not published stay away. Raises Trouble if
    the desk gives another answer."""
    ids = sorted(published.public | published.internal)
    with Client(url) as client:
        listed = client.ask("article.list", ListArticles(ids=ids)).expect(ArticlesFound).articles if ids else ()
        people = [seeker for seeker in SEEKERS if seeker.article in published.public]
        with ThreadPoolExecutor(len(SEEKERS)) as threads:
            sought = list(threads.map(partial(_seek, run, client, catalogue), people))
    return Seeking({hit.id for hit in listed}, sought)


def _seek(run: Run, client: Client, catalogue: Catalogue, seeker: Seeker) -> Sought:
    sender, account = Speaker(client), run.account(seeker.name.lower())
    session, draft = f"{account}-visit", f"{account}-form"

    def suggest(words: str) -> Sequence[ArticleHit]:
        time.sleep(A_LETTER * run.pace)
        return suggested(client, words, seeker.language)

    offer = typing(seeker.words, seeker.article, suggest)
    if not offer.title:
        return Sought(seeker, offer, "", sender, draft)
    viewing = ViewArticle(article_id=seeker.article, language=seeker.language)
    article = client.ask("article.view", viewing).expect(ArticleViewed).article
    opened = ArticleOpened(article_id=article.id, session=session, draft=draft)
    sender.expect("article.opened", opened, Accepted)
    vote = ArticleHelped(
        article_id=article.id, session=session, draft=draft, helped=not seeker.lacks, words=seeker.lacks or None
    )
    sender.expect("article.helped", vote, Accepted)
    number = _file(sender, catalogue, seeker, account, draft) if seeker.lacks else ""
    return Sought(seeker, offer, number, sender, draft)


def _file(sender: Speaker, catalogue: Catalogue, seeker: Seeker, account: str, draft: str) -> str:
    known = catalogue.categories
    submission = Submit(
        requester=AccountRequester(account_id=account, display_name=seeker.name, tier="standard"),
        category=seeker.category if seeker.category in known else next(iter(known)),
        subject=seeker.words,
        body=seeker.lacks,
        language=seeker.language,
        draft=draft,
    )
    return sender.expect("ticket.submit", submission, TicketOutcome).ticket.number
