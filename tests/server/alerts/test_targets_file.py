"""A file of targets: what it sets, and that whatever is wrong in it is said without showing a secret."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heaptide_server import cli
from heaptide_server.alerts.configured import load_targets
from heaptide_server.alerts.signing import new_secret
from heaptide_server.settings import Settings
from heaptide_server.store.connections import connect

SECRET = "whsec_" + "A" * 43 + "="
URL = "https://hooks.example/T0K3N"


@pytest.fixture
def load(path, tmp_path):
    def from_text(text, **settings):
        file = tmp_path / "targets.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        with connect(path) as db:
            return load_targets(db, Settings(webhook_file=file, **settings))

    return from_text


def table(**keys):
    lines = [f"{key} = {value}" for key, value in ({"name": '"ops"', "url": f'"{URL}"'} | keys).items() if value]
    return "\n".join(["[[target]]", *lines, ""])


def test_a_file_sets_every_key_of_a_target(load):
    (target,) = load(
        table(
            secret=f'"{SECRET}"',
            format='"alertmanager"',
            services='["shop", "team-*"]',
            environments='["production"]',
            kinds='["site", "native"]',
            allow_nets='["10.0.0.0/8"]',
            allow_http="true",
        )
    )
    assert (target.name, target.url, target.secrets, target.format) == ("ops", URL, (SECRET,), "alertmanager")
    assert (target.filter.services, target.filter.environments) == (("shop", "team-*"), ("production",))
    assert target.filter.kinds == ("site", "native")
    assert str(target.policy.allow_nets[0]) == "10.0.0.0/8"
    assert target.policy.allow_http


def test_settings_and_file_together_are_all_targets_the_settings_one_first(load):
    targets = load(table() + table(name='"second"'), webhook_url=URL, webhook_kinds="native")
    assert [target.name for target in targets] == ["default", "ops", "second"]
    assert targets[0].filter.kinds == ("native",)


def test_secrets_of_a_rotation_stand_in_a_list_or_in_a_file_beside_it(load, tmp_path):
    old, new = new_secret(), new_secret()
    (tmp_path / "ops.secret").write_text(f"{new}\n{old}\n")
    listed, filed = load(table(secret=f'["{new}", "{old}"]') + table(name='"second"', secret_file='"ops.secret"'))
    assert listed.secrets == filed.secrets == (new, old)


def test_the_settings_target_has_its_secrets_from_a_file_too(path, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    settings = Settings(webhook_url=URL, webhook_secret_file=tmp_path / "secret")
    with connect(path) as db:
        (target,) = load_targets(db, settings)
        assert target.secrets == (SECRET,)
        with pytest.raises(ValueError, match="HEAPTIDE_WEBHOOK_SECRET_FILE is set beside secret"):
            load_targets(
                db, settings.model_copy(update={"webhook_secret": Settings(webhook_secret="x").webhook_secret})
            )


def test_each_target_without_a_secret_gets_its_own_which_stays_but_slack_needs_none(load):
    text = table() + table(name='"second"') + table(name='"chat"', format='"slack"')
    first, second = load(text), load(text)
    assert [target.secrets for target in first] == [target.secrets for target in second]
    assert first[0].secrets != first[1].secrets
    assert first[2].secrets == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must have 1 to 100 targets"),
        ("target = []", "must have 1 to 100 targets"),
        ("target = 7", "must have 1 to 100 targets"),
        ("target = [7]", "target 1: target is no table"),
        ("[[targets]]\nname = 'x'", "has 'targets' at its top"),
        ("[[target]\nname", "is no TOML"),
        (b"\xff\xfe[[target]]", "isn't UTF-8 text"),
        ("x = " + "[" * 100_000, "nested too deeply|is no TOML"),
        ("#" * (2 << 20), "larger than 1 MiB"),
        (table(name=None), "target 1: name is missing"),
        (table(url=None), "target 1: url is missing"),
        (table(url="7"), "target 1: url is wrong: input should be a valid string"),
        (table(url='"ftp://hooks.example/T0K3N"'), "target 'ops': url must begin with https://"),
        (table(url='"https://u:T0K3N@hooks.example/"'), "target 'ops': url has a user name"),
        (table(name='"a/../b"'), "name must be 1 to 60"),
        (table(name='"\\u001b[31mred"'), "name must be 1 to 60"),
        (table(name='""'), "name must be 1 to 60"),
        (table() + table(), "target 'ops': name stands there twice"),
        (table(sercet=f'"{SECRET}"'), "'sercet' is no key of a target; those are name, url"),
        (table(secret='"T0K3N"'), "target 'ops': secret must be whsec_"),
        (table(secret='"whsec_\\u00e9T0K3N"'), "target 'ops': secret must be whsec_"),
        (table(secret=f'["{SECRET}", "T0K3N"]'), "target 'ops': secret must be whsec_"),
        (table(secret=f'"{SECRET}"', secret_file='"x"'), "secret_file is set beside secret"),
        (table(secret_file='"no/such"'), "secret_file names .*no/such, which can't be read: No such file"),
        (table(secret_file='"targets.toml"', format='"pagerduty"'), "secret must be the integration's key"),
        (table(secret_file='"a\\u0000b"'), "secret_file names"),
        (table(format='"teams"'), "format is wrong: input should be 'generic', 'alertmanager', 'slack' or 'pagerduty'"),
        (table(format='"pagerduty"'), "secret must be the integration's key"),
        (table(services='"shop"'), "services is wrong: input should be a valid list"),
        (table(kinds='["site", "heap"]'), "kinds has 'heap'; a kind is one of site, objects, native, check"),
        (table(allow_nets='["10.0.0.0/40"]'), "allow_nets has '10.0.0.0/40', which is no network"),
        (table(allow_http='"yes"'), "allow_http is wrong"),
    ],
)
def test_what_is_wrong_is_said_with_file_target_and_key_and_without_a_secret(load, text, complaint):
    with pytest.raises(ValueError, match=complaint) as refusal:
        load(text)
    said = str(refusal.value)
    assert "targets.toml" in said
    assert "T0K3N" not in said
    assert SECRET not in said
    assert "\x1b" not in said


def test_a_target_of_the_file_may_not_take_the_name_of_the_settings_one(load):
    with pytest.raises(ValueError, match="'default' is the target of HEAPTIDE_WEBHOOK_URL"):
        load(table(name='"default"'), webhook_url=URL)


def test_a_file_that_is_not_there_or_is_a_folder_is_said_when_the_collector_starts(tmp_path, monkeypatch, capsys):
    for file, words in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        monkeypatch.setenv("HEAPTIDE_WEBHOOK_FILE", str(file))
        assert cli.main(["serve", "--port", "0", "--db", str(tmp_path / "h.db")]) == 2
        said = capsys.readouterr().err
        assert f"The file of webhooks {file} can't be read: {words}" in said


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, True),
        ({"services": '["shop"]'}, True),
        ({"services": '["sho*"]', "environments": '["staging", "production"]', "kinds": '["site"]'}, True),
        ({"services": '["Shop"]'}, False),
        ({"services": '["shop2", "sho"]'}, False),
        ({"environments": '["staging"]'}, False),
        ({"kinds": '["native"]'}, False),
    ],
)
def test_a_filter_takes_what_all_its_parts_take(load, leak, keys, told):
    (target,) = load(table(**keys))
    assert target.wants(leak) is told


def test_a_name_that_looks_like_a_pattern_is_matched_as_it_stands(load, leak):
    (target,) = load(table(services='["shop[1]"]'))
    assert target.wants(replace(leak, service="shop[1]"))
    assert target.wants(replace(leak, service="shop1"))


def test_each_target_is_told_of_its_own_leaks_alone(courier_to, target, leak, tell, receiver, load):
    port = receiver.port
    url = f'"http://127.0.0.1:{port}/%s"'
    nets = '["127.0.0.0/8"]'
    shop, pay = load(
        table(name='"shop"', url=url % "shop", services='["shop"]', allow_nets=nets)
        + table(name='"pay"', url=url % "pay", services='["pay*"]', allow_nets=nets)
    )
    courier = courier_to(shop, pay)
    tell(courier, leak, "leak.firing", now=0.0)
    tell(courier, replace(leak, service="payments"), "leak.firing", now=0.0)
    tell(courier, replace(leak, service="other"), "leak.firing", now=0.0)
    assert courier.deliver_due(0.0) == 2
    assert [arrival.path for arrival in receiver.arrivals] == ["/shop", "/pay"]
