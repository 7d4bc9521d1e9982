"""A receiver behind the real nginx and the real Caddy, with the configurations in deploy/."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.support import processes
from tests.support.certificates import make_certificate
from tests.support.recordings import ORDER
from webhook_app.doctor import large_bodies
from webhook_app.doctor.http_probe import probe
from webhook_app.inbox import Inbox
from webhook_app.inbox.operations import audit_log
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webhook_app.health.finding import Finding

NAME = "hooks.example.com"
PATH = "/webhooks/shopify/demo-shopify"
LARGE = 5_000_000  # bytes
PROGRAMS = [
    pytest.param(one, marks=pytest.mark.skipif(not shutil.which(one), reason=f"no {one}")) for one in ("nginx", "caddy")
]


@dataclass(frozen=True)
class Ports:
    """Where a proxy listens: for https://, for http://, and with a limit that is too low."""

    receiver: int
    https: int
    http: int
    low: int


def nginx(folder: Path, ports: Ports) -> list[str]:
    """Write nginx's configuration, on these ports, and return the command."""
    site = (processes.ROOT / "deploy/nginx/tweakwise-webhooks.conf").read_text()
    for text, changed in {
        "127.0.0.1:8000": f"127.0.0.1:{ports.receiver}",
        "listen 443": f"listen 127.0.0.1:{ports.https}",
        "listen 80": f"listen 127.0.0.1:{ports.http}",
        "listen [::]:443 ssl;": "",
        "listen [::]:80;": "",
        f"/etc/ssl/{NAME}.pem": f"{folder}/server.crt",
        f"/etc/ssl/{NAME}.key": f"{folder}/server.key",
        "/var/log/nginx": str(folder),
    }.items():
        assert text in site
        site = site.replace(text, changed)
    tls = f"ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;"
    passed = "location / { proxy_pass http://tweakwise_webhooks; }"
    low = f"server {{ listen 127.0.0.1:{ports.low} ssl; {tls} {passed} }}"
    folders = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    main = f"daemon off; user root; pid {folder}/pid; error_log {folder}/log; events {{}}"
    file.write_text(f"{main}\nhttp {{\n{folders}\n{site}\n{low}\n}}\n")
    return ["nginx", "-e", f"{folder}/log", "-c", str(file)]


def caddy(folder: Path, ports: Ports) -> list[str]:
    """Write Caddy's configuration, on these ports and with a certificate, and return the command."""
    site = (
        (processes.ROOT / "deploy/caddy/Caddyfile").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{ports.receiver}")
    )
    tls = f"tls {folder}/server.crt {folder}/server.key"
    assert f"\n{NAME} {{" in site
    site = site.replace(f"\n{NAME} {{", f"\n{NAME}, localhost {{\n\t{tls}")
    passed = f"reverse_proxy 127.0.0.1:{ports.receiver}"
    low = f"localhost:{ports.low} {{\n\t{tls}\n\trequest_body {{\n\t\tmax_size 1MB\n\t}}\n\t{passed}\n}}\n"
    options = f"{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port {ports.http}\n\thttps_port {ports.https}\n}}\n"
    file = folder / "Caddyfile"
    file.write_text(options + site + low)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


