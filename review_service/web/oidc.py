"""A ministry's own sign-on (OpenID Connect), by authlib: who comes from it is found by address.

The provider says who somebody is; accounts, roles and the second factor stay here. An address
counts only where the provider says that it has verified it, and no account is ever made by it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import structlog
from flask import flash, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_login import current_user
from flask_security import FsOAuthProvider, url_for_security

if TYPE_CHECKING:
    from flask import Flask

    from review_service.settings import Settings

NAME = "ministry"
JUST_NOW = 300  # seconds since somebody was asked, where that must be new
# Who is signed in confirms that it is still they.
_AGAIN, _ASKED_AGAIN = "security.oauth_verify_start", "security.oauth_verify_response"


def client(app: Flask, settings: Settings) -> Any:
    """Return authlib's registry where a sign-on is set, else None."""
    if not settings.oidc_issuer:
        return None
    from authlib.integrations.flask_client import OAuth

    return OAuth(app)


def _failed() -> Any:
    """Tell that it failed, without what the provider said."""
    flash(_("Signing in through the ministry’s sign-on did not work. Try again."), "error")
    return redirect(url_for_security("login"))


def _confirms(asked_at: object) -> bool:
    """Whether there is a session to confirm, and who holds it was asked just now."""
    if not current_user.is_authenticated or not isinstance(asked_at, (int, float)):
        return False
    return time.time() - asked_at <= JUST_NOW


def _onward(url: str) -> Any:
    """Answer with a page that leads to the sign-on.

    A redirect would belong to our form, which the policy lets go nowhere but to us; where a
    sign-on's own redirects lead is not for us to list.
    """
    answer = make_response(render_template("accounts/onward.html", url=url))
    answer.headers["Refresh"] = f"0; url={url}"
    return answer


def _app_class() -> Any:
    """Return authlib's client, whose every failure (network, claims, keys) is one kind."""
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.flask_client import FlaskOAuth2App

    class SignOn(FlaskOAuth2App):  # type: ignore[misc]  # untyped library
        def authorize_redirect(self, *args: Any, **kwargs: Any) -> Any:
            if request.endpoint == _AGAIN:
                kwargs |= {"prompt": "login", "max_age": 0}  # to be asked there, not waved through
            try:
                return _onward(super().authorize_redirect(*args, **kwargs).location)
            except Exception:  # noqa: BLE001 - the libraries beneath share no root of errors
                structlog.get_logger(__name__).exception("sign-on away")
                return _failed()

        def authorize_access_token(self, **kwargs: Any) -> Any:
            try:
                return super().authorize_access_token(**kwargs)
            except Exception as error:  # as above
                structlog.get_logger(__name__).warning(
                    "sign-on refused", error=type(error).__name__
                )
                raise OAuthError("refused", "") from error

    return SignOn


class Ministry(FsOAuthProvider):
    """The sign-on as the library asks for it: discovery, code flow with PKCE, signed identity."""

    def __init__(self, settings: Settings) -> None:
        issuer = settings.oidc_issuer.rstrip("/")
        super().__init__(
            NAME,
            {
                "client_cls": _app_class(),
                "client_id": settings.oidc_client,
                "client_secret": settings.given_secret("oidc"),
                "server_metadata_url": f"{issuer}/.well-known/openid-configuration",
                "client_kwargs": {
                    "scope": "openid email",
                    "code_challenge_method": "S256",
                    "timeout": 10,
                },
            },
        )

    def fetch_identity_cb(self, _oauth: Any, token: Any) -> tuple[str, str]:
        """Return by what the account is found; refuse an address that nobody verified.

        Whoever confirms an open session must have been asked by the provider just now (OpenID
        Connect Core, 3.1.2.1, max_age).
        """
        from authlib.integrations.base_client import OAuthError

        said = token.get("userinfo") or {}
        if said.get("email_verified") is not True or not said.get("email"):
            raise OAuthError("email_unverified", "")
        if request.endpoint == _ASKED_AGAIN and not _confirms(said.get("auth_time")):
            raise OAuthError("not_asked_again", "")
        return "email", str(said["email"])

    def oauth_response_failure(self, _view: str, _error: Any) -> Any:
        """Answer a failure."""
        return _failed()


def install(app: Flask, library: Any, settings: Settings) -> None:
    """Register the sign-on, and tell pages whether there is one."""
    app.jinja_env.globals["sign_on"] = bool(settings.oidc_issuer)
    if settings.oidc_issuer:
        library.oauthglue.register_provider_ext(Ministry(settings))
