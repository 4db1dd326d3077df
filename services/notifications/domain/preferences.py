"""What a requester wants: in which language, which kinds by which channel, and when to be left alone. Pure.

The newest announced version counts, at the moment of sending. See docs/notifications.md.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.accounts import PreferencesChanged
from contracts.notifications import Channel
from contracts.zones import zone_as_kept
from services.chassis.decision import Decision, Message
from services.notifications.domain.needs import Need, PersonOf
from services.notifications.domain.state import Delivery, Kind, Preferences, QuietHours, View, person_of

ALWAYS = frozenset({"contact_code"})
"""Kinds that nobody can switch off and that wait for no morning: a person asked for them a moment ago."""

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def learning_needed(_view: View, message: Message[PreferencesChanged]) -> list[Need]:
    """Whose they are."""
    return [PersonOf(person_of(message.data.kind, message.data.account_id))]


def learn_preferences(
    view: View,
    message: Message[PreferencesChanged],
    now: datetime,  # noqa: ARG001 - as others have it
) -> Decision:
    """`account.preferences_changed`: keep the newest; those of an erased account are empty. Mails that wait are checked
    again when they are to be sent."""
    data = message.data
    id_ = person_of(data.kind, data.account_id)
    known = view.preferences.get(id_, Preferences(id_, version=0))
    if data.preferences_version <= known.preferences_version:
        return Decision(remember=False)
    hours = data.quiet_hours
    learned = Preferences(
        id_,
        known.version + 1,
        data.preferences_version,
        data.language or "",
        data.notify or {},
        QuietHours(hours.starts, hours.ends, hours.time_zone) if hours else None,
    )
    return Decision([learned])


def is_wanted(preferences: Preferences | None, kind: Kind, channel: Channel) -> bool:
    """Whether the requester wants to hear of this kind by this channel: yes, unless they said no."""
    return kind in ALWAYS or preferences is None or preferences.notify.get(kind, {}).get(channel, True)


def languages(preferences: Preferences | None, ticket_language: str | None) -> tuple[str, ...]:
    """The languages to be told in, best first: the requester's, then the ticket's. (English comes after all.)"""
    wanted = (preferences.language if preferences else "", ticket_language or "")
    return tuple(language for language in wanted if language)


def may_be_sent_at(delivery: Delivery, preferences: Preferences | None, now: datetime) -> datetime:
    """The earliest moment, from `now` on, at which a mail or a request may go out: only requesters have quiet hours,
    and only for mail."""
    hours = preferences.quiet_hours if preferences else None
    if delivery.channel != "email" or delivery.kind in ALWAYS or hours is None:
        return now
    return quiet_until(hours, now) or now


def quiet_until(hours: QuietHours, now: datetime) -> datetime | None:
    """The end (aware UTC) of the quiet hours in which `now` lies; None if it lies in no quiet hours.

    They last from the first moment at which the wall clock shows `starts` to the first at which it shows `ends`, the
    next day if that is not later. Where the clock jumps over one of them, the jump counts. Equal times, and a time zone
    that is not known here, make no quiet hours.
    """
    zone = zone_as_kept(hours.time_zone)
    if zone is None:
        return None
    starts, ends = time.fromisoformat(hours.starts), time.fromisoformat(hours.ends)
    if starts == ends:
        return None
    today = now.astimezone(zone).date()
    for day in (today - DAY, today):
        end = _first_moment(day if starts < ends else day + DAY, ends, zone)
        if _first_moment(day, starts, zone) <= now < end:
            return end
    return None


def _first_moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) of `day` at which the wall clock shows this time, or a later time if it jumps over this
    one."""
    shown = datetime.combine(day, wall, zone)
    moment = shown.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
        return moment
    # In the gap of a clock set forward: the jump lies after the time computed with the later offset.
    before, after = shown.replace(fold=1).astimezone(UTC), moment
    offset = after.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) / 2
        before, after = (before, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, after)
    return after.replace(microsecond=0)
