"""Numbered papers: who may get which, numbers without gaps or repeats, the office's own templates."""

from __future__ import annotations

import io
import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from docx import Document

from duban.errors import NOWHERE, DubanError, InputError, Issues
from duban.ledger import papers
from duban.ledger.events import rebuild
from duban.ledger.store import Ledger, rows_hash
from duban.matrix.model import UnitKind
from duban.office import Office
from duban.paperrules import PaperPolicy, load_papers, number_text, rule
from duban.reports.fonts import choose
from duban.reports.officepaper import from_json
from duban.reports.paper import DRAFT_MARK, Paper
from duban.reports.paperfiles import docx_of, pdf_of
from duban.reports.papertemplate import check_paper_templates, rendered, sample, starter
from duban.settings import Home
from duban.stages import papers as stage
from smallhome import Hands, moment, small_office

CONFIG = Path(__file__).parent.parent / "config"
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def policy() -> PaperPolicy:
    issues = Issues()
    found = load_papers(Home(CONFIG.parent), issues)
    assert not issues.errors
    return found


@pytest.mark.parametrize(
    ("kind", "to", "given", "because"),
    [
        ("supervise", UnitKind.BUREAU, "supervise", ""),
        ("supervise", UnitKind.TOWNSHIP, "advice", "不得向乡镇、街道下达督办通知单"),
        ("urge", UnitKind.STREET, "advice", "不得向乡镇、街道下达催办通知书"),
        ("circular", UnitKind.TOWNSHIP, "circular", ""),
        ("advice", UnitKind.ENTERPRISE, "", "企业和事业单位不列入督办"),
    ],
)
def test_who_may_order_whom(
    policy: PaperPolicy, kind: str, to: UnitKind, given: str, because: str
) -> None:
    found = rule(policy, kind, to)
    assert found.kind == given
    assert because in found.why


def test_another_issuer_may_order_townships(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")
    (tmp_path / "config" / "papers.yaml").write_text(
        "issuers:\n"
        "  - {id: office, code: 专班办}\n"
        "  - {id: inspect, name: 市政府督查室, code: 政督, coordinating: 否}\n"
        "signs: {supervise: inspect}\n",
        "utf-8",
    )
    found = load_papers(Home(tmp_path), Issues())
    assert rule(found, "supervise", UnitKind.TOWNSHIP).kind == "supervise"
    assert rule(found, "urge", UnitKind.TOWNSHIP).kind == "advice"


def test_number_has_hexagonal_brackets_and_no_leading_zero() -> None:
    assert number_text("新知专班办督", 2026, 12) == "新知专班办督〔2026〕12号"


def take(ledger: Ledger, *, fail: bool = False) -> None:
    """Take the next number of a series, or fail after it was taken."""
    with ledger.write("经办人甲") as writing:
        number = papers.next_number(writing.conn, "专班办督", 2026)
        papers.record(
            writing, kind="supervise", series="专班办督", year=2026, number=number, unit="a",
            title="督办通知单", issuer="专班办公室", data={"n": number}, files={"p": b"x"},
        )  # fmt: skip
        if fail:
            raise InputError.one("stop", NOWHERE, "停。", "再来。")


def test_numbers_have_no_gaps_and_no_repeats_however_many_write(ledger: Ledger) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        for n in range(5):
            try:
                take(ledger, fail=n == 2)
            except InputError:
                continue
            except BaseException as problem:  # noqa: BLE001 - told to the test below
                failed.append(problem)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with ledger.read() as conn:
        numbers = sorted(row["number"] for row in papers.papers(conn))
    assert numbers == list(range(1, 25))


def test_a_void_number_is_not_used_again_and_the_record_rebuilds(ledger: Ledger) -> None:
    take(ledger)
    take(ledger)
    with ledger.write("经办人甲") as writing:
        papers.void(writing, "专班办督-2026-2", "写错单位")
    take(ledger)
    with ledger.read() as conn:
        found = {row["number"]: row["state"] for row in papers.papers(conn)}
        before = rows_hash(conn)
    assert found == {1: "draft", 2: "void", 3: "draft"}
    with ledger.write("test") as writing:
        rebuild(writing.conn)
        assert rows_hash(writing.conn) == before
    with pytest.raises(InputError), ledger.write("经办人甲") as writing:
        papers.void(writing, "专班办督-2026-2", "再次")


# ---- made from the ledger ----------------------------------------------------------------------


def made(office: Office, hands: Hands, kind: str, unit: str) -> stage.Made:
    hands.at = moment(25)
    with office.ledger.write("经办人甲") as writing:
        return stage.make(office, writing, kind, office.units[unit])


def test_paper_is_recorded_with_its_hash_and_can_be_set_again(tmp_path: Path) -> None:
    with small_office(tmp_path, example=True) as (office, hands):
        paper = made(office, hands, "supervise", "scjgj")
        with office.ledger.read() as conn:
            row = papers.one(conn, paper.id)
        assert row is not None
        facts = from_json(json.loads(row["data"]))
        hashes = json.loads(row["hashes"])
        word = docx_of(facts, office.home, moment(25))
        assert paper.number == "新知专班办督〔2026〕1号"
        assert row["sha256"] == papers.sha256(row["data"].encode())
        for path in paper.files:
            assert papers.sha256((office.home.var / path).read_bytes()) == hashes[path]
        assert papers.sha256(word) == hashes[paper.files[0]]
        texts = [each.text for each in Document(io.BytesIO(word)).paragraphs]
        assert "新知专班办督〔2026〕1号" in texts
        assert any("T-1《出台实施意见》" in text and "逾期5天" in text for text in texts)
        assert "回　　执" in texts


def test_township_gets_a_hint_and_the_clerk_is_told_why(tmp_path: Path) -> None:
    with small_office(tmp_path) as (office, hands):
        paper = made(office, hands, "supervise", "longhu")
    assert (paper.kind, paper.number) == ("advice", "新知专班办提〔2026〕1号")
    assert "改用工作提示" in paper.why


def test_nothing_overdue_makes_no_paper_and_takes_no_number(tmp_path: Path) -> None:
    with small_office(tmp_path) as (office, hands):
        with pytest.raises(InputError, match="没有逾期"):
            made(office, hands, "urge", "zfb")
        assert made(office, hands, "urge", "scjgj").number.endswith("〕1号")


def test_papers_by_command(cli: Cli, tmp_path: Path) -> None:
    with small_office(tmp_path) as (office, _):
        root = office.home.root
    args = ("--home", root, "--format", "json")
    code, out, err = cli(
        "paper", "make", "--kind", "ledger", "--unit", "龙湖镇", "--by", "经办人甲", *args
    )
    assert code == 0, err
    row = json.loads(out)[0]
    assert re.fullmatch(r"新知专班办台〔\d{4}〕1号", row["number"])  # by today's year
    assert all((root / path).exists() for path in row["files"])
    code, _, err = cli(
        "paper", "make", "--kind", "urge", "--unit", "示范企业（待定）三", "--by", "经办人甲", *args
    )
    assert code == 1
    assert "企业和事业单位不列入督办" in err
    listed = json.loads(cli("paper", "list", *args)[1])
    assert [each["id"] for each in listed] == [row["id"]]
    assert (
        cli("paper", "void", row["id"], "--reason", "不用", "--by", "经办人甲", "--home", root)[0]
        == 0
    )
    assert json.loads(cli("paper", "list", *args)[1])[0]["state"] == "void"


# ---- every kind, and templates -----------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["circular", "advice", "letter", "urge", "supervise", "ledger", "scores"]
)
def test_every_kind_in_word_and_pdf_is_a_draft_without_red(kind: str) -> None:
    facts = sample(kind)
    word = docx_of(facts, None, moment(23))
    assert DRAFT_MARK in Document(io.BytesIO(word)).sections[0].header.paragraphs[0].text
    pdf = pdf_of(facts, moment(23))
    assert pdf.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>2<" in pdf
    assert pdf == pdf_of(facts, moment(23))


