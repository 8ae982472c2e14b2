"""Signatures, where secrets come from, and that nothing shows them."""

from __future__ import annotations

import base64
import json
import logging
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from heaptide_server.alerts.configured import load_targets
from heaptide_server.alerts.signing import check_secret, new_secret, sign
from heaptide_server.alerts.targets import Target
from heaptide_server.settings import Settings
from heaptide_server.store.connections import connect

URL = "https://hooks.example/services/T0K3N"


def targets(db, **given):
    return load_targets(db, Settings(**{f"webhook_{name}": value for name, value in given.items()}))


@pytest.fixture
def db(path):
    with connect(path) as database:
        yield database


def test_a_signature_verifies_wherever_the_collector_stands(monkeypatch, secret):
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        headers = sign("msg_1", time.time(), '{"a":1}', [secret])
        assert Webhook(secret).verify('{"a":1}', headers) == {"a": 1}
    finally:
        monkeypatch.undo()
        time.tzset()


def test_during_a_rotation_both_secrets_verify_and_another_does_not():
    old, new, other = new_secret(), new_secret(), new_secret()
    headers = sign("msg_1", time.time(), "{}", [new, old])
    Webhook(old).verify("{}", headers)
    Webhook(new).verify("{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify("{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify("{ }", headers)


@pytest.mark.parametrize("size", [23, 65])
def test_a_secret_of_the_wrong_size_is_refused_without_being_repeated(size):
    secret = "whsec_" + base64.b64encode(b"s" * size).decode()
    with pytest.raises(ValueError, match="24 to 64") as refusal:
        check_secret(secret)
    assert secret[6:] not in str(refusal.value)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", base64.b64encode(b"s" * 32).decode()])
def test_what_is_no_secret_is_refused(secret):
    with pytest.raises(ValueError, match="must be whsec_"):
        check_secret(secret)


def test_without_a_url_there_is_no_target(db):
    assert targets(db, url=None) == targets(db, url=" ") == []


def test_a_secret_is_made_once_and_stays_and_the_log_says_how_to_read_it(db, caplog):
    (first,) = targets(db, url=URL)
    (second,) = targets(db, url=URL)
    assert first.secrets == second.secrets
    assert [tuple(row) for row in db.execute("SELECT secret FROM alert_secrets")] == [first.secrets]
    (record,) = caplog.records
    assert "alert_secrets" in record.getMessage()
    assert first.secrets[0] not in caplog.text


def test_given_secrets_sign_newest_first(db):
    old, new = new_secret(), new_secret()
    (target,) = targets(db, url=URL, secret=f"{new}, {old}")
    assert target.secrets == (new, old)
    assert db.execute("SELECT count(*) FROM alert_secrets").fetchone()[0] == 0


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("hooks.example/T0K3N", "https://"),
        ("ftp://hooks.example/T0K3N", "https://"),
        ("https:///T0K3N", "https://"),
        ("https://user:T0K3N@hooks.example/", "user name or password"),
        ("https://hooks.example:99999/T0K3N", "port 99999"),
        ("https://hooks.example:0/T0K3N", "port 0"),
        ("https://hooks.example/T0K3N\n", None),
        ("https://[::1/T0K3N", "HEAPTIDE_WEBHOOK_URL"),
    ],
)
def test_a_url_that_no_webhook_has_is_refused_without_being_repeated(db, url, complaint):
    if complaint is None:
        assert targets(db, url=url)[0].url == url.strip()
        return
    with pytest.raises(ValueError, match=complaint) as refusal:
        targets(db, url=url)
    assert "T0K3N" not in str(refusal.value)


def test_a_network_that_is_none_is_named(db):
    with pytest.raises(ValueError, match=r"HEAPTIDE_WEBHOOK_ALLOW_NETS has '10\.0\.0\.0/40'"):
        targets(db, url=URL, allow_nets="127.0.0.0/8, 10.0.0.0/40")


def test_pagerduty_needs_exactly_one_key(db):
    (target,) = targets(db, url=URL, secret="R" * 32, format="pagerduty")
    assert (target.routing_key, target.secrets) == ("R" * 32, ())
    with pytest.raises(ValueError, match="HEAPTIDE_WEBHOOK_SECRET must be the integration's key"):
        targets(db, url=URL, format="pagerduty")


def test_no_text_of_a_target_shows_a_secret(secret):
    target = Target("webhook", URL, (secret,), "pagerduty", routing_key="R" * 32)
    for text in (repr(target), str(target), target.endpoint):
        assert "T0K3N" not in text
        assert secret not in text
        assert "R" * 32 not in text
    assert str(target) == "webhook webhook (https://hooks.example)"


def test_no_log_and_no_row_shows_a_secret(courier_to, target, leak, tell, receiver, policy, secret, path, caplog):
    caplog.set_level(logging.DEBUG)
    pager = Target("pager", receiver.url, (), "pagerduty", policy, routing_key="R" * 32)
    courier = courier_to(target, pager)
    receiver.will(receiver.answer(500), receiver.answer(410), receiver.answer(302, Location="/elsewhere"))
    tell(courier, leak, "leak.firing", "leak.resolved", now=0.0)
    for step in range(8):
        courier.deliver_due(step * 50_000.0)
    sent = [json.loads(arrival.body) for arrival in receiver.arrivals]
    assert any(body.get("routing_key") == "R" * 32 for body in sent)
    with connect(path) as db:
        told = caplog.text + "".join(db.conn.iterdump())
    assert caplog.records
    assert secret not in told
    assert "R" * 32 not in told
    assert "T0K3N" not in told
