"""Names, telephone numbers and e-mail addresses are planted in every column of a delivery; nothing that is shown tells them."""

from __future__ import annotations

import json

import pytest

from workbook.errors import DeliveryError
from workbook.language import Edition, named
from workbook.report.excel import About, write_csv, write_excel
from workbook.settings.models import Settings
from workbook.sources import account, consent, profile, quality, tags, tell
from workbook.sources.prepare import check_delivery
from workbook.tables import SCHEMAS

NAMES = ("欧阳小芳", "Hieronymus", "Wachtmeister")
PHONES = ("13987654321", "139 8765 4321", "+86 139-8765-4321")
MAILS = ("hieronymus@wachtmeister.example", "ouyang.xf@corp.example")
SECRETS = (*NAMES, "13987654321", "139 8765 4321", "139-8765-4321", "hieronymus@", "ouyang.xf@")
BOTH = (Edition("en"), Edition("zh"))
SETTINGS = Settings.model_validate({"client": {"name": "Acme"}})


def told(done) -> str:
    """All that stage 2 shows of a delivery, in both languages, as text."""
    story = tell.tell_delivery(done)
    customers = profile.build_profile(done.tables, SETTINGS)
    marked = tags.tag_customers(customers.frame, SETTINGS.tags)
    gate = consent.open_gate(done.tables, SETTINGS).admit(customers.frame, ["marketing"])
    blocks = [
        story.answer(), *story.key_figures(), story.figure(), story.ledger_table(), story.quarantine_table(),
        story.repairs_table(), story.alerts_table(), account.forms(done), account.overlaps(done), account.refunds(done),
        customers.table(), customers.dictionary(), marked.table(), consent.count_consent(done.tables, SETTINGS).table(),
        gate.tell("x.gate", consent.LISTS["marketing"]),
    ]  # fmt: skip
    return json.dumps([block.bundle(BOTH) for block in blocks], ensure_ascii=False)


@pytest.fixture
def planted(deliver, source):
    who = f"{NAMES[0]},{PHONES[0]},{MAILS[0]}"
    customers = "id,name,phone,mail,born,owner,city\n" + "".join(
        f"{i},{name},{phone},{mail},{born},{NAMES[1]},X\n"
        for i, (name, phone, mail, born) in enumerate(
            [(NAMES[0], PHONES[0], MAILS[0], "1990-01-01"), (NAMES[1], PHONES[1], MAILS[1], NAMES[2]),
             (NAMES[2], "139****4321", MAILS[0], PHONES[0]), (NAMES[0], "1.39E+10", "nobody", "2055-01-01")]
        )
    ) + f"9,{who},too,many,cells,in,this,row\n"  # fmt: skip
    orders = (
        "no,who,day,sum\n1,0,2025-10-01,5\n"
        f"2,{MAILS[0]},2025-10-02,6\n3,{PHONES[0]},2025-10-02,-6\n4,0,{MAILS[1]},6\n5,0,2025-10-05,{PHONES[0]}元整\n"
        f"{MAILS[1]},0,2025-10-05,7\n{MAILS[1]},0,2025-10-06,8\n"
    )
    tickets = (
        "no,who,opened,topic,words\n"
        f'1,0,2025-10-01 10:00,投诉,"{NAMES[0]} at {PHONES[0]}, {MAILS[0]}"\n'
        f"2,{PHONES[0]},2025-10-02 10:00,投诉,{NAMES[1]}\n"
    )
    contacts = f"no,who,day,by,said\n1,0,2025-10-01,{NAMES[2]},{MAILS[0]}\n2,{MAILS[0]},{PHONES[1]},{NAMES[1]},{PHONES[0]}\n"
    feedback = (
        f"no,who,day,kind,score,words\n1,0,2025-10-01,nps,{PHONES[0]},{MAILS[1]}\n"
        f"2,{MAILS[0]},2025-10-02,nps,9,{NAMES[0]}\n3,0,2025-10-02,nps,7,\n4,0,2025-10-02,nps,7,\n"
    )
    consents = f"who,purpose,day\n0,marketing,2025-01-01\n{PHONES[0]},marketing,\n"
    return deliver(
        {"c.csv": customers, "o.csv": orders, "t.csv": tickets, "i.csv": contacts, "f.csv": feedback, "k.csv": consents},
        [
            source("customers", "c.csv", "customer_id=id name phone email=mail birthday=born owner region=city"),
            source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day amount=sum"),
            source("tickets", "t.csv", "ticket_id=no customer_id=who opened_at=opened topic text=words"),
            source("interactions", "i.csv", "interaction_id=no customer_id=who happened_at=day employee=by outcome=said"),
            source("feedback", "f.csv", "feedback_id=no customer_id=who given_at=day instrument=kind score text=words"),
            source("consents", "k.csv", "customer_id=who purpose granted_at=day"),
        ],
    )  # fmt: skip


def leaks(words: str) -> list[str]:
    return [secret for secret in SECRETS if secret in words]


def test_no_block_of_stage_2_tells_a_person(planted):
    words = told(planted)
    assert leaks(words) == []
    assert "139****4321" in words, "nothing was shown at all"


def test_no_list_tells_a_person(planted, tmp_path):
    import openpyxl

    sheets = quality.quality_sheets(planted)
    about = About(sheets[0].name, named("Acme"), planted.tables.period)
    for edition in BOTH:
        book = openpyxl.load_workbook(write_excel(tmp_path / "q.xlsx", sheets, edition, about))
        cells = "\n".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)
        assert leaks(cells) == []
        for sheet in sheets:
            assert leaks(write_csv(tmp_path / "q.csv", sheet.table, edition).read_text("utf-8")) == []


def test_neither_check_nor_its_faults_tell_a_person(planted, deliver, source, tmp_path):
    sources = [source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day amount=sum")]
    settings = Settings.model_validate({"client": {"name": "A"}, "sources": sources})
    assert leaks(json.dumps(check_delivery(tmp_path, "acme", planted.tables.period, settings), ensure_ascii=False)) == []
    wrong = f"no,day,sum,n\n1,{MAILS[0]},{PHONES[0]}元整,{MAILS[1]}\n2,{PHONES[1]},{MAILS[0]},x\n"
    for column in ("ordered_at=sum amount=n", "ordered_at=day amount=sum"):
        with pytest.raises(DeliveryError) as caught:
            deliver({"w.csv": wrong}, [source("orders", "w.csv", f"order_id=no {column}")])
        assert leaks(str(caught.value)) == []


def test_every_column_that_names_a_person_is_known_as_one():
    personal = {
        (name, column) for name, schema in SCHEMAS.items() for column, kind in schema.columns.items() if kind == "contact"
    }
    assert personal == {
        ("customers", "name"), ("customers", "phone"), ("customers", "email"), ("customers", "owner"),
        ("interactions", "employee"), ("ticket_events", "actor"),
    }  # fmt: skip
