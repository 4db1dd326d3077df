"""`casebus articles …`: reads arguments and prints. The page is docs/knowledge.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from contracts.articles import OfEditor, PublishArticle, WithdrawArticle
from contracts.common import Audience
from contracts.outcomes import Accepted
from deploy import settings
from deploy.files import write_atomically
from deploy.trouble import Trouble
from services.client.blocking import Client
from services.knowledge.domain.values.article import Article, Version

from .. import show
from ..desk import Desk, database_now
from ..operator import accepted
from . import reading, showing
from .folder import Found, read_folder, written
from .importing import Done, Import, bring, faults, linked, loose, not_found
from .ranking import stale as stale_ones
from .ranking import unhelpful
from .reading import Figures, Listed

app = typer.Typer(help="The knowledge base: read, import, export, publish and withdraw articles.", no_args_is_help=True)
console = show.console()

State = Literal["draft", "published", "withdrawn"]
Id = Annotated[str, typer.Argument(metavar="ID", help="The article's id, such as `case-statuses`.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="The articles' ids.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where <language>/<id>.md and files/<id>/ are.")]
Language = Annotated[str | None, typer.Option(help="Only in this language, such as `de`. (default: all)")]
Json = Annotated[bool, typer.Option("--json", help="Print each article as one line of JSON.")]
Limit = Annotated[int, typer.Option(min=1, help="How many lines to print at most.")]
Days = Annotated[int, typer.Option(min=1, help="How many days of reading and searching count.")]

READ_WITHIN = 30
"""Days of reading that `list` and `stale` show."""

VERSIONS_SHOWN = 10


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only those with a draft, published, or withdrawn.")] = None,
    category: Annotated[str | None, typer.Option(help="Only those of this category id.")] = None,
    audience: Annotated[Audience | None, typer.Option(help="Only those for everybody, or for staff.")] = None,
    as_json: Json = False,
) -> None:
    """List the articles, and how they were read in the last 30 days."""
    wanted = {"states": state, "category": category, "audience": audience}
    condition = {name: value for name, value in wanted.items() if value is not None}
    with Desk(settings.load()) as desk:
        since = reading.days_ago(database_now(desk.client), READ_WITHIN)
        rows = reading.listed(desk.knowledge, condition, since)
    if as_json:
        _print_json(rows)
        return
    if not rows:
        console.print("No article matches." if condition else "There are no articles yet.")
        return
    console.print(showing.table(rows))
    console.print(f"[dim]{showing.counted(len(rows), 'article')}[/]")


@app.command("show")
def show_(
    id_: Id,
    language: Annotated[str | None, typer.Option(help="Its text in this language. (default: its own)")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="The text of this version. (default: the newest)")] = None,
) -> None:
    """Show an article: its state, its newest changes, how it was read, and its text."""
    with Desk(settings.load()) as desk:
        since = reading.days_ago(database_now(desk.client), READ_WITHIN)
        article = reading.article(desk.knowledge, id_)
        changes = reading.versions(desk.knowledge, id_, VERSIONS_SHOWN)
        figures = reading.figures(desk.knowledge, [id_], since).get(id_, Figures())
        text = _text_of(desk, article, language or article.language, version)
    for line in showing.head(article, figures):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(showing.changes(changes))
    if article.version > len(changes):
        console.print(f"[dim]… and {article.version - len(changes):,} older ones[/]")
    console.print()
    console.print(Text(show.plain(text.title or ""), "bold"))
    console.print(Text(f"{text.language}, version {text.version}", "dim"))
    console.print()
    assert text.text is not None, "it was chosen for its text"
    console.print(Text(show.plain(text.text.body, keep_lines=True)), soft_wrap=True)


def _text_of(desk: Desk, article: Article, language: str, version: int | None) -> Version:
    """The version whose text is shown. Raises Trouble if it wrote none."""
    number = article.newest(language) if version is None else version
    if number is None:
        known = ", ".join(sorted({*article.drafts, *article.live}))
        raise Trouble(f"{article.id} has no text in {show.plain(language)}; it has {known}.")
    found = reading.version(desk.knowledge, article.id, number)
    if found is None:
        raise Trouble(f"{article.id} has no version {number}; it is at version {article.version}.")
    if found.text is None:
        raise Trouble(f"Version {number} of {article.id} has no text: it says {found.what}.")
    return found


@app.command("import")
def import_(
    folder: Folder,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish what readers do not see, withdrawn texts too.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Import the articles without mistakes all the same.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Bring the articles of a folder to the desk: only what differs. It removes nothing.

    If a file has a mistake, it says so with the line, and nothing is imported.
    """
    found = settings.load()
    read = _read(folder, found)
    mistakes = list(read.mistakes)
    with Desk(found) as desk:
        ids = {each.id for each in read.articles}
        stands = {each.article.id: each for each in reading.held(desk.knowledge, ids)}
        known = ids | reading.existing(desk.knowledge, linked(read.articles))
    planned = Import.of(read.articles, stands, publish=publish)
    mistakes += planned.mistakes
    for mistake in mistakes:
        typer.echo(show.plain(mistake.sentence), err=True)
    if mistakes and not keep_going:
        raise Trouble(f"{showing.counted(len(mistakes), 'mistake')}. Nothing was imported.", 2)
    for remark in loose(read.articles, known):
        typer.echo(show.plain(remark), err=True)
    brought: list[Done] = []
    late: list[str] = []
    if not dry_run and planned.changes:
        with Client(found.get("AMQP_OPERATOR")) as client:
            for said in bring(client, planned):
                brought.append(said)
                console.print(Text(show.plain(said.line), "red" if said.refusal else ""), soft_wrap=True)
            late = not_found(client, brought) if publish else []
    elif dry_run:
        for change in planned.changes:
            console.print(Text(show.plain(change.line)), soft_wrap=True)
    refused = sum(bool(each.refusal) for each in brought)
    console.print(f"[dim]{_summary(planned, refused, dry_run=dry_run)}[/]")
    if late:
        console.print(f"Readers cannot find these yet: {', '.join(late)}. They will, once the index has them.")
    if refused or mistakes:
        raise typer.Exit(1)


