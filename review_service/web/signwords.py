"""What the sign-in library says on pages, in our words and both languages.

The library's own Chinese lacks half of its sentences, and its English names things that pages
don't. `UNUSED` are sentences of features that are switched off; a test keeps the two complete.
"""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

_AGAIN = _l("That did not work. Start again.")
_SIGN_IN = _l("Sign in to see this page.")
_CONFIRM = _l("Confirm with your password that it is you.")
_PASSWORD = _l("The password is not right.")
_EMPTY_PASSWORD = _l("Enter your password.")
_ADDRESS = _l("That is no e-mail address.")
_CODE = _l(
    "The code is not right. Codes change every 30 seconds and each works once: enter the one that "
    "the app shows now. If it is refused again, set the phone’s clock to automatic."
)
_REFUSED_KEY = _l("This passkey was not taken. Try again, or use another way.")

MESSAGES: dict[str, tuple[Any, str]] = {
    "API_ERROR": (_AGAIN, "error"),
    "GENERIC_AUTHN_FAILED": (_l("Address or password is not right."), "error"),
    "UNAUTHORIZED": (_l("This page is not for your role."), "error"),
    "UNAUTHENTICATED": (_SIGN_IN, "info"),
    "REAUTHENTICATION_REQUIRED": (_CONFIRM, "info"),
    "OAUTH_HANDSHAKE_ERROR": (
        _l("Signing in through the ministry’s sign-on did not work. Try again."), "error",
    ),
    # Neither the address nor whether there is such an account is repeated.
    "IDENTITY_NOT_REGISTERED": (
        _l("There is no account for you here. Ask the account administrator."), "error",
    ),
    "PASSWORD_MISMATCH": (_l("The two are not the same."), "error"),
    "RETYPE_PASSWORD_MISMATCH": (_l("The two are not the same."), "error"),
    "INVALID_REDIRECT": (_AGAIN, "error"),
    "INVALID_RECOVERY_CODE": (
        _l("This recovery code is not right, or was used already. Take another one."), "error",
    ),
    "NO_RECOVERY_CODES_SETUP": (_l("You have no recovery codes yet."), "info"),
    "DISABLED_ACCOUNT": (_l("This account is closed. Ask the account administrator."), "error"),
    "EMAIL_NOT_PROVIDED": (_l("Enter your e-mail address."), "error"),
    "INVALID_EMAIL_ADDRESS": (_ADDRESS, "error"),
    "INVALID_CODE": (_CODE, "error"),
    "INVALID_INPUT": (_l("That can’t stand here."), "error"),
    "INVALID_INPUT_LENGTH": (_l("That is too long."), "error"),
    "PASSWORD_NOT_PROVIDED": (_EMPTY_PASSWORD, "error"),
    "PASSWORD_INVALID_LENGTH": (
        _l("A password has at least %(length)s characters."), "error",
    ),
    "PASSWORD_TOO_SIMPLE": (
        _l("This password is easily guessed: choose a sentence of your own."), "error",
    ),
    "USER_DOES_NOT_EXIST": (_l("Address or password is not right."), "error"),
    "INVALID_PASSWORD": (_PASSWORD, "error"),
    "PASSWORD_IS_THE_SAME": (_l("The new password must be another one."), "error"),
    "PASSWORD_CHANGE": (
        _l("The password is changed; every other session of your account has ended."), "success",
    ),
    "LOGIN": (_SIGN_IN, "info"),
    "REFRESH": (_CONFIRM, "info"),
    "REAUTHENTICATION_SUCCESSFUL": (_l("Confirmed. Go on."), "info"),
    "ANONYMOUS_USER_REQUIRED": (_l("You are signed in already."), "info"),
    "TWO_FACTOR_INVALID_TOKEN": (_CODE, "error"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (_l("You are signed in."), "success"),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
        _l("The authenticator app is switched on."), "success",
    ),
    "TWO_FACTOR_PERMISSION_DENIED": (_l("Enter address and password first."), "info"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (_AGAIN, "error"),
    "TWO_FACTOR_DISABLED": (_l("The authenticator app is switched off."), "success"),
    "TWO_FACTOR_SETUP_EXPIRED": (_l("That took longer than %(within)s. Start again."), "error"),
    "WEBAUTHN_EXPIRED": (_l("That took longer than %(within)s. Start again."), "error"),
    "WEBAUTHN_NAME_REQUIRED": (_l("Give the passkey a name."), "error"),
    "WEBAUTHN_NAME_INUSE": (_l("You have a passkey of this name: %(name)s."), "error"),
    "WEBAUTHN_NAME_NOT_FOUND": (_l("You have no passkey of this name."), "error"),
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": (
        _l("A name has up to 64 letters, digits, blanks and strokes."), "error",
    ),
    "WEBAUTHN_CREDENTIAL_DELETED": (_l("The passkey %(name)s is removed."), "info"),
    "WEBAUTHN_REGISTER_SUCCESSFUL": (_l("The passkey %(name)s is added."), "success"),
    "WEBAUTHN_CREDENTIAL_ID_INUSE": (_l("This passkey is known already."), "error"),
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": (_REFUSED_KEY, "error"),
    "WEBAUTHN_ORPHAN_CREDENTIAL_ID": (_REFUSED_KEY, "error"),
    "WEBAUTHN_NO_VERIFY": (_REFUSED_KEY, "error"),
    "WEBAUTHN_CREDENTIAL_WRONG_USAGE": (_REFUSED_KEY, "error"),
    "WEBAUTHN_MISMATCH_USER_HANDLE": (_REFUSED_KEY, "error"),
}  # fmt: skip
# Registration, confirmation by mail, codes by mail or telephone, user names, refresh tokens,
# other lists of passwords: none of them is switched on.
UNUSED = frozenset({
    "ALREADY_CONFIRMED", "CHANGE_EMAIL_CONFIRMED", "CHANGE_EMAIL_EXPIRED", "CHANGE_EMAIL_SENT",
    "CODE_HAS_BEEN_SENT", "CONFIRMATION_EXPIRED", "CONFIRMATION_REQUEST", "CONFIRMATION_REQUIRED",
    "CONFIRM_REGISTRATION", "EMAIL_ALREADY_ASSOCIATED", "EMAIL_CONFIRMED", "FAILED_TO_SEND_CODE",
    "FORGOT_PASSWORD", "GENERIC_RECOVERY", "GENERIC_US_SIGNIN", "IDENTITY_ALREADY_ASSOCIATED",
    "INVALID_CONFIRMATION_TOKEN", "INVALID_LOGIN_TOKEN", "INVALID_PASSWORD_CODE",
    "INVALID_RESET_PASSWORD_TOKEN", "LOGIN_EMAIL_SENT", "LOGIN_EXPIRED",
    "PASSWORDLESS_LOGIN_SUCCESSFUL",
    "PASSWORD_BREACHED", "PASSWORD_BREACHED_SITE_ERROR", "PASSWORD_RESET", "PASSWORD_RESET_EXPIRED",
    "PASSWORD_RESET_NO_LOGIN", "PASSWORD_RESET_REQUEST", "PHONE_INVALID", "REFRESH_TOKEN_INVALID",
    "USERNAME_ALREADY_ASSOCIATED", "USERNAME_CHANGE", "USERNAME_DISALLOWED_CHARACTERS",
    "USERNAME_INVALID_LENGTH", "USERNAME_NOT_PROVIDED", "USERNAME_RECOVERY_REQUEST", "USE_CODE",
    "US_CURRENT_METHODS", "US_METHOD_NOT_AVAILABLE", "US_SETUP_EXPIRED", "US_SETUP_SUCCESSFUL",
    "US_SPECIFY_IDENTITY",
})  # fmt: skip


def messages() -> dict[str, tuple[Any, str]]:
    """Return the library's settings that hold what it says."""
    return {f"SECURITY_MSG_{name}": said for name, said in MESSAGES.items()}
