"""Passwords that everybody tries first, of ten characters and more, and words they are made of.

Our own list: rows of the keyboard, counting, Chinese number rhymes (5201314), surnames of software, and
what an office would think of. ``WORDS`` are refused also with digits and signs before or behind them.
"""

from __future__ import annotations

_COMMON = """
0123456789 1234567890 12345678910 123456789a 123456789q 123456789z 123456789abc 123456789.. a123456789
aa123456789 a1234567890 q123456789 qq123456789 z123456789 w123456789 abc123456789 abcd123456789
abc1234567 abcd123456 abcd1234567 abcde12345 abcdef123456 12345abcde 123456abcdef 1234qwerasdf
9876543210 0987654321 1122334455 11223344556677 1112223334 112233445566 1231231231 123123123123
1234512345 1234554321 123454321a 123456654321 1234567654321 147258369a 1472583690 147852369a 1478963250
1596357420 159753159753 159357159357 741852963a 7894561230 789456123a 963852741a 987654321a 5201314520
5201314521 5211314521 520520520520 1314520520 13145201314 a5201314520 woaini1314 woaini520 woaini5201314
woaini1314520 woaini521 woaini123456 iloveyou1314 iloveyou520 iloveyou123 wodemima123 mima123456
1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qaz@wsx3edc 1qaz!qaz2wsx 1q2w3e4r!q 1qazxsw23edc
zaq12wsxcde3 zaq1xsw2cde3 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedc1 qazwsxedcrfv qazwsxedc123 qaz123wsx456
qwertyuiop qwertyuiop1 qwertyuiop123 qwerty12345 qwerty123456 qwerty1234 qwer1234asdf qweasdzxc1
qweasdzxc123 qweasdzxcv asdfghjkl1 asdfghjkl123 asdfghjkl; asdfgh123456 asdf123456 zxcvbnm123 zxcvbnm1234
zxcvbnmasdf poiuytrewq lkjhgfdsa1 mnbvcxz123 !qaz2wsx#edc !qaz@wsx#edc 1qaz@wsx#edc !@#$%^&*() !@#$%^&*()_+
p@ssw0rd123 p@ssw0rd1234 p@ssword123 passw0rd123 pa$$w0rd123 p@$$w0rd123 pass@word1 pass@123456 pass123456
admin@123456 admin12345 admin123456 admin@1234 admin888888 admin666666 root123456 root@123456 test123456
user123456 guest123456 system123456 oracle123456 huawei@123 huawei12#$ changeme123 changeme_123 letmein123
welcome123 welcome@123 welcome2026 default123 temp123456 a1b2c3d4e5 a1b2c3d4e5f6 aa11bb22cc33 1a2b3c4d5e
aaa111222333 aaa123456789 abc123abc123 abc123!@#$ abc@123456 abcd@1234 qwe123!@#$ qwe123asd456 asd123456789
zxc123456789 zaq1@wsx123 taobao123456 weixin123456 baidu123456 aliyun123456 alibaba123 tencent123 china123456
beijing2008 zhongguo123 henan123456 zhengzhou123 xinzheng123 duban123456 duban@123456 scjgj123456 bangongshi
bangongshi123 zhengfu123 zf12345678 gongwuyuan shichang123 jianguan123 dubanban123 keke123456
"""

_WORDS = """
password passwd passw0rd p@ssword p@ssw0rd pa$$word pa$$w0rd admin administrator root system letmein welcome
changeme default guest test testtest user username login master qwerty qwertyuiop asdfgh asdfghjkl zxcvbn
zxcvbnm qazwsx qazwsxedc qweasd qweasdzxc abc abcd abcde abcdef iloveyou woaini woaiwojia mima mimamima
wodemima nihao zhongguo china henan zhengzhou xinzheng duban scjgj office bangongshi zhengfu gongwuyuan
dragon monkey sunshine princess football baseball superman batman trustno secret hello helloworld
"""

COMMON = frozenset(_COMMON.split())
WORDS = frozenset(_WORDS.split())
