"""The command line. Arguments are read here; each command lives in a module that is imported when used.

Start-up is what a clerk waits for: nothing heavy is imported before a command is known, and Prefect only
by commands that run flows.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from duban.errors import DubanError, Exit

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code (0 done, 1 input wrong, 2 usage, 3 something outside failed)."""
    args = parser().parse_args(argv)
    try:
        return int(_command(args.module, args.function)(args))
    except DubanError as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("已中断；没有写完的内容不会留下。\n")
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone: stop quietly, and keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except (FileNotFoundError, IsADirectoryError) as problem:
        sys.stderr.write(f"读不到文件：{problem.filename}。 办法：检查文件名和所在文件夹。\n")
        return Exit.INPUT
    except OSError as problem:
        sys.stderr.write(
            f"文件或网络出错：{problem.strerror or problem}（{problem.filename or ''}）。 办法：检查路径、权限和磁盘空间后再试。\n"
        )
        return Exit.OUTSIDE


def _command(module: str, function: str) -> Command:
    found: Command = getattr(import_module(f"duban.cli.{module}"), function)
    return found


class _Parser(argparse.ArgumentParser):
    """An argument parser that speaks Chinese where it refuses."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more, add_help=False)
        self._positionals.title, self._optionals.title = "参数", "选项"
        self.add_argument("-h", "--help", action="help", help="显示用法")

    def format_usage(self) -> str:
        """The usage under a Chinese word."""
        return super().format_usage().replace("usage: ", "用法：", 1)

    def format_help(self) -> str:
        """The help under Chinese words."""
        return super().format_help().replace("usage: ", "用法：", 1)

    def error(self, message: str) -> NoReturn:
        """Refuse a wrong call with the way out."""
        self.print_usage(sys.stderr)
        self.exit(
            Exit.USAGE,
            f"{self.prog}：用法不对（{_in_chinese(message)}）。 办法：运行 {self.prog} --help 查看用法。\n",
        )


_REFUSALS = (
    (r"the following arguments are required: (.+)", r"缺少 \1"),
    (r"unrecognized arguments: (.+)", r"多出了 \1"),
    (r"argument (.+): invalid choice: '(.*)' \(choose from (.+)\)", r"\1 没有“\2”，可选 \3"),
    (r"argument (.+): invalid int value: '(.*)'", r"\1 应为整数，“\2”不是"),
    (r"argument (.+): expected one argument", r"\1 后面要跟一个值"),
    (r"ambiguous option: (\S+) could match (.+)", r"\1 不明确，可能是 \2"),
)


def _in_chinese(message: str) -> str:
    """What argparse refuses, in the words of the reader; anything new as it came."""
    import re

    for english, chinese in _REFUSALS:
        found = re.fullmatch(english, message)
        if found:
            return found.expand(chinese)
    return message


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _Parser(prog="duban", description="督办：把任务分工表变成提醒、报送、督办和考核")
    subs = top.add_subparsers(dest="command", required=True, metavar="命令", parser_class=_Parser)
    for add in (_matrix, _work, _escalating, _collecting, _assessing, _papers, _tools, _keeping):
        add(subs)
    return top


Subs = Any  # argparse names this type only privately


def _add(
    subs: Subs, name: str, where: str, told: str, *, lists: bool = False
) -> argparse.ArgumentParser:
    sub: argparse.ArgumentParser = subs.add_parser(name, help=told, description=told)
    sub.add_argument("--home", help="家目录（默认 DUBAN_HOME 或当前目录）")
    if lists:
        sub.add_argument("--format", choices=("text", "json"), default="text", help="输出格式")
    module, function = where.split(".")
    sub.set_defaults(module=module, function=function)
    return sub


def _matrix(subs: Subs) -> None:
    sub = _add(subs, "init", "matrix.init", "在新目录放一套可照着改的 tasks_def/ 和 config/")
    sub.add_argument("dir", metavar="目录")
    sub = _add(subs, "check", "matrix.check", "检查任务分工和各项设置，一次列出全部问题")
    sub.add_argument("--format", choices=("text", "json", "sarif"), default="text", help="输出格式")
    sub.add_argument("--brief", action="store_true", help="没有错误时只说一句")
    sub = _add(
        subs,
        "import",
        "importing.import_matrix",
        "把现成的任务分工表（Excel、CSV、Word）读成 YAML",
        lists=True,
    )
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--out", required=True, metavar="DIR", help="写到哪个新目录")
    sub.add_argument("--year", type=int, default=None, metavar="Y", help="没写年份的时限按哪一年")
    sub.add_argument("--sheet", default="", metavar="表名", help="只读这一张工作表")
    _add(subs, "plan", "matrix.plan", "说明若应用任务分工，台账会有哪些变化（不写入）", lists=True)
    sub = _add(
        subs, "apply", "matrix.apply", "把任务分工写入台账（一次事务，重复运行不再写）", lists=True
    )
    sub.add_argument(
        "--confirm",
        "--approve",
        dest="confirm",
        default="",
        metavar="理由或文号",
        help="允许改动已办结、已报送或已逾期的事项",
    )
    sub.add_argument("--actor", default="", help="经办人（默认系统用户名）")
    sub = _add(
        subs, "history", "matrix.history", "导入启用之前的办理情况（CSV：编号,完成日期,说明）"
    )
    sub.add_argument("file", metavar="FILE.csv")
    sub = _add(subs, "schema", "exporting.schema", "写出各文件的 JSON Schema 和键表", lists=True)
    sub.add_argument("--out", default="", metavar="目录")
    sub.add_argument("--readme", nargs="?", const="tasks_def/README.md", default="", metavar="文件")


def _work(subs: Subs) -> None:
    sub = _add(subs, "run", "work.run", "运行一个流程（真正的 Prefect 流程）", lists=True)
    stages = (
        "remind",
        "collect",
        "escalate",
        "digest",
        "assess",
        "deliver",
        "publish",
        "upkeep",
        "all",
    )
    sub.add_argument("stage", choices=stages, metavar="流程", help="、".join(stages))
    sub.add_argument("--date", default="", metavar="D", help="逻辑日期，如 2026-11-22（默认今天）")
    sub.add_argument("--direct", action="store_true", help="不经 Prefect，直接运行同样的函数")
    sub = _add(
        subs, "preview", "previewing.preview", "预演今后几天会发哪些消息（不写入）", lists=True
    )
    sub.add_argument("--days", type=int, default=30, metavar="N")
    sub.add_argument("--unit", default="", metavar="单位", help="只看一个单位")
    sub.add_argument("--day", default="", metavar="D", help="只看一天")
    sub.add_argument("--texts", action="store_true", help="连同每条消息的全文")
    sub.add_argument(
        "--save", default="", metavar="FILE.json", help="存下来，以后用 --against 对照"
    )
    sub.add_argument(
        "--against", default="", metavar="FILE.json", help="拿存下的预演与实际发出的对照，逐处说明"
    )
    sub = _add(subs, "why", "why.why", "为什么发了或没有发提醒", lists=True)
    sub.add_argument("--unit", required=True, metavar="单位")
    sub.add_argument("--task", default="", metavar="任务编号")
    sub.add_argument("--date", default="", metavar="D")
    sub = _add(subs, "up", "work.up", "启动服务：网页、定时流程和内嵌的 Prefect")
    sub.add_argument("--host", default="127.0.0.1")
    sub.add_argument("--port", type=int, default=8420)
    quiet: argparse.ArgumentParser = subs.add_parser(
        "silence", help="免扰：谁、为什么、到哪天不提醒"
    )
    inner = quiet.add_subparsers(
        dest="act", required=True, metavar="add|list|end", parser_class=_Parser
    )
    sub = _add(inner, "add", "silencing.add", "设一段免扰")
    sub.add_argument("--unit", required=True, metavar="单位")
    sub.add_argument("--task", default="", metavar="任务编号")
    sub.add_argument("--post", default="", metavar="岗位")
    sub.add_argument("--until", required=True, metavar="D", help="到哪天为止（含）")
    sub.add_argument("--reason", required=True, metavar="理由")
    sub.add_argument("--actor", default="", help="经办人（默认系统用户名）")
    _add(inner, "list", "silencing.list_all", "列出免扰", lists=True)
    sub = _add(inner, "end", "silencing.end", "提前结束一段免扰")
    sub.add_argument("id", metavar="编号")
    sub.add_argument("--actor", default="", help="经办人（默认系统用户名）")
    _requests(subs)
    _messages(subs)
    _add(subs, "status", "status.status", "台账现状一览", lists=True)


def _requests(subs: Subs) -> None:
    top: argparse.ArgumentParser = subs.add_parser(
        "request", help="单位的申请：延期、暂缓、调整、取消、合并、拆分"
    )
    inner = top.add_subparsers(
        dest="act", required=True, metavar="list|grant|refuse|resume", parser_class=_Parser
    )
    sub = _add(inner, "list", "requesting.list_all", "列出待答复的申请", lists=True)
    sub.add_argument("--all", action="store_true", help="连已答复的一起列")
    for name, told in (("grant", "同意一份申请"), ("refuse", "不同意一份申请")):
        sub = _add(inner, name, f"requesting.{name}", told)
        sub.add_argument("id", metavar="编号")
        sub.add_argument("--reason", default="", required=name == "refuse", metavar="理由")
        sub.add_argument("--actor", default="", help="经办人（默认系统用户名）")
        if name == "grant":
            sub.add_argument("--date", default="", metavar="D", help="另定的日期（延期、暂缓）")
            sub.add_argument("--doc", default="", metavar="文号", help="调整、取消须写")
    sub = _add(inner, "resume", "requesting.resume", "暂缓的事项提前恢复办理")
    sub.add_argument("key", metavar="事项编号")
    sub.add_argument("--reason", required=True, metavar="理由")
    sub.add_argument("--actor", default="", help="经办人（默认系统用户名）")


def _messages(subs: Subs) -> None:
    top: argparse.ArgumentParser = subs.add_parser(
        "messages", help="没有送达的消息：查看、重发、作罢"
    )
    inner = top.add_subparsers(
        dest="act", required=True, metavar="list|resend|drop|arrived", parser_class=_Parser
    )
    states = ("trouble", "failed", "unknown", "expired", "queued", "sent", "cancelled", "moved")
    sub = _add(inner, "list", "messages.list_all", "按状态列出消息（默认要处理的）", lists=True)
    sub.add_argument(
        "--state", choices=states, default="trouble", metavar="状态", help="、".join(states)
    )
    sub.add_argument("--channel", default="", metavar="渠道")
    sub.add_argument("--unit", default="", metavar="单位")
    acts = (
        ("resend", "重发（用同一编号）"),
        ("drop", "作罢，不再发送"),
        ("arrived", "问过对方，已经收到：记为送达"),
    )
    for name, told in acts:
        sub = _add(inner, name, f"messages.{name}", told)
        sub.add_argument("id", nargs="*", metavar="编号", help="见 duban messages list；可写几个")
        sub.add_argument("--channel", default="", metavar="渠道", help="不写编号：这个渠道的全部")
        sub.add_argument(
            "--state",
            choices=states[:4],
            default="failed",
            metavar="状态",
            help="与 --channel 同用：哪种状态的（默认 failed；trouble 为全部要处理的）",
        )
        sub.add_argument("--reason", required=True, metavar="理由")
        sub.add_argument("--actor", default="", help="经办人（默认系统用户名）")


def _escalating(subs: Subs) -> None:
    """Proposals that wait for a person, ladders that are climbing, presets."""
    group: argparse.ArgumentParser = subs.add_parser(
        "proposals", help="督办建议：查看、确认、降级、移交"
    )
    acts = "list|confirm|drop|soften|handover"
    inner = group.add_subparsers(dest="act", required=True, metavar=acts, parser_class=_Parser)
    sub = _add(inner, "list", "escalating.list_proposals", "列出等人确认的督办建议", lists=True)
    sub.add_argument("--all", action="store_true", help="已处理的也列出")
    for name, told, to in (
        ("confirm", "确认：照建议发出", ""),
        ("drop", "不予采纳", ""),
        ("soften", "降级：改发更轻的一级", "STEP"),
        ("handover", "移交另一人决定", "NAME"),
    ):
        sub = _add(inner, name, "escalating.decide", told)
        sub.add_argument("id", metavar="编号")
        if to:
            sub.add_argument("--to", required=True, metavar=to, help="哪一级，或交给谁")
        _signed(sub, needs_reason=name != "confirm")
    group = subs.add_parser("escalation", help="督办梯级：正在走的、改用现行版本、直接提出")
    inner = group.add_subparsers(
        dest="act", required=True, metavar="list|adopt|raise", parser_class=_Parser
    )
    _add(inner, "list", "escalating.list_climbs", "列出正在走的督办梯级及其版本", lists=True)
    sub = _add(inner, "adopt", "escalating.adopt", "已经开始的改用现行梯级")
    sub.add_argument("--obligation", action="append", default=[], metavar="应办编号")
    sub.add_argument("--all", action="store_true", help="全部")
    _signed(sub)
    sub = _add(inner, "raise", "escalating.raise_one", "直接从某一级督办")
    sub.add_argument("obligation", metavar="应办编号")
    sub.add_argument("--step", required=True, metavar="STEP", help="哪一级")
    _signed(sub)
    group = subs.add_parser("presets", help="成套的梯级和灯")
    inner = group.add_subparsers(
        dest="act", required=True, metavar="list|copy", parser_class=_Parser
    )
    _add(inner, "list", "escalating.list_presets", "列出成套的办法", lists=True)
    sub = _add(inner, "copy", "escalating.copy_preset", "拷进 config/，再照本单位的办法改")
    sub.add_argument("name", metavar="名称")


def _signed(sub: argparse.ArgumentParser, *, needs_reason: bool = True) -> None:
    sub.add_argument("--by", required=True, metavar="NAME", help="署名")
    sub.add_argument("--reason", required=needs_reason, default="", metavar="理由")


def _collecting(subs: Subs) -> None:
    sub = _add(subs, "submit", "collecting.submit", "在命令行报送一项", lists=True)
    sub.add_argument("key", metavar="应办编号", help="如 M-01/scjgj/report:2026Q4")
    sub.add_argument("--progress", default="", help="本期进展")
    sub.add_argument("--problem", default="", help="存在问题")
    sub.add_argument("--next", default="", help="下一步")
    sub.add_argument("--percent", type=int, default=None, help="累计进度 0–100")
    sub.add_argument(
        "--figure", action="append", default=[], metavar="指标=数", help="指标完成值，可重复"
    )
    sub.add_argument("--file", action="append", default=[], metavar="文件", help="佐证材料，可重复")
    sub.add_argument("--nil", action="store_true", help="无变化（零报告）")
    sub.add_argument("--signed-by", default="", help="审签人")
    sub.add_argument("--stated-on", default="", metavar="D", help="实际完成的日期，如 2026-11-20")
    sub.add_argument("--idem-key", default=None, help="提交编号：同一编号、同一内容只收一次")
    sub.add_argument("--actor", default="")
    sub = _add(subs, "export", "collecting.export", "导出报送表、台账或任务分工", lists=True)
    sub.add_argument("what", choices=("forms", "ledger", "matrix"), metavar="forms|ledger|matrix")
    sub.add_argument("--out", default="", metavar="目录或文件")
    sub.add_argument("--unit", default="", metavar="单位")


def _assessing(subs: Subs) -> None:
    assess: argparse.ArgumentParser = subs.add_parser("assess", help="考核：计分、查看、逐条说明")
    inner = assess.add_subparsers(
        dest="act",
        required=True,
        metavar="run|show|explain|score|test|compare",
        parser_class=_Parser,
    )
    sub = _add(inner, "run", "assessing.run", "按年度计分", lists=True)
    sub.add_argument("--year", type=int, default=0)
    sub.add_argument("--date", default="", metavar="D", help="截至哪一天（默认今天）")
    sub = _add(inner, "show", "assessing.show_run", "查看一个批次的得分", lists=True)
    sub.add_argument("run", nargs="?", default="", metavar="批次")
    sub = _add(inner, "explain", "assessing.explain_unit", "逐条说明一个单位的得分", lists=True)
    sub.add_argument("--unit", required=True, metavar="单位")
    sub.add_argument("--run", default="", metavar="批次")
    sub = _add(
        inner, "score", "assessing.score_files", "不用台账，按细则文件和事实文件计分", lists=True
    )
    sub.add_argument("--rules", required=True, metavar="F")
    sub.add_argument("--facts", required=True, metavar="F")
    sub = _add(inner, "test", "assessing.test_rules", "按例子检验细则", lists=True)
    sub.add_argument("--rules", default="", metavar="F", help="换用这份细则")
    sub.add_argument("files", nargs="*", metavar="FILES", help="默认 config/assessment 下全部")
    sub = _add(
        inner,
        "compare",
        "assessing.compare_sheets",
        "新旧细则比较：谁变、变多少、因哪一条",
        lists=True,
    )
    sub.add_argument("--rules", required=True, metavar="新细则")
    sub.add_argument("--against", required=True, metavar="旧细则")
    sub.add_argument("--facts", default="", metavar="F", help="事实文件")
    sub.add_argument("--period", type=int, default=0, metavar="Y", help="台账里的哪一年")
    sub.add_argument("--out", default="", metavar="FILE.xlsx", help="另存为 Excel")


def _papers(subs: Subs) -> None:
    """Digests to approve and numbered papers."""
    from duban.cli.paper_arguments import add

    add(subs, _add, _Parser)


def _tools(subs: Subs) -> None:
    sub = _add(subs, "deadline", "tools.deadline", "试读一个时限用语", lists=True)
    sub.add_argument("phrase", metavar="短语")
    sub.add_argument("--year", type=int, default=None, help="短语没写年份时按哪一年")
    sub.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="名称=日期",
        help="起算点，如 approved=2024-01-03",
    )
    sub.add_argument(
        "--given",
        action="append",
        default=[],
        metavar="事件=日期",
        help="同 --anchor，如 会议=2026-11-20",
    )
    days: argparse.ArgumentParser = subs.add_parser("workdays", help="工作日推算（含调休）")
    inner = days.add_subparsers(
        dest="act", required=True, metavar="add|between", parser_class=_Parser
    )
    sub = _add(inner, "add", "tools.workdays_add", "某日之后第 N 个工作日", lists=True)
    sub.add_argument("date", metavar="日期")
    sub.add_argument("number", type=int, metavar="N")
    sub = _add(inner, "between", "tools.workdays_between", "两日之间的工作日数", lists=True)
    sub.add_argument("first", metavar="起")
    sub.add_argument("last", metavar="止")
    sub = _add(
        subs,
        "simulate",
        "simulating.simulate",
        "演示例；或给出起止日期，在另一本台账里模拟若干年并逐日核对规矩",
        lists=True,
    )
    sub.add_argument("--from", dest="first", default="", metavar="D", help="模拟从哪天起")
    sub.add_argument("--to", dest="last", default="", metavar="D", help="模拟到哪天（默认昨天）")
    sub.add_argument("--seed", type=int, default=1, help="种子：同一种子结果相同")
    sub.add_argument(
        "--faults", action="store_true", help="按种子加入故障：断电、停机、渠道不灵、改方案"
    )


def _keeping(subs: Subs) -> None:
    audit: argparse.ArgumentParser = subs.add_parser("audit", help="核对台账")
    inner = audit.add_subparsers(dest="act", required=True, metavar="verify", parser_class=_Parser)
    _add(inner, "verify", "keeping.audit_verify", "核对哈希链，并由记录重建现状比对", lists=True)
    user: argparse.ArgumentParser = subs.add_parser("user", help="账号和个人链接")
    inner = user.add_subparsers(
        dest="act",
        required=True,
        metavar="add|list|disable|enable|reset|role|totp|link|revoke",
        parser_class=_Parser,
    )
    _accounts(inner)
    sub = _add(inner, "link", "keeping.user_link", "给一个单位的岗位开出个人链接")
    sub.add_argument("unit", metavar="单位")
    sub.add_argument("--post", default="liaison")
    sub = _add(inner, "revoke", "keeping.user_revoke", "作废一个单位的全部个人链接")
    sub.add_argument("unit", metavar="单位")
    sub.add_argument("--why", default="交接")
    from duban.cli.programs import add_programs

    add_programs(subs, _add, _Parser)
    sub = _add(subs, "doctor", "doctor.doctor", "体检：设置、台账、流程、渠道", lists=True)
    sub.add_argument(
        "--send-test",
        nargs="?",
        const="",
        default=None,
        metavar="渠道",
        help="试发：默认只演练，说明会发什么、发到哪里，不联网",
    )
    sub.add_argument("--to", default="", metavar="地址", help="试发给谁（发给个人的渠道）")
    sub.add_argument("--really", action="store_true", help="真的发出一条标明“测试”的消息")
    _channels(subs)


def _channels(subs: Subs) -> None:
    sub = _add(
        subs, "channels", "channels.channels", "每个单位、岗位走哪个渠道、为什么", lists=True
    )
    sub.add_argument("--unit", default="", metavar="单位")
    sub.add_argument(
        "--message", choices=("day", "urgent", "digest"), default="day", metavar="种类"
    )
    sub.add_argument("--problems", action="store_true", help="只列要处理的")
    top: argparse.ArgumentParser = subs.add_parser("templates", help="消息模板：列出、取一份来改")
    inner = top.add_subparsers(dest="act", required=True, metavar="list|copy", parser_class=_Parser)
    _add(inner, "list", "channels.templates", "列出模板，哪些改过、能不能用", lists=True)
    sub = _add(inner, "copy", "channels.copy_template", "把内置模板放进 config/templates/ 来改")
    sub.add_argument("name", metavar="模板", help="如 mail.html、urgent-bot.md")


def _accounts(inner: Subs) -> None:
    roles = ("admin", "reviewer", "leader", "head", "auditor")
    told = "admin 管理员、reviewer 审核员、leader 领导、head 单位负责人、auditor 审计员"
    for name, where, what in (
        ("add", "accounts.add", "建立办公室或领导的账号（口令不写在命令里）"),
        ("reset", "accounts.reset", "停用原口令，设新的或给一次性链接"),
    ):
        sub = _add(inner, name, where, what)
        sub.add_argument("name", metavar="姓名")
        sub.add_argument(
            "--password-file",
            default="",
            metavar="文件",
            help="口令在这个文件的第一行；- 是标准输入",
        )
        sub.add_argument("--link", action="store_true", help="不问口令，给一个一次性链接")
        if name == "add":
            sub.add_argument("--role", required=True, choices=roles, help=told)
            sub.add_argument("--unit", default="", metavar="单位", help="单位负责人是哪个单位的")
            sub.add_argument("--claim", default="", metavar="名字", help="统一身份认证里的名字")
    _add(inner, "list", "accounts.list_all", "列出账号", lists=True)
    for name, what in (("disable", "停用账号"), ("enable", "恢复账号")):
        sub = _add(inner, name, f"accounts.{name}", what)
        sub.add_argument("name", metavar="姓名")
    sub = _add(inner, "role", "accounts.role", "改角色")
    sub.add_argument("name", metavar="姓名")
    sub.add_argument("role", choices=roles, metavar="角色", help=told)
    sub.add_argument("--unit", default="", metavar="单位")
    sub = _add(inner, "totp", "accounts.totp", "动态口令：查看，--off 停用")
    sub.add_argument("name", metavar="姓名")
    sub.add_argument("--off", action="store_true", help="停用（手机丢了时）")


if __name__ == "__main__":
    raise SystemExit(main())