COMMANDS = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a web server that trusts one proxy."""
    folder, port = tmp_path_factory.mktemp("web"), processes.free_port()
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{folder / 'inbox.db'}",
        SHOPS_FILE="shops.demo.toml",
        PORT=str(port),
        BIND="127.0.0.1",
        TRUSTED_PROXIES="1",
        WEB_CONCURRENCY="1",
        DASHBOARD_PASSWORD="correct horse battery staple",
    )
    processes.migrate(env)
    with processes.running("web", env=env, log=folder / "log", ready=f"http://127.0.0.1:{port}/readyz"):
        yield env


@contextmanager
def proxied(program: str, folder: Path, receiver: int) -> Iterator[Ports]:
    """Run a proxy with a certificate for NAME until the block ends."""
    make_certificate(folder, NAME)
    ports = Ports(receiver, *(processes.free_port() for _ in range(3)))
    command = COMMANDS[program](folder, ports)
    with (folder / "output").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=processes.environment(HOME=str(folder), XDG_DATA_HOME=str(folder))
        )
    try:
        processes.wait_for(lambda: answers(ports, folder) or process.poll() is not None)
        assert process.poll() is None, (folder / "output").read_text()
        yield ports
    finally:
        process.terminate()
        process.wait(processes.LONGEST)


def answers(ports: Ports, folder: Path) -> bool:
    with suppress(urllib3.exceptions.HTTPError), closing(client(ports, folder)) as pool:
        return pool.request("GET", "/healthz", headers={"Host": NAME}).status == 200
    return False


def client(ports: Ports, folder: Path, source: str = "127.0.0.1") -> urllib3.HTTPSConnectionPool:
    """A client at an address of this machine; it has one connection, and repeats nothing."""
    return urllib3.HTTPSConnectionPool(
        "127.0.0.1",
        ports.https,
        ca_certs=str(folder / "server.crt"),
        server_hostname=NAME,
        assert_hostname=NAME,
        source_address=(source, 0),
        retries=False,
        maxsize=1,
        timeout=processes.LONGEST,
    )


def signed(size: int) -> tuple[bytes, dict[str, str]]:
    """An order of so many bytes, and its headers."""
    body = json.dumps({**json.loads(ORDER.body), "note": ""}).encode()
    body = body.replace(b'"note": ""', b'"note": "%s"' % (b"x" * (size - len(body))))
    headers = all_platforms()["shopify"].sign_sample("orders/create", f"order-{size}", body, "demo-shopify-secret")
    return body, {**headers, "Host": NAME}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_proxy_does_what_the_page_says(
    program: str, receiver: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies of 5 MB unchanged, over one connection; no redirect; nothing of a query in a log; the client's address."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "server.crt"))
    with proxied(program, tmp_path, int(receiver["PORT"])) as ports, closing(client(ports, tmp_path)) as pool:
        body, headers = signed(LARGE)
        assert len(body) == LARGE
        stored = [pool.request("POST", PATH, body=body, headers=headers).json()["status"] for _ in range(2)]
        assert stored in (["stored", "duplicate"], ["duplicate", "duplicate"])
        pool.request("GET", "/storefront/shopify/demo-shopify?canary=1", headers={"Host": NAME})
        assert pool.num_connections == 1
        assert probe("POST", f"http://127.0.0.1:{ports.http}{PATH}", headers={"Host": NAME}).status == 426
        findings = [examined(port) for port in (ports.https, ports.low)]
        assert "reaches the receiver" in findings[0].text
        assert f"the proxy ({program}" in findings[1].text.lower()
        assert "max_size 6MB" in findings[1].advice
        sources = {
            failed_login(receiver, ports, tmp_path, *one)
            for one in (("127.0.0.2", "1.1.1.1"), ("127.0.0.2", "2.2.2.2"))
        }
        assert len(sources | {failed_login(receiver, ports, tmp_path, "127.0.0.3", "1.1.1.1")}) == 2
    assert not [file for file in tmp_path.iterdir() if file.is_file() and "canary" in file.read_text(errors="replace")]


def examined(port: int) -> Finding:
    """What doctor finds at a port of this machine."""
    return large_bodies.finding(*large_bodies.post(f"https://localhost:{port}", "shopify"))


def failed_login(receiver: dict[str, str], ports: Ports, folder: Path, source: str, forged: str) -> str:
    """Log in from an address, with another one in the header of a proxy; returns who that was for the audit."""
    headers = {"Host": NAME, "X-Forwarded-For": forged}
    with closing(client(ports, folder, source)) as pool:
        page = pool.request("GET", "/dashboard/login", headers=headers)
        assert "; Secure" in page.headers["Set-Cookie"]
        cookie, token = (
            page.headers["Set-Cookie"].partition(";")[0],
            page.data.partition(b'name="csrf" value="')[2][:200],
        )
        fields = {"csrf": token.partition(b'"')[0].decode(), "password": "wrong"}
        refused = pool.request(
            "POST", "/dashboard/login", fields=fields, encode_multipart=False, headers={**headers, "Cookie": cookie}
        )
        assert refused.status == 401
    with closing(Inbox(receiver["DATABASE_URL"])) as inbox:
        return audit_log.newest(inbox)[0].source
