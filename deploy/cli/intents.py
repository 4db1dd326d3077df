"""Which category of the catalogue a bank's customer intent belongs to, for feeding BANKING77-like files.

A table of words, read from the top: the first category one of whose words stands in the intent has it. It classifies
intents, never what people write. The page is docs/cli.md.
"""

from __future__ import annotations

WORDS = (
    ("safety", ("compromised", "lost_or_stolen", "not_recognised", "swallowed")),
    (
        "account-access",
        ("passcode", "pin_", "_pin", "verify", "identity", "personal_details", "terminate_account", "activate"),
    ),
    ("content-dispute", ("beneficiary_not_allowed", "request_refund", "charged_twice", "extra_charge", "wrong_amount")),
    ("technical", ("not_working", "failed", "declined", "pending", "reverted", "not_updated", "not_showing")),
    (
        "billing",
        ("fee", "charge", "rate", "top_up", "topping_up", "transfer", "payment", "money", "cheque"),
    ),
)

OTHERWISE = "general"


def category_of(intent: str) -> str:
    """The category id for an intent such as `card_payment_fee_charged`."""
    intent = intent.lower()
    return next((category for category, words in WORDS if any(word in intent for word in words)), OTHERWISE)
