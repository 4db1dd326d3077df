"""Lets requesters write as much as they like: in tests a few of them write more in a minute than people do in
an hour (docs/automatic.md)."""

UNLIMITED = {"CASEBUS_TICKET_MESSAGES": "100000", "CASEBUS_REQUESTER_MESSAGES": "100000"}
