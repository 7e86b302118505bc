"""The no-trace guard: what people did in a software is not what they achieved.

国办函〔2026〕12号 forbids scoring by traces of use and ranking by points of activity; a rule or an
indicator that reads logins, reads, online time or upload counts is refused before it can score.
"""

from __future__ import annotations

import re
import unicodedata

TRACE_BASIS = "国办函〔2026〕12号"

_CHINESE = re.compile(
    "登录|登陆|登入|上线次数|阅读|已读|未读|浏览|点击|打卡|签到|点赞|转发[量数次]|在线时[长间]|在线率|停留时[长间]|"
    "活跃度|活跃率|活跃用户|日活|月活|访问量|访问次数|下载量|下载次数|"
    "上传[的材料图片照文件信息资条份张篇]*[数次量]|截图|留痕|安装率|注册率|关注量|关注人数|关注率|"
    "使用时[长间]|使用次数|访客|步数|积分排名|使用频[次率]"
)
_ENGLISH = re.compile(
    r"(?<![a-z])(?:log[ _-]?ins?|sign[ _-]?ins?|reads?|read[ _-](?:count|rate|receipts?)|views?|"
    r"page[ _-]?views?|visits?|clicks?|likes?|online(?:[ _-]?(?:time|hours?|minutes?|duration))?|"
    r"check[ _-]?ins?|punch(?:es)?|upload(?:s|ed)?(?:[ _-]?(?:count|number))?|downloads?|"
    r"active[ _-]?(?:time|users?|days)|dau|mau)(?![a-z])",
    re.IGNORECASE,
)
_PINYIN = re.compile(
    "|".join(
        r"[ _-]?".join(word.split())
        for word in (
            "deng lu", "yue du", "yi du", "liu lan", "dian ji", "da ka", "qian dao", "dian zan",
            "zai xian shi (?:chang|jian)", "huo yue (?:du|lv|shu)", "fang wen (?:liang|ci shu)",
            "shang chuan (?:shu|ci|liang)", "xia zai (?:shu|ci|liang)", "liu hen", "jie tu",
        )
    ),
    re.IGNORECASE,
)  # fmt: skip
# Traditional forms, and marks that people put between characters to pass a filter.
_TRADITIONAL = str.maketrans(
    "錄閱讀線時長點擊簽傳躍數條張覽訪問載讚贊", "录阅读线时长点击签传跃数条张览访问载赞赞"
)
_BETWEEN = re.compile(
    r"(?<=[\u4e00-\u9fff])[\s·•.\-_*/|\u200b-\u200f\u2060\ufeff]+(?=[\u4e00-\u9fff])"
)


def trace_in(text: str) -> str:
    """The word in a text that names a trace of use, or an empty text.

    Chinese, traditional characters, pinyin and English; also with spaces or dots put between characters.
    """
    folded = unicodedata.normalize("NFKC", text).translate(_TRADITIONAL)
    split = _split_words(folded)
    found = (
        _CHINESE.search(folded)
        or _CHINESE.search(_BETWEEN.sub("", folded))
        or _ENGLISH.search(split)
        or _PINYIN.search(split)
    )
    return found[0] if found else ""


def _split_words(text: str) -> str:
    """``loginCount`` as ``login_Count``, so that words are seen."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
