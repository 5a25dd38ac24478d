"""Every help line in directory/ is complete, in form, and free of numbers that are gone."""

import re
from datetime import date

import pytest
import yaml

from bot.directory import REGIONS, load_directory, load_retired_numbers
from bot.directory.entries import KINDS
from bot.errors import DataError
from bot.paths import ROOT

FOLDER = ROOT / "directory"
ENTRIES = load_directory(FOLDER)
BY_ID = {entry.id: entry for entry in ENTRIES}

GOOD = """\
id: ca_example
name: {en: Example, fr: null, fr_sourced: false}
kind: hotline
regions: [CA]
phone: {e164: "+18005550100", dial: "+18005550100", display: "1-800-555-0100"}
hours: {weekly: [{days: [mon], from: "09:00", to: "17:00"}], timezone: America/Toronto}
languages: {codes: [en], interpreters: null}
sources: ["https://example.org"]
verified_on: "2026-11-21"
method: archived
verification: strong
"""


def digits(text):
    return re.sub(r"\D", "", text)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_each_entry_can_be_offered(entry):
    assert entry.kind in KINDS
    assert set(entry.regions) <= {*REGIONS, "CA"}
    assert entry.phone or entry.text or entry.chat or entry.web
    assert any(source.startswith("http") for source in entry.sources)
    assert entry.verified_on >= date(2026, 11, 21)
    assert entry.verification in ("strong", "medium")
    if entry.phone:
        assert entry.phone.dial.removeprefix("+1") in digits(entry.phone.display)
        assert not re.search("[a-z]", entry.phone.display)
        if entry.phone.e164:
            assert re.fullmatch(r"\+1[2-9]\d{2}[2-9]\d{6}", entry.phone.e164)


def test_the_numbers_everything_rests_on_are_there():
    assert BY_ID["ca_911"].phone.dial == "911"
    assert BY_ID["ca_human_trafficking_hotline"].phone.e164 == "+18339001010"
    assert BY_ID["ca_crime_stoppers"].phone.e164 == "+18002228477"
    assert BY_ID["ca_crime_stoppers"].phone.display == "1-800-222-TIPS (8477)"
    assert BY_ID["ca_988"].phone.dial == BY_ID["ca_988"].text.number == "988"


def test_nobody_is_told_to_text_911():
    for entry in ENTRIES:
        assert entry.text is None or "911" not in (entry.text.number, entry.text.also)


def test_nunavut_has_no_9_1_1():
    for entry in ENTRIES:
        if entry.kind == "emergency":
            assert "NU" not in entry.regions
            assert not entry.national


def test_a_text_number_known_for_two_provinces_is_not_given_in_others():
    line = BY_ID["ca_211"]
    assert line.text_in("ON").number == "211"
    assert line.text_in("QC") is None
    assert line.text_in(None) is None
    assert BY_ID["ca_kids_help_phone"].text_in(None).keyword == "CONNECT"


def test_numbers_that_are_gone_stand_nowhere_else():
    retired = load_retired_numbers(FOLDER)
    assert len(retired) >= 6
    for folder in (FOLDER, ROOT / "responses", ROOT / "phrases"):
        for path in folder.glob("*.yml"):
            if path.name in ("superseded.yml", "sources.yml"):
                continue
            for line in path.read_text(encoding="utf-8").splitlines():
                if "http" not in line:
                    assert not any(number in digits(line) for number in retired), (path.name, line)


def test_every_file_is_read():
    listed = [
        item["id"]
        for path in FOLDER.glob("*.yml")
        for item in yaml.safe_load(path.read_text(encoding="utf-8")).get("entries", [])
    ]
    assert sorted(listed) == sorted(BY_ID)
    assert ENTRIES[0].id == "ca_human_trafficking_hotline"


def load_one(tmp_path, text, *, twice=False):
    for name in ("sources.yml", "superseded.yml"):
        (tmp_path / name).write_text((FOLDER / name).read_text(encoding="utf-8"), encoding="utf-8")
    entry = yaml.safe_load(text)
    content = {"entries": [entry, entry] if twice else [entry]}
    (tmp_path / "on.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_directory(tmp_path)


def test_a_good_entry_loads(tmp_path):
    (entry,) = load_one(tmp_path, GOOD)
    assert entry.languages.codes == ("en",)
    assert entry.hours.weekly[0].days == (0,)
    assert entry.text is None


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("[CA]", "[ON]", "regions"),  # the YAML trap: ON without quotes is true
        ("[CA]", "[XX]", "regions"),
        ("[CA]", '[CA, "ON"]', "regions"),
        ("kind: hotline", "kind: ticket", "kind"),
        ("kind: hotline", "", "kind"),
        ("1-800-555-0100", "1-800-555-0111", "phone: display"),
        ("1-800-555-0100", "call 1-800-555-0100", "phone: display"),
        ('"+18005550100", dial', '"8005550100", dial', "phone: e164"),
        ('dial: "+18005550100"', "dial: 18005550100", "phone: dial"),
        ('dial: "+18005550100"', 'dial: "911"', "phone: dial"),
        ("timezone: America/Toronto", "timezone: America/Tronto", "hours: timezone"),
        (", timezone: America/Toronto", "", "hours: timezone"),
        ("{weekly", "{always: true, weekly", "hours: needs"),
        ("from: \"09:00\"", "from: nine", "hours: weekly: from"),
        ('to: "17:00"', 'to: "09:00"', "hours: weekly: to"),
        ("[mon]", "[monday]", "hours: weekly: days"),
        ("codes: [en]", "codes: [English]", "languages: codes"),
        ('"https://example.org"', "secondary:1", "sources"),
        ('["https://example.org"]', "[]", "sources"),
        ('"2026-11-21"', "2026-11-21", "verified_on"),
        ("archived", "guessed", "method"),
        ("verification: strong", "verification: weak", "verification"),
        ("verification: strong", "verification: strong\nwbe: https://a.b", "wbe"),
        ("verification: strong", "verification: strong\nweb: http://a.b", "web"),
        ("verification: strong", "verification: strong\nnotes: once 1 800 667-5005", "notes"),
        ("name: {en: Example, fr: null, fr_sourced: false}", "name: null", "name"),
        ("id: ca_example", "id: Example", "id"),
    ],
)  # fmt: skip
def test_a_doubtful_entry_is_refused_and_named(tmp_path, old, new, field):
    assert old in GOOD
    with pytest.raises(DataError) as refused:
        load_one(tmp_path, GOOD.replace(old, new))
    assert str(refused.value).startswith("on.yml: ")
    assert f": {field}" in str(refused.value)


def test_an_id_used_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match="ca_example: id: is used twice"):
        load_one(tmp_path, GOOD, twice=True)


def test_an_entry_without_any_way_to_reach_it_is_refused(tmp_path):
    lines = [line for line in GOOD.splitlines() if not line.startswith("phone")]
    with pytest.raises(DataError, match="no way to reach it"):
        load_one(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("content", ["entries: {}", "- 1", "entries: [1]", "a: [", "", "more: 1"])
def test_a_broken_file_is_named(tmp_path, content):
    load_one(tmp_path, GOOD)
    (tmp_path / "qc.yml").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"^qc\.yml"):
        load_directory(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"sources\.yml"):
        load_directory(tmp_path / "nowhere")