def _read(folder: Path, found: settings.Settings) -> Found:
    """The folder's articles. Raises Trouble if it cannot be read or holds no article."""
    try:
        read = read_folder(folder, faults, found.article_categories())
    except OSError as error:
        raise Trouble(f"{error.filename or folder}: {error.strerror}.", 2) from error
    if not read.articles and not read.mistakes:
        raise Trouble(f"{folder}: there are no articles in it (<language>/<id>.md).", 2)
    return read


def _summary(planned: Import, refused: int, *, dry_run: bool) -> str:
    new, changed = len(planned.new), len(planned.changes) - len(planned.new)
    said = (
        f"{showing.counted(planned.count, 'article')}: {new:,} new, {changed:,} changed, {planned.same:,} as they are"
    )
    if refused:
        said += f"; {refused:,} refused"
    if not planned.changes:
        return f"{said}. Nothing was sent."
    return f"{said}. Nothing was sent: this is a dry run." if dry_run else f"{said}."


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write. Files that it names are replaced.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only these articles.")] = None,
) -> None:
    """Write the articles into a folder that `import` reads: the newest text of each language, published or not."""
    with Desk(settings.load()) as desk:
        missing = set(ids or ()) - reading.existing(desk.knowledge, ids or ())
        if missing:
            raise Trouble(f"There is no article {show.plain(', '.join(sorted(missing)))}.")
        count = files = 0
        for article in reading.exported(desk.knowledge, ids or ()):
            count += 1
            for path, content in written(article):
                _write(folder / path, content)
                files += 1
    console.print(
        f"{show.plain(str(folder))}: {showing.counted(count, 'article')} in {showing.counted(files, 'file')}."
    )


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content, 0o644)
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}.", 2) from error