def template(root: Path, text: str, name: str = "urge") -> Path:
    paper = Paper("模板", author="", created=moment(2), example=False)
    paper.body(text)
    path = root / "config" / "templates" / "papers" / f"{name}.docx"
    path.parent.mkdir(parents=True)
    path.write_bytes(paper.to_bytes())
    return path


def test_starter_template_says_what_the_facts_say(tmp_path: Path) -> None:
    path = tmp_path / "urge.docx"
    path.write_bytes(starter("urge", moment(2)))
    texts = [
        each.text
        for each in Document(io.BytesIO(rendered(path, sample("urge"), moment(2)))).paragraphs
    ]
    assert "代字〔2026〕1号" in texts
    assert "1.T-1《任务》（1月报送），时限2026年1月4日，逾期1天。" in texts
    assert not any("{" in text for text in texts)


@pytest.mark.parametrize(
    ("text", "name", "code", "said"),
    [
        ("{{ 没有的 }}", "urge", "paper-template-field", "没有的"),
        ("{% for 行 in 事项 %}{{ 行.不在 }}{% endfor %}", "urge", "paper-template-field", "不在"),
        ("{% if %}", "urge", "paper-template-field", "写法不对"),
        ("好", "verdict", "paper-template-name", "没有“verdict”这个文种"),
    ],
)
def test_a_template_with_a_mistake_is_refused(
    tmp_path: Path, text: str, name: str, code: str, said: str
) -> None:
    path = template(tmp_path, text, name)
    issues = Issues()
    check_paper_templates(Home(tmp_path), issues)
    assert [(each.code, each.place.file) for each in issues.errors] == [
        (code, path.relative_to(tmp_path).as_posix())
    ]
    assert said in issues.errors[0].message


def test_a_template_cannot_reach_python_or_drop_the_draft_mark(tmp_path: Path) -> None:
    path = template(tmp_path, "{{ 文种.__class__.__mro__ }}")
    with pytest.raises(DubanError):
        rendered(path, sample("urge"), moment(2))
    plain = tmp_path / "urge.docx"
    Document().save(str(plain))
    marked = Document(io.BytesIO(rendered(plain, sample("urge"), moment(2))))
    assert DRAFT_MARK in "".join(each.text for each in marked.sections[0].header.paragraphs)


def test_fonts_fall_back_and_none_is_said_plainly() -> None:
    assert choose(frozenset({"DejaVu Sans"})) is None
    found = choose(frozenset({"Noto Serif CJK SC", "仿宋_GB2312"}))
    assert found is not None
    assert found.faces["fang"][0] == "仿宋_GB2312"
    assert found.stand_ins["小标宋"] == "Noto Serif CJK SC"
    assert not re.search("仿宋", "".join(found.stand_ins))
