"""Where a webhook may connect to, tried on real sockets where something may connect."""

from __future__ import annotations

import socket
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from shutil import which
from threading import Thread

import pytest

from heaptide_server.alerts.addresses import AddressPolicy, AddressRefusedError, resolve
from heaptide_server.alerts.targets import Target

EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))

NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "255.255.255.255",
    "240.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
]
ONLY_WHERE_ALLOWED = [
    "127.0.0.1",
    "127.8.9.10",
    "::1",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.5",
    "64:ff9b::a00:5",
    "2002:a00:5::1",
]


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_refused_whatever_is_allowed(address):
    with pytest.raises(AddressRefusedError, match="never allowed"):
        AddressPolicy(EVERYTHING, allow_http=True).check("https", "hook.example", [address])


@pytest.mark.parametrize("address", ONLY_WHERE_ALLOWED)
def test_loopback_and_private_addresses_need_to_be_allowed(address):
    with pytest.raises(AddressRefusedError, match="HEAPTIDE_WEBHOOK_ALLOW_NETS"):
        AddressPolicy().check("https", "hook.example", [address])
    AddressPolicy(EVERYTHING).check("https", "hook.example", [address])


def test_what_the_refusal_advises_is_what_helps():
    with pytest.raises(AddressRefusedError) as refusal:
        AddressPolicy().check("https", "hook.example", ["::ffff:10.0.0.5"])
    advised = str(refusal.value).rpartition("ALLOW_NETS=")[2]
    AddressPolicy((ip_network(advised),)).check("https", "hook.example", ["::ffff:10.0.0.5"])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_allowed_over_https_only(address):
    AddressPolicy().check("https", "hook.example", [address])
    AddressPolicy(allow_http=True).check("http", "hook.example", [address])
    with pytest.raises(AddressRefusedError, match="HEAPTIDE_WEBHOOK_ALLOW_HTTP"):
        AddressPolicy().check("http", "hook.example", [address])


def test_one_refused_address_among_several_refuses_the_host():
    with pytest.raises(AddressRefusedError, match=r"169\.254\.169\.254"):
        AddressPolicy().check("https", "hook.example", ["93.184.216.34", "169.254.169.254"])


def test_plain_http_reaches_an_allowed_loopback_address_but_not_an_allowed_private_one():
    policy = AddressPolicy((ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")))
    policy.check("http", "hook.example", ["127.0.0.1"])
    with pytest.raises(AddressRefusedError, match="ALLOW_HTTP"):
        policy.check("http", "hook.example", ["10.0.0.1"])


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "[::1]", "localhost"]
)
def test_no_way_of_writing_loopback_gets_through(courier_to, secret, receiver, host):
    target = Target("webhook", f"https://{host}:{receiver.port}/", (secret,))
    (answer,) = courier_to(target).test(target, 0.0)
    assert answer.status is None
    assert "HEAPTIDE_WEBHOOK_ALLOW_NETS" in answer.error
    assert receiver.arrivals == []


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518", "[::ffff:a9fe:a9fe]"])
def test_no_way_of_writing_the_metadata_address_gets_through(courier_to, secret, policy, host):
    target = Target("webhook", f"http://{host}/latest/meta-data", (secret,), "generic", policy)
    (answer,) = courier_to(target).test(target, 0.0)
    assert "never allowed" in answer.error


@pytest.mark.parametrize("host", ["0177.0.0.1", "0251.0376.0251.0376"])
def test_octal_addresses_are_no_address_for_a_target(secret, host):
    with pytest.raises(ValueError, match="url is no address"):
        Target("webhook", f"https://{host}/", (secret,))
    with pytest.raises(AddressRefusedError):
        AddressPolicy().check("https", host, resolve(host, 443))


def test_a_name_is_resolved_once_and_the_checked_address_is_dialled(courier_to, receiver, secret, policy):
    """A rebinding name: its first answer passes the check, a second one would point elsewhere."""
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    target = Target("webhook", f"http://rebinding.example:{receiver.port}/", (secret,), "generic", policy)
    firing, resolved = courier_to(target, resolver=rebinding).test(target, 0.0)
    assert firing.status == 204
    assert "never allowed" in resolved.error
    assert asked == ["rebinding.example"] * 2
    assert [arrival.headers["host"] for arrival in receiver.arrivals] == [f"rebinding.example:{receiver.port}"]


def test_a_rebinding_name_that_turns_private_is_refused(courier_to, receiver, secret):
    target = Target("webhook", f"https://rebinding.example:{receiver.port}/", (secret,))
    (answer,) = courier_to(target, resolver=lambda host, port: ["127.0.0.1"]).test(target, 0.0)
    assert "127.0.0.1, a loopback address" in answer.error
    assert receiver.arrivals == []


def test_the_next_checked_address_is_tried_where_the_first_one_does_not_answer(courier_to, receiver, secret, policy):
    target = Target("webhook", f"http://two.example:{receiver.port}/", (secret,), "generic", policy)
    addresses = ["127.0.0.77", "127.0.0.1", "127.0.0.78"]
    answers = courier_to(target, resolver=lambda host, port: addresses).test(target, 0.0)
    assert [answer.status for answer in answers] == [204, 204]


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_can_not_be_resolved_is_a_failure_in_words(courier_to, secret, error):
    def fail(host, port):
        raise error

    target = Target("webhook", "https://nowhere.example/", (secret,))
    (answer,) = courier_to(target, resolver=fail).test(target, 0.0)
    assert answer.error.startswith("nowhere.example can't be resolved")


def test_proxies_of_the_environment_are_not_used(monkeypatch, courier, target, receiver):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert [answer.status for answer in courier.test(target, 0.0)] == [204, 204]


@pytest.mark.skipif(which("openssl") is None, reason="needs openssl to make a certificate")
def test_tls_is_verified_for_the_name_though_an_address_is_dialled(tmp_path, courier_to, secret, policy):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hook.example"]
    command += ["-addext", "subjectAltName=DNS:hook.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda connection, name, _: names.append(name)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Keeps the tests' output clean."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """A client that refuses the certificate is what the test wants."""

        def finish_request(self, request, client_address):
            with context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        trust = ssl.create_default_context(cafile=certificate)
        options = {"resolver": lambda host, port: ["127.0.0.1"], "ssl_context": trust}
        right, wrong = (
            Target("webhook", f"https://{host}:{server.server_port}/", (secret,), "generic", policy)
            for host in ("hook.example", "other.example")
        )
        assert [answer.status for answer in courier_to(right, **options).test(right, 0.0)] == [204, 204]
        (answer,) = courier_to(wrong, **options).test(wrong, 0.0)
        assert "certificate verify failed" in answer.error
        (answer,) = courier_to(right, resolver=options["resolver"]).test(right, 0.0)
        assert "certificate verify failed" in answer.error
        assert names == ["hook.example", "hook.example", "other.example", "hook.example"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
