"""Which category of the shipped catalogue each intent of BANKING77 belongs to, for feeding that file.

Intents as they are written there. Nothing is guessed: what is not in this table is no intent. The page is docs/cli.md.
"""

from __future__ import annotations

BY_CATEGORY = {
    "safety": """
        card_payment_not_recognised card_swallowed cash_withdrawal_not_recognised compromised_card
        direct_debit_payment_not_recognised lost_or_stolen_card lost_or_stolen_phone
    """,
    "account-access": """
        activate_my_card change_pin edit_personal_details passcode_forgotten pin_blocked terminate_account
        unable_to_verify_identity verify_my_identity verify_source_of_funds verify_top_up why_verify_identity
    """,
    "content-dispute": """
        beneficiary_not_allowed extra_charge_on_statement request_refund transaction_charged_twice
        wrong_amount_of_cash_received
    """,
    "technical": """
        balance_not_updated_after_bank_transfer balance_not_updated_after_cheque_or_cash_deposit
        card_not_working contactless_not_working declined_card_payment declined_cash_withdrawal
        declined_transfer failed_transfer pending_card_payment pending_cash_withdrawal pending_top_up
        pending_transfer Refund_not_showing_up reverted_card_payment? top_up_failed top_up_reverted
        virtual_card_not_working
    """,
    "billing": """
        automatic_top_up cancel_transfer card_payment_fee_charged card_payment_wrong_exchange_rate
        cash_withdrawal_charge exchange_charge exchange_rate receiving_money top_up_by_bank_transfer_charge
        top_up_by_card_charge top_up_by_cash_or_cheque top_up_limits topping_up_by_card transfer_fee_charged
        transfer_into_account transfer_not_received_by_recipient transfer_timing
        wrong_exchange_rate_for_cash_withdrawal
    """,
    "general": """
        age_limit apple_pay_or_google_pay atm_support card_about_to_expire card_acceptance card_arrival
        card_delivery_estimate card_linking country_support disposable_card_limits exchange_via_app
        fiat_currency_support get_disposable_virtual_card get_physical_card getting_spare_card
        getting_virtual_card order_physical_card supported_cards_and_currencies visa_or_mastercard
    """,
}

CATEGORIES = {intent.casefold(): category for category, intents in BY_CATEGORY.items() for intent in intents.split()}
"""The category of each intent, in lower case."""