@app.command("publish")
def publish(ids: Ids, language: Language = None) -> None:
    """Show readers the drafts of these articles."""
    _each(ids, lambda id_: PublishArticle(article_id=id_, language=language), "article.publish", "published")


@app.command("withdraw")
def withdraw(
    ids: Ids,
    language: Language = None,
    reason: Annotated[str | None, typer.Option(help="Why: the article's history shows it.")] = None,
) -> None:
    """Withdraw these articles from readers. Their texts become drafts again."""
    _each(
        ids,
        lambda id_: WithdrawArticle(article_id=id_, language=language, reason=reason),
        "article.withdraw",
        "withdrawn",
    )


def _each(ids: Sequence[str], data: Any, type_: str, did: str) -> None:
    """Send the command for each of these articles. Raises Trouble if one is refused; the others are done."""
    refused = []
    with Client(settings.load().get("AMQP_OPERATOR")) as client:
        for id_ in dict.fromkeys(ids):
            try:
                command: OfEditor = data(id_)
                stands = accepted(client.command(type_, command), Accepted).article
            except Trouble as trouble:
                refused.append(f"{show.plain(id_)}: {trouble}")
                continue
            languages = ", ".join(stands.published) if stands is not None else ""
            console.print(Text(f"{show.plain(id_)}: {did}. Readers find it in: {languages or 'no language'}."))
    if refused:
        raise Trouble("\n".join(refused))


@app.command("stale")
def stale(
    days: Annotated[int, typer.Option(min=1, help="Nobody has changed them for this many days.")] = 180,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List published articles that nobody has changed for long, first those that are read most and help least."""
    with Desk(settings.load()) as desk:
        now = database_now(desk.client)
        rows = reading.listed(desk.knowledge, {"states": "published"}, reading.days_ago(now, READ_WITHIN))
        found = stale_ones(rows, reading.days_ago(now, days))
    if as_json:
        _print_json(found)
        return
    if not found:
        console.print(f"Every published article was changed within the last {showing.counted(days, 'day')}.")
        return
    console.print(showing.table(found[:limit]))
    console.print(
        f"[dim]{showing.counted(len(found), 'article')} unchanged for {showing.counted(days, 'day')}; "
        "views and votes of the last 30 days[/]"
    )


@app.command("wanted")
def wanted(
    days: Days = 30,
    limit: Limit = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as one line of JSON.")] = False,
) -> None:
    """Show what people searched for in vain, and which articles they read without being helped, with their words."""
    with Desk(settings.load()) as desk:
        since = reading.days_ago(database_now(desk.client), days)
        vain, words = reading.in_vain(desk.knowledge, since, limit)
        read = unhelpful(reading.listed(desk.knowledge, {}, since))
        avoided = reading.deflected(desk.knowledge, since)
    if as_json:
        for each in vain:
            typer.echo(json.dumps({"searched": each.words, "language": each.language or None, "times": each.count}))
        _print_json(read[:limit])
        return
    console.print(Text("Searched for in vain", "bold"))
    console.print(showing.vain(vain) if vain else "Nobody searched in vain.")
    if words > len(vain):
        console.print(f"[dim]… and {words - len(vain):,} other searches[/]")
    console.print()
    console.print(Text("Read without being helped", "bold"))
    for listed in read[:limit]:
        for line in showing.unhelpful(listed):
            console.print(line, soft_wrap=True)
    if not read:
        console.print("Nobody said that an article did not help.")
    elif len(read) > limit:
        console.print(f"[dim]… and {len(read) - limit:,} other articles[/]")
    console.print()
    cases = f"{avoided:,} {'case was' if avoided == 1 else 'cases were'} not filed, because an article answered"
    console.print(f"[dim]The last {showing.counted(days, 'day')}. {cases}.[/]")


def _print_json(rows: Iterable[Listed]) -> None:
    for row in rows:
        typer.echo(json.dumps(showing.as_json(row), ensure_ascii=False))
