"""A mail server that accepts every message."""

from __future__ import annotations

import socketserver
import ssl
import threading
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

ANSWERS = {"EHLO": b"250 hello", "DATA": b"354 go on", "QUIT": b"221 bye"}


class MailServer:
    """Holds what it was sent in `messages`."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        """With a certificate and its key, it speaks TLS from the first byte on."""
        self.messages: list[EmailMessage] = []
        mails = self

        class Session(socketserver.StreamRequestHandler):
            """One connection."""

            def handle(self) -> None:
                self._answer(b"220 ready")
                for line in self.rfile:
                    command = line[:4].decode().upper()
                    self._answer(ANSWERS.get(command, b"250 ok"))
                    if command == "DATA":
                        content = b"".join(iter(self.rfile.readline, b".\r\n"))
                        mails.messages.append(message_from_bytes(content, policy=policy.default))
                        self._answer(b"250 accepted")

            def _answer(self, line: bytes) -> None:
                self.wfile.write(line + b"\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
