"""Errors of image sources, in one type that a command can show in either of two ways.

Scripts know two shapes of source errors. ``avail`` puts the URL before the message, and gives
connection failures the code ``ClientError``. ``show`` and ``import`` give the message alone, and
the name of the system's error as the code. An operation picks :meth:`SourceError.named` or
:meth:`SourceError.bare`. An error that is raised unchanged has the precise code and names its URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgadm.base.errors import ImgadmError, InternalError
from imgadm.base.patterns import is_error_code
from imgadm.base.text import excerpt


class ClientError(ImgadmError):
    """The error of a source that could not be reached."""

    code = "ClientError"


class APIError(ImgadmError):
    """The error with which a source answered; the code is the server's own.

    ``status`` is the HTTP status, ``body`` the decoded JSON body, None if there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        body: Mapping[str, Any] | None = None,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(message, code=code, cause=cause)
        self.status = status
        self.body = body


class SourceError(ImgadmError):
    """Base of the errors of a source.

    ``url`` is the URL of the source, without its secrets. ``reason`` is the message without the
    URL, as one printable line. ``image`` is the UUID of the image that ``reason`` names; None if
    the error is about the whole source.
    """

    def __init__(
        self,
        url: str,
        reason: str,
        *,
        code: str,
        image: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(f"{url}: {reason}", code=code, cause=cause)
        self.url = url
        self.reason = reason
        self.image = image

    def named(self) -> ImgadmError:
        """Return the error as ``avail`` shows it."""
        return InternalError(self.message, cause=self.cause)

    def bare(self) -> ImgadmError:
        """Return the error as ``show`` and ``import`` show it."""
        return ImgadmError(self.reason, code=self.code, cause=self.cause)

    def ping_cause(self) -> str:
        """Return the text that explains a failed ping."""
        return f"Error: {self.reason}"


class UnreachableError(SourceError):
    """The error of a request that brought no answer.

    ``code`` is the name of the system's error, such as ``ECONNREFUSED``. ``permanent``: another
    attempt would fail in the same way. ``unsent``: there was no connection, so that the server does
    not know of the request.
    """

    def __init__(
        self,
        url: str,
        reason: str,
        *,
        code: str,
        permanent: bool = False,
        unsent: bool = False,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(url, reason, code=code, cause=cause)
        self.permanent = permanent
        self.unsent = unsent

    def named(self) -> ImgadmError:
        return ClientError(f"{self.url}: Error: {self.reason}", cause=self.cause)


class StatusError(SourceError):
    """The error of an answer with an HTTP status of 400 or more.

    ``body`` is the JSON object that was the body of the answer; ``code`` comes from it.
    """

    def __init__(self, url: str, status: int, body: Mapping[str, Any]) -> None:
        inner = body.get("error")
        spoken = inner if isinstance(inner, dict) and "code" not in body else body
        code = spoken.get("code")
        if not is_error_code(code):
            code = InternalError.code
        message = spoken.get("message")
        reason = excerpt(message) if isinstance(message, str) else f"HTTP status {status}"
        super().__init__(url, reason, code=code)
        self.status = status
        self.body = body

    def named(self) -> ImgadmError:
        return self._api_error("\n".join([self.message, *self._details()]))

    def bare(self) -> ImgadmError:
        return self._api_error(self.reason)

    def ping_cause(self) -> str:
        code = self.code or ""
        return f"{code if code.endswith('Error') else code + 'Error'}: {self.reason}"

    def _api_error(self, message: str) -> APIError:
        return APIError(message, code=self.code, status=self.status, body=self.body)

    def _details(self) -> list[str]:
        errors = self.body.get("errors")
        lines = []
        for item in errors[:100] if isinstance(errors, list) else []:
            if isinstance(item, dict):
                words = [item.get("field"), item.get("code"), item.get("message")]
                lines.append("    " + ": ".join(excerpt(word) for word in words if word))
        return lines


class UnusableReplyError(SourceError):
    """The error of an answer that is not that of an image server.

    Both shapes name the URL, since the message means nothing without it. ``ping`` is the text that
    explains a failed ping. ``is_web_page``: a web site has answered, and not a gateway in front of
    an image server.
    """

    def __init__(
        self,
        url: str,
        reason: str,
        *,
        ping: str | None = None,
        is_web_page: bool = False,
        image: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(url, reason, code=InternalError.code, image=image, cause=cause)
        self._ping = ping
        self.is_web_page = is_web_page

    def bare(self) -> ImgadmError:
        return self.named()

    def ping_cause(self) -> str:
        return self._ping or super().ping_cause()
