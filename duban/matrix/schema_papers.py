"""The keys of ``config/papers.yaml``: who signs papers, to whom, and how digests are approved."""

from __future__ import annotations

from duban.matrix.schema_keys import Key, Kind, Table

PAPERS = Table(
    "papers",
    "公文 papers.yaml",
    (
        Key("issuers", Kind.ROWS, "落款机关", "第一个是默认的", of="issuer"),
        Key("signs", Kind.ROW, "哪个文种由谁落款", "不写的由第一个落款", of="signs"),
        Key("reply_working_days", Kind.INTEGER, "要求几个工作日内回复", "默认 5", "5", least=1),
        Key("copies", Kind.TEXT, "抄送", "写在版记里；不写就没有", "市政府办公室"),
        Key(
            "digest_needs_approval",
            Kind.FLAG,
            "周报、通报是否审定后才发给领导和单位",
            "默认“是”；办公室自己当即收到草稿",
            "是",
        ),
        Key(
            "unapproved",
            Kind.CHOICE,
            "一直没人审定怎么办",
            words=(("hold", "一直等（默认）"), ("send", "到时照发并记明")),
        ),
        Key(
            "unapproved_after_hours",
            Kind.INTEGER,
            "等几个工作小时算一直没人审定",
            "默认 16",
            "16",
            least=1,
        ),
        Key(
            "digest_to_heads",
            Kind.FLAG,
            "是否给各单位主要负责人发本单位的一份",
            "默认“否”",
            "否",
        ),
        Key(
            "fonts_dir",
            Kind.TEXT,
            "公文字体放在哪里",
            "PDF 用；从家目录算起，放单位有授权的小标宋、仿宋、楷体",
            "fonts",
        ),
    ),
)
ISSUER = Table(
    "issuer",
    "落款机关 issuers",
    (
        Key("id", Kind.TEXT, "编号", "不重复", "office", required=True),
        Key("name", Kind.TEXT, "名称", "默认 duban.yaml 的 issuer", "新郑市人民政府督查室"),
        Key("code", Kind.TEXT, "机关代字", "文号的开头，不重复", "新知专班办", required=True),
        Key(
            "coordinating",
            Kind.FLAG,
            "是否议事协调机构",
            "默认“是”：不得向乡镇、街道下达督办单、催办书",
            "是",
        ),
    ),
)
SIGNS = Table(
    "signs",
    "由谁落款 signs",
    tuple(
        Key(kind, Kind.TEXT, name, "写落款机关的编号", "office")
        for kind, name in (
            ("circular", "督查通报"),
            ("advice", "工作提示"),
            ("letter", "提示函"),
            ("urge", "催办通知书"),
            ("supervise", "督办通知单"),
            ("ledger", "任务台账"),
            ("scores", "考核得分表"),
        )
    ),
)

PAPER_TABLES = (PAPERS, ISSUER, SIGNS)
