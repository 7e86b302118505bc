"""The schema is the source: files made from it are fresh, YAML keeps to it, and the readers ask for its keys."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from duban.assessment.facts import load_facts
from duban.assessment.rules import load_sheet
from duban.assessment.ruletests import load_suite
from duban.desk import read_desk
from duban.errors import Issues
from duban.matrix.schema import FILES, TABLES, Key, Kind, Table
from duban.matrix.schema_files import json_schema, json_schemas, readme
from duban.settings import Home
from duban.yamltext import Row
from notifier.config import load_channels

ROOT = Path(__file__).resolve().parent.parent
BY_FILE = {each.file: each for each in FILES}
PLAN_FOLDER = "xinzheng-ip-pilot"

# ---- what is committed is what the schema says -------------------------------------------------


def test_committed_schemas_are_fresh() -> None:
    folder = ROOT / "docs" / "schema"
    assert {
        path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.schema.json")
    } == (json_schemas()), "运行 duban schema --out docs/schema"


def test_the_readme_is_fresh() -> None:
    written = (ROOT / "tasks_def" / "README.md").read_text(encoding="utf-8")
    assert written == readme(), "运行 duban schema --readme tasks_def/README.md"
    assert "<!-- 键表" not in written


@pytest.mark.parametrize("name", BY_FILE)
def test_schemas_are_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(json_schema(BY_FILE[name]))


# ---- the shipped YAML keeps to it, misspelt YAML does not --------------------------------------


class Core(yaml.SafeLoader):
    """YAML 1.2's core types, as editors read them: a date stays text, ``是`` too."""


