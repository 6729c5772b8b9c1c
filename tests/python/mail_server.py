"""A real mail server for letters, on a free port of this machine: aiosmtpd, which nobody here wrote.

Run by `tests/it/mail.rs` with a certificate and its key, or with nothing for a server that cannot encrypt. It takes one user,
and what it does with a letter depends on the recipient's name. What happens is told in lines of JSON on the output.
Not here: what carepass makes of it.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import MISSING, SMTP, AuthResult

USER, PASSWORD = b"carepass", b"generated-for-this-test"
SIZE_MAX = 200_000
REFUSED_RECIPIENTS = {
    "unknown": "550 5.1.1 <unknown@home.example> no such mailbox",
    "later": "451 4.7.1 <later@home.example> try again later",
}
REFUSED_LETTERS = {"full": "452 4.3.1 no room", "spam": "554 5.7.1 not wanted"}


def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def told(message, **more):
    head = ("Message-ID", "From", "To", "Subject", "Date", "Auto-Submitted", "Content-Language")
    bodies = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
    tell(
        "letter",
        kinds=[part.get_content_type() for part in message.walk()],
        defects=[str(defect) for part in message.walk() for defect in part.defects],
        head={name: str(message[name]) for name in head},
        **{kind: part.get_content().replace("\r\n", "\n") for kind, part in bodies.items() if part},
        **more,
    )


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        tell("ehlo", tls=session.ssl is not None)
        return responses

    async def handle_AUTH(self, server, session, envelope, args):
        tell("auth", tls=session.ssl is not None)
        return MISSING

    async def handle_MAIL(self, server, session, envelope, address, options):
        tell("mail", tls=session.ssl is not None)
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "silent":
            tell("silent")
            await asyncio.Event().wait()
        if name == "hangs-up":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return REFUSED_RECIPIENTS.get(name, "250 2.1.5 ok")

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name in REFUSED_LETTERS:
            return REFUSED_LETTERS[name]
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told(message, recipients=envelope.rcpt_tos, tls=session.ssl is not None, user=session.auth_data)
        if name == "answer-is-lost":
            server.transport.abort()
        return "250 2.0.0 queued"


class Server(SMTP):
    def connection_lost(self, error):
        # After STARTTLS the plain connection's end is told to the protocol too, while the encrypted one goes on.
        tell("ended")
        super().connection_lost(error)


def authenticator(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=right, handled=False, auth_data=data.login.decode() if right else None)


async def main():
    tls = None
    if len(sys.argv) > 1:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*sys.argv[1:])
    settings = {
        "tls_context": tls,
        "require_starttls": tls is not None,
        "auth_required": tls is not None,
        "authenticator": authenticator,
        "data_size_limit": SIZE_MAX,
        "hostname": "home.example",
    }
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(Handler(), loop=loop, **settings), "127.0.0.1", 0)
    tell("listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
