"""A very small HTTP/1.1 client on asyncio: keep-alive, cookies, and the time of each answer."""

from __future__ import annotations

import asyncio
import json
import re
import time
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser:
    """One person's browser: a connection, its cookies, and its token against forged requests."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = ""
        self._cookies: dict[str, str] = {}
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = ""
    ) -> tuple[int, bytes, float]:
        """Return status, body and seconds. OSError or EOFError where the connection breaks.

        A kept connection that the server has closed meanwhile is opened again before anything was
        sent over it; a request that may have arrived is never sent twice.
        """
        began = time.perf_counter()
        if self._stream is None or self._stream[0].at_eof():
            self._stream = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._stream
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        if self._cookies:
            head.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self._cookies.items()))
        if kind:
            head.append(f"Content-Type: {kind}")
        if self.token:
            head.append(f"X-CSRFToken: {self.token}")
        try:
            writer.write("\r\n".join([*head, "", ""]).encode() + body)
            await writer.drain()
            status, answer = await self._read(reader)
        except BaseException:
            writer.close()
            self._stream = None
            raise
        return status, answer, time.perf_counter() - began

    async def _read(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status, length, close = int(head[0].split(" ")[1]), None, False
        for line in head[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "set-cookie":
                for key, morsel in SimpleCookie(value.strip()).items():
                    self._cookies[key] = morsel.value
            elif name.lower() == "connection" and value.strip().lower() == "close":
                close = True
        body = await reader.readexactly(length) if length is not None else await reader.read()
        if close or length is None:
            self.close()
        return status, body

    def close(self) -> None:
        """Close the connection."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    async def form(self, path: str, **fields: str) -> tuple[int, bytes, float]:
        """Post a form with its token."""
        body = urlencode(fields | {"csrf_token": self.token}).encode()
        return await self.ask("POST", path, body, "application/x-www-form-urlencoded")

    async def send(self, path: str, value: Any) -> tuple[int, bytes, float]:
        """Post JSON with the token in a header."""
        return await self.ask("POST", path, json.dumps(value).encode(), "application/json")

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in by the page; RuntimeError where that fails."""
        _, page, _ = await self.ask("GET", "/login")
        await self.take_token(page)
        status, _, _ = await self.form("/login", email=email, password=password)
        if status not in {302, 303}:
            raise RuntimeError(f"{email} could not sign in: {status}")

    async def take_token(self, page: bytes) -> None:
        """Take the token from a page with a form."""
        found = TOKEN.search(page.decode())
        if found is None:
            raise RuntimeError("no token in the page")
        self.token = found.group(1)

    async def fresh_token(self) -> None:
        """Ask for a token as the scoring page does after a new sign-in."""
        _, answer, _ = await self.ask("GET", "/desk/token")
        self.token = json.loads(answer)["token"]