Core.yaml_implicit_resolvers = {
    char: [(tag, rule) for tag, rule in rules if not tag.endswith((":timestamp", ":bool"))]
    for char, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def worded(content: Any) -> Any:
    """The same with keys as texts (years are numbers in YAML), as JSON has them."""
    if isinstance(content, dict):
        return {str(key): worded(value) for key, value in content.items()}
    return [worded(value) for value in content] if isinstance(content, list) else content


def schema_of(path: Path) -> str:
    if "assessment" in path.parts:
        return f"{'ruletests' if path.parent.name == 'tests' else 'assessment'}.schema.json"
    if path.name == "facts.yaml":
        return "facts.schema.json"
    if path.parent.name == "config" or path.name == "plan.yaml":
        return f"{path.stem}.schema.json"
    return "tasks.schema.json"


def mistakes(name: str, content: object) -> list[str]:
    return [
        each.message
        for each in Draft202012Validator(json_schema(BY_FILE[name])).iter_errors(content)
    ]


SHIPPED = sorted([*(ROOT / "tasks_def").rglob("*.yaml"), *(ROOT / "config").rglob("*.yaml")])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_yaml_validates(path: Path) -> None:
    content = worded(yaml.load(path.read_text(encoding="utf-8"), Loader=Core))
    assert mistakes(schema_of(path), content) == []


TASK = {"id": "P-1", "title": "建立机制", "lead": ["市司法局"], "deadline": "2026年9月30日前"}


@pytest.mark.parametrize(
    "change",
    [
        {"dealine": "持续推进"},
        {"title": None},
        {"deadline": ""},
        {"lead": []},
        {"source": "official"},
        {"urgent": "也许"},
        {"weight": "两"},
        {"withdrawn": "2026年5月"},
        {"report": {"every": "quarter"}},
        {"milestones": [{"id": "a", "title": "初稿"}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_editors_underline_a_mistake(change: dict[str, object]) -> None:
    assert mistakes("tasks.schema.json", {"area": "g1", "tasks": [TASK]}) == []
    assert mistakes("tasks.schema.json", {"area": "g1", "tasks": [TASK | change]}) != []


def test_what_the_readers_take_is_not_underlined() -> None:
    loose = {"weight": "2.5", "urgent": True, "lead": "市司法局", "withdrawn": None, "clause": 3.1}
    assert mistakes("tasks.schema.json", {"area": "g1", "tasks": [TASK | loose]}) == []


# ---- the readers ask for the keys of the schema, no more and no less ---------------------------

Asked = dict[str, dict[str, list[tuple[str, bool, tuple[str, ...]]]]]
METHODS = (
    "text",
    "texts",
    "choice",
    "integer",
    "decimal",
    "flag",
    "day",
    "clock",
    "row",
    "rows",
    "convert",
)
TAKEN_BY = {
    Kind.BOUND: {"text", "integer"},
    Kind.POINTS: {"text", "convert"},
    Kind.LIMIT: {"text", "convert"},
    Kind.AMOUNT: {"text", "convert"},
    Kind.SHARE: {"text", "convert"},
}
NAMED_BY_THE_AUTHOR = {("rule", "category")}  # a choice among the sheet's own categories


def table_of_top(file: str) -> str:
    return BY_FILE[schema_of(Path(file))].table


class Listener:
    """Notes what every Row was asked for; a Row belongs to the table that its path leads to."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: Asked = defaultdict(lambda: defaultdict(list))
        self._deep = 0
        for method in METHODS:
            patch.setattr(Row, method, self._heard(method, getattr(Row, method)))

    def _heard(self, method: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def ask(row: Row, key: str, *args: Any, **named: Any) -> Any:
            table = self._table(row)
            if not self._deep:
                allowed = args[0] if method == "choice" else ()
                self.asked[table][key].append((method, bool(named.get("required")), allowed))
            self._deep += 1
            try:
                found = original(row, key, *args, **named)
            finally:
                self._deep -= 1
            for child in (
                found if method == "rows" else [found] if method == "row" and found else []
            ):
                child._table = next((k.of for k in TABLES[table].keys if k.name == key), f"?{key}")
            return found

        return ask

    def _table(self, row: Row) -> str:
        known: str | None = getattr(row, "_table", None)
        return known or table_of_top(row.place.file)


def sample(table: Table) -> dict[str, Any]:
    """A row with every key of the table, made of the examples; a key without one stays unwritten."""
    row = {key.name: sample_value(key) for key in table.keys if key.example or key.of}
    if table.free:
        row[table.free.example[0]] = table.free.example[1]
    return row


def sample_value(key: Key) -> Any:
    if key.kind is Kind.ROW:
        return sample(TABLES[key.of])
    if key.kind is Kind.ROWS:
        return [sample(TABLES[key.of])]
    return key.example if isinstance(key.example, str) else list(key.example)


def neighbours() -> list[dict[str, Any]]:
    """The further units that the examples speak of."""
    plain = {"kind": "township", "group": "乡镇街道"}
    return [
        {"id": "longhu", "name": "龙湖镇", **plain},
        {"id": "xinjianlu", "name": "新建路街道", **plain},
        {
            "id": "gaj",
            "name": "新郑市公安局",
            "short": "市公安局",
            "kind": "bureau",
            "group": "市直部门",
        },
        {"id": "zfb", "name": "新郑市人民政府", "kind": "bureau", "group": "市直部门"},
    ]


def contents() -> dict[str, dict[str, Any]]:
    """A whole home written in examples, by path."""
    tops = {each.table: sample(TABLES[each.table]) for each in FILES}
    tops["units"]["units"] += neighbours()
    tops["assessment"]["rules"][0] = whole_rule("per_piece")
    folder = f"tasks_def/{PLAN_FOLDER}"
    config = {
        f"config/{name}.yaml": tops[name]
        for name in tops
        if name not in {"plan", "tasks", "assessment", "ruletests", "facts"}
    }
    return {
        f"{folder}/plan.yaml": tops["plan"],
        f"{folder}/1.yaml": tops["tasks"],
        "config/assessment/2024.yaml": tops["assessment"],
        "config/assessment/tests/2024.yaml": tops["ruletests"],
        "facts.yaml": tops["facts"],
        **config,
    }


def whole_rule(kind: str) -> dict[str, Any]:
    return sample(TABLES["rule"]) | {"kind": kind}


def write(root: Path, files: dict[str, dict[str, Any]]) -> Home:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # JSON is YAML, and each example stays the text that a clerk would write.
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return Home(root)


def read(home: Home, *, sheet: bool = True) -> Issues:
    _, issues = read_desk(home, date(2026, 11, 22))
    load_channels(home, issues)
    if sheet:
        path = home.config / "assessment" / "2024.yaml"
        load_sheet(path, home.shown(path), issues)
        path = home.config / "assessment" / "tests" / "2024.yaml"
        load_suite(path, home.shown(path), issues)
        load_facts(home.root / "facts.yaml", "facts.yaml", issues)
    return issues


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    files = contents()
    kinds = next(key.words for key in TABLES["rule"].keys if key.name == "kind")
    files["config/assessment/2024.yaml"]["rules"] = [whole_rule(kind) for kind, _ in kinds]
    files["config/reminders.yaml"]["rungs"].append({"id": "today", "before": "0"})
    files["config/assessment/2024.yaml"]["grades"]["levels"].append({"ratio": "30%"})
    listener = Listener(monkeypatch)
    read(write(tmp_path, files))
    return listener.asked


def test_readers_and_schema_know_the_same_keys(asked: Asked) -> None:
    for table in TABLES.values():
        mine = {key.name for key in table.keys}
        theirs = set(asked[table.id])
        if table.free:  # the author's own keys
            theirs = {key for key in theirs if key in mine or not re.match(table.free.pattern, key)}
        assert theirs == mine, f"{table.id}：读者与结构所认的键不同"
    assert [name for name in asked if name not in TABLES] == []


def test_readers_and_schema_agree_on_kinds_and_words(asked: Asked) -> None:
    for table in TABLES.values():
        for key in table.keys:
            if (table.id, key.name) in NAMED_BY_THE_AUTHOR:
                continue
            heard = asked[table.id][key.name]
            methods = {method for method, _, _ in heard} - {"text"} or {"text"}
            taken = TAKEN_BY.get(key.kind, {key.kind.value})
            assert methods <= taken, f"{table.id}.{key.name}: {methods}"
            words = {word for method, _, allowed in heard if method == "choice" for word in allowed}
            assert words == {word for word, _ in key.words}, f"{table.id}.{key.name}"


def test_the_example_home_has_no_mistake(tmp_path: Path) -> None:
    files = contents()
    files["config/assessment/2024.yaml"]["rules"] = [short_rule()]
    assert [str(issue) for issue in read(write(tmp_path, files)).errors] == []


def short_rule() -> dict[str, Any]:
    """A rule of the first kind with only the keys that this kind takes."""
    taken = (
        "id version category name basis kind fact only unless from to points over each granularity "
        "direction unreported item_floor item_cap floor cap sentence sentence_over sentence_met rounding "
        "when start year"
    )
    keys = re.findall(r"\w+", taken)
    return {key: value for key, value in whole_rule("per_piece").items() if key in keys}


def spots() -> Iterator[tuple[str, tuple[str | int, ...], Key]]:
    """Every key of the example home: the file, the way to it, and what the schema says of it."""

    def walk(
        file: str, way: tuple[str | int, ...], table: Table
    ) -> Iterator[tuple[str, tuple[str | int, ...], Key]]:
        for key in table.keys:
            yield file, (*way, key.name), key
            if key.of and key.of != "rule":
                inner = (*way, key.name, 0) if key.kind is Kind.ROWS else (*way, key.name)
                yield from walk(file, inner, TABLES[key.of])

    for path in contents():
        yield from walk(path, (), TABLES[table_of_top(path)])


def without(
    files: dict[str, dict[str, Any]], file: str, way: tuple[str | int, ...]
) -> dict[str, dict[str, Any]]:
    files = json.loads(json.dumps(files))
    place: Any = files[file]
    for step in way[:-1]:
        place = place[step]
    place.pop(way[-1], None)
    return files


NEEDED = [spot for spot in spots() if spot[2].required]


@pytest.mark.parametrize(
    ("file", "way", "key"), NEEDED, ids=lambda part: str(part) if isinstance(part, tuple) else ""
)
def test_a_required_key_is_missed(
    tmp_path: Path, file: str, way: tuple[str | int, ...], key: Key
) -> None:
    """Leaving out what the schema requires is an error of the check as well."""
    files = contents()
    files["config/assessment/2024.yaml"]["rules"] = [short_rule()]
    home = write(tmp_path, without(files, file, way))
    assert read(home, sheet="assessment" in file or file == "facts.yaml").errors, (
        f"{file} {way} 可以不写"
    )


def test_what_is_not_required_may_be_left_out(tmp_path: Path) -> None:
    """All optional scalar keys at once: blank is as good as not written."""
    files = contents()
    files["config/assessment/2024.yaml"]["rules"] = [short_rule()]
    kept = {
        "short",
        "lost",
        "points",
        "granularity",
        "unreported",
        "floor",
        "cap",
        "rounding",
        "overdue",
        "area",
        "confirm",
        "after",
        "id",
        "unit",
        "target",
        "channel",
    }
    for file, way, key in spots():
        if not key.required and not key.of and way[-1] not in kept and "rules" not in way:
            files = without(files, file, way)
    files[f"tasks_def/{PLAN_FOLDER}/1.yaml"]["tasks"][0].pop("joint", None)
    assert [str(issue) for issue in read(write(tmp_path, files)).errors] == []


# ---- the command ------------------------------------------------------------------------------


@pytest.fixture
def schema_command(tmp_path: Path) -> Callable[..., int]:
    from argparse import Namespace

    from duban.cli.exporting import schema

    def run(**named: str) -> int:
        return schema(Namespace(**({"out": "", "readme": "", "format": "text"} | named)))

    return run


def test_schema_command_writes_both(schema_command: Callable[..., int], tmp_path: Path) -> None:
    out, text = tmp_path / "schema", tmp_path / "README.md"
    assert schema_command(out=str(out), readme=str(text)) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(BY_FILE)
    assert text.read_text(encoding="utf-8") == readme()
