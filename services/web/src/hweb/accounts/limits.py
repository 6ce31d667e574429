"""How often one may try.

Whole classes sign up and in from one address within minutes, so that limits by address are wide and the narrow one is
by account and address together: guessing from elsewhere does not lock an account's owner out.
"""

from datetime import timedelta
from typing import Final

from hcommon.ratelimit import Limit

LOGIN_BY_ACCOUNT_AND_ADDRESS: Final = Limit("login-account-address", 10, timedelta(minutes=15))
LOGIN_BY_ACCOUNT: Final = Limit("login-account", 100, timedelta(hours=1))
LOGIN_BY_ADDRESS: Final = Limit("login-address", 200, timedelta(minutes=15))
SIGNUP_BY_ADDRESS: Final = Limit("signup-address", 60, timedelta(hours=1))
RESET_BY_ADDRESS: Final = Limit("reset-address", 30, timedelta(hours=1))
RESET_MAIL_BY_ACCOUNT: Final = Limit("reset-mail", 3, timedelta(hours=1))
PASSWORD_BY_ACCOUNT: Final = Limit("change-password", 10, timedelta(hours=1))
DELETE_BY_ACCOUNT: Final = Limit("delete-account", 10, timedelta(hours=1))
ACTIVATION_MAIL_BY_ACCOUNT: Final = Limit("activation-mail", 3, timedelta(hours=1))
EMAIL_BY_ACCOUNT: Final = Limit("change-email", 10, timedelta(hours=1))
EMAIL_MAIL_TO_ADDRESS: Final = Limit("change-email-mail", 3, timedelta(hours=1))
SECOND_STEP_BY_ACCOUNT_AND_ADDRESS: Final = Limit("second-step-account-address", 10, timedelta(minutes=15))
SECOND_STEP_BY_ACCOUNT: Final = Limit("second-step-account", 20, timedelta(hours=1))
"""Narrow, and it may be: only who knows the password gets there, and one code in 300 000 is right."""
NAME_BY_ACCOUNT: Final = Limit("change-name", 20, timedelta(hours=1))
"""A name stands on all pages that its owner wrote on: a change has them all read anew."""
SECOND_FACTOR_BY_ACCOUNT: Final = Limit("change-second-factor", 20, timedelta(hours=1))
