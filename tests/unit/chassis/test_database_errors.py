"""What MongoDB says, as the turn takes it: a lost race, a database that is away, or neither."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, NotPrimaryError, OperationFailure, PyMongoError, WriteError

from services.chassis.database import Conflict, DatabaseAway, DatabaseRefuses, open_database, translate

TRANSIENT = {"errorLabels": ["TransientTransactionError"]}


@pytest.mark.parametrize(
    ("error", "taken_as"),
    [
        (AutoReconnect("connection closed"), DatabaseAway),
        (NotPrimaryError("not primary"), DatabaseAway),
        (OperationFailure("shutting down", 91), DatabaseAway),
        (OperationFailure("the configuration is being loaded", 94), DatabaseAway),
        (OperationFailure("no majority yet", 134), DatabaseAway),
        # Seen: the first commands after a restart.
        (OperationFailure("No keys found for HMAC that is valid for time", 211), DatabaseAway),
        (OperationFailure("duplicate key", 11000), Conflict),
        (OperationFailure("the transaction was aborted", 251, TRANSIENT), Conflict),
        (WriteError("duplicate key", 11000), Conflict),
        (WriteError("document failed validation", 121), None),
        (BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 112}]}), Conflict),
        (BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 121}]}), None),
        (BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}), None),
        (BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 11602}]}), DatabaseAway),
        (BulkWriteError({"writeErrors": [{"code": 11000}], "writeConcernErrors": [{"code": 91}]}), DatabaseAway),
        (BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 189}]}), DatabaseAway),
        (BulkWriteError({"writeErrors": [], "errorLabels": ["RetryableWriteError"]}), DatabaseAway),
        (BulkWriteError({"writeErrors": [{"code": 13}]}), DatabaseRefuses),
        (OperationFailure("not authorized", 13), DatabaseRefuses),
        (OperationFailure("authentication failed", 18), DatabaseRefuses),
        (OperationFailure("not authorized to commit", 13, TRANSIENT), DatabaseRefuses),
        (OperationFailure("document failed validation", 121), None),
    ],
    ids=str,
)
def test_each_error_is_what_it_is(error: PyMongoError, taken_as: type[Exception] | None) -> None:
    assert type(translate(error)) is (taken_as or type(None))


@pytest.mark.parametrize("option", ["s3cret=1", "maxPoolSize=s3cret", "readPreference=s3cret", "tlsCAFile=/s3cret"])
def test_a_wrong_option_in_the_url_keeps_the_service_from_starting(option: str) -> None:
    """pymongo itself warns, and connects without it. What it says may hold a part of the password."""
    with pytest.raises(DatabaseRefuses, match="MongoDB's own options") as told:
        open_database(f"mongodb://user:word@127.0.0.1:1/admin?replicaSet=casebus&{option}", "casebus_sla", "sla")
    assert "s3cret" not in str(told.value)
