"""Common given names and surnames, and words by which a column says that it holds persons.

The tables are short on purpose: a column of persons holds many common names, a list of labels holds none or one.
Words that are names and labels alike (White, Young, Gold, Virginia, 高, 金) count only beside many others.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN = _words("""
aaron abigail adam adrian ahmed aisha alan albert alex alexander alexandra alexis ali alice alicia alison amanda amber
amelia amy ana andrea andrew angela anita ann anna anne anthony antonio arthur ashley barbara ben benjamin beth betty
beverly bob bradley brandon brenda brian bruce bryan carl carla carlos carol caroline carolyn catherine charles
charlie charlotte chloe chris christian christina christine christopher cindy claire clara colin connor craig crystal
cynthia daisy daniel daniela danielle david dawn debbie deborah denise dennis derek diana diane donald donna doris
dorothy douglas dylan edward eileen elaine eleanor elena elizabeth ella ellen ellie emily emma eric erica erin ethan
eugene eva evan evelyn fatima fiona frances francesca francis frank fred gabriel gareth gary gemma geoffrey george
gerald gillian gina gloria gordon graham greg gregory hannah harold harry hassan hazel heather helen henry holly
howard hugh ian imran isaac isabel isabella isla jack jackie jacob jacqueline jade jake james jamie jane janet janice
jasmine jason jean jeff jeffrey jennifer jenny jeremy jerry jesse jessica jim joan joanna joanne joe joel john
jonathan jordan jorge jose joseph joshua joyce juan judith judy julia julian julie justin karen karl kate katherine
kathleen kathryn katie keith kelly ken kenneth kevin kim kimberly kyle larry laura lauren lawrence leah lee leo leon
leonard leslie lewis liam linda lisa logan lois louis louise lucas lucia lucy luis luke lynn madison margaret maria
marie marilyn mark martha martin mary mason matthew maureen megan melanie melissa mia michael michelle miguel mohamed
mohammed molly monica muhammad nancy naomi natalie nathan neil nicholas nicola nicole nigel noah nora olivia oliver
omar oscar owen pamela patricia patrick paul paula pauline pedro peter philip phoebe phyllis priya rachel ralph
raymond rebecca richard robert robin roger ronald rosa rose rosemary ross roy russell ruth ryan sally sam samantha
samuel sandra sara sarah scott sean sebastian sharon sheila shirley simon sofia sophia sophie stacey stella stephanie
stephen steve steven stuart sue susan suzanne sylvia tamara tanya teresa terry theresa thomas tiffany tim timothy tina
toby todd tom tony tracey tracy trevor tyler valerie vanessa vera veronica victor victoria vincent virginia walter
wayne wendy wesley will william yasmin yvonne zachary zoe
""")
SURNAMES = _words("""
adams ahmed alexander ali allen anderson andrews armstrong atkinson bailey baker barker barnes bell bennett bradley
brooks brown bryant burns butler byrne campbell carter castillo chapman clark clarke coleman collins cook cooper cox
cruz cunningham davidson davies davis dawson diaz dixon edwards elliott ellis evans fernandez fisher fletcher flores
ford foster fox garcia gibson gomez gonzalez graham grant gray green griffin gutierrez hall hamilton harris harrison
harvey hayes henderson hernandez hill holmes howard hughes hunt hunter hussain jackson jacobs james jenkins jimenez
johnson johnston jones jordan kaur kelly kennedy khan king knight lawrence lawson lee lewis lloyd long lopez marshall
martin martinez mason matthews mcdonald mendoza miller mills mitchell moore morales moreno morgan morris morrison
murphy murray myers nelson nguyen obrien oconnor oliver ortiz owen owens palmer parker patel patterson pearson perez
perkins perry peterson phillips porter powell price ramirez ramos reed reid reyes reynolds richards richardson rivera
roberts robertson robinson rodriguez rogers romero ross ruiz russell ryan sanchez sanders saunders scott shah sharma
shaw simmons simpson singh smith spencer stephens stevens stewart stone sullivan taylor thomas thompson torres tucker
turner vargas walker wallace walsh ward washington watkins watson watts webb wells west white wilkinson williams
williamson willis wilson wood woods wright young
""")
# names that are labels, places or things as well: alone they tell nothing
AMBIGUOUS = _words("""
brown gray green white young long west hill hall price stone wood woods ford grant king knight mills wells ward cash
fisher hunt hunter baker cook cooper mason porter spencer reed jordan madison virginia victoria charlotte rose will
christian amber crystal jade robin dawn holly daisy hazel kim lee washington houston grace faith hope mark bill summer
lincoln walker burns
""")
FAMILY_ZH = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆汪"
    "范廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤張劉陳楊黃趙吳孫馬鄭許鄧韓馮葉蘇盧鍾譚陸"
)
DOUBLE_ZH = ("欧阳", "上官", "司马", "诸葛", "夏侯", "东方", "皇甫", "尉迟", "公孙", "慕容", "司徒", "令狐")
# characters of given names that hardly stand in labels
GIVEN_ZH = frozenset(
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛霞刚桂英梅兰玲婷雪琳倩颖洁莉萍燕丹莹蕾薇佳欣怡梓涵浩轩宇晨曦博睿鹏俊峰斌辉凯旭鑫淑珍琴"
    "玉秀凤红云飞建志文国庆华春海波超亮健宏彬彦思雨诗琪子豪嘉懿雅晓慧珊琼芬娥惠彩娇媛婕妍昊泽然皓"
)  # fmt: skip
PLACE_ZH = frozenset("省市区县州镇乡村路街道族卡险贷款类型级等组部店行款费率人民业岁元年月日高低中")

NAMED = re.compile(
    r"(^|_)((first|last|full|given|fore|middle|maiden|family|customer|client|applicant|borrower|holder|person|contact|"
    r"user|member|employee|patient|cust|cardholder|policyholder|guarantor|debtor)_?(name|nm)s?|surname|forename|fname|"
    r"lname)(_|$)|^(name|nm|customer|client|applicant|borrower)$|姓名|姓氏|名字|^姓$|^名$|客户名|户名|申请人|联系人|借款人|"
    r"投保人|被保险人|持卡人|担保人"
)
PHONED = re.compile(r"(^|_)(phone|telephone|tel|mobile|cell|msisdn|whatsapp|fax)(_|$)|phone|手机|电话|联系方式|座机")
NUMBERED = re.compile(
    r"(^|_)(ssn|sin|nino|social_security\w*|national_id\w*|id_?card\w*|resident_id\w*)(_|$)|身份证|证件号"
)
CARDED = re.compile(r"(^|_)(card_?(no|num|number)|credit_card|pan)(_|$)|卡号")


def folded(column: str) -> str:
    """A column's name in lower case with words apart: ``CustomerName`` and ``customer name`` become customer_name."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", column.strip())
    return re.sub(r"[\W_]+", "_", apart).strip("_").lower()
