"""What customers say, in Chinese and English: an opening, a core tied to a cause, and a close.

Every sentence is worded for this package. Source: rows C3, V1, V3 of method.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

CAUSES = ("delivery", "quality", "equipment", "response", "attitude", "price")
"""What a customer is content or discontent with; in every feedback one of them is the cause."""

_OPENINGS: Mapping[tuple[str, bool], Sequence[str]] = {
    ("zh", True): (
        "",
        "买了好几次了，",
        "总体很满意，",
        "给个好评，",
        "朋友推荐来的，",
        "用了一段时间，",
        "说实话，",
        "不得不说，",
        "这次体验不错，",
    ),
    ("zh", False): (
        "",
        "有点失望，",
        "这次体验不好，",
        "说实话，",
        "反映一个问题，",
        "老客户了，",
        "本来很期待，",
        "希望你们重视，",
        "不太满意，",
    ),
    ("en", True): (
        "",
        "Very pleased: ",
        "Third order already, and ",
        "A friend sent me here. ",
        "Honestly, ",
        "All in all good: ",
        "So far so good, ",
    ),
    ("en", False): (
        "",
        "Rather disappointed: ",
        "Honestly, ",
        "I expected more. ",
        "Long-time customer here, and ",
        "Not happy: ",
        "Please look into this: ",
    ),
}

_CLOSES: Mapping[tuple[str, bool], Sequence[str]] = {
    ("zh", True): ("", "，会继续回购。", "，推荐给同事了。", "，点赞。", "，下次还来。", "，希望保持。", "，值得信赖。"),
    ("zh", False): (
        "",
        "，请尽快改进。",
        "，考虑换一家了。",
        "，希望给个说法。",
        "，等了很久没有结果。",
        "，不会再买了。",
        "，耽误了我们使用。",
    ),
    ("en", True): (
        ".",
        ". Will order again.",
        ". Keep it up.",
        ". Recommended to my colleagues.",
        ". Thank you.",
        ". See you next time.",
    ),
    ("en", False): (
        ".",
        ". Please fix this.",
        ". I am thinking of leaving.",
        ". Still waiting for an answer.",
        ". Not again.",
        ". It cost us a morning.",
    ),
}

_CORES: Mapping[tuple[str, str, bool], Sequence[str]] = {
    ("delivery", "zh", True): (
        "发货很快，第二天就到了",
        "快递包装严实，没有破损",
        "送货准时，师傅还提前打了电话",
        "物流信息更新及时",
        "下单当天就发出了",
        "配送一直很稳定",
        "大件也送到了楼上",
    ),
    ("delivery", "zh", False): (
        "发货太慢，等了一个多星期",
        "快递外箱压坏了，豆子洒了一半",
        "物流信息三天没有更新",
        "送货没有打电话，直接放在门口",
        "少发了一件商品",
        "说好周五到，结果周一才到",
        "地址写得很清楚还是送错了",
        "配送一再延期",
    ),
    ("delivery", "en", True): (
        "delivery came the next day",
        "the parcel was packed with care",
        "the driver called before he came",
        "tracking was always up to date",
        "it shipped the same day",
        "shipping has been reliable every time",
    ),
    ("delivery", "en", False): (
        "delivery took more than a week",
        "the box arrived crushed and half the beans were spilled",
        "tracking did not move for days",
        "the parcel was left outside without a call",
        "one item was missing from the parcel",
        "the promised delivery date slipped twice",
    ),
    ("quality", "zh", True): (
        "豆子很新鲜，香气足",
        "口感醇厚，没有焦苦味",
        "烘焙日期很近",
        "品质一直稳定",
        "风味和描述一致",
        "杯子做工精细",
        "挂耳包的味道超出预期",
    ),
    ("quality", "zh", False): (
        "豆子不新鲜，喝起来发酸",
        "这一批烘得太焦，苦味很重",
        "收到时离保质期只剩一个月",
        "和上次买的味道完全不一样",
        "包装漏气，豆子受潮了",
        "杯子有裂纹",
        "滤纸一冲就破",
        "咖啡液有股怪味",
    ),
    ("quality", "en", True): (
        "the beans are fresh and smell wonderful",
        "the taste is round without any burnt note",
        "quality has been the same every month",
        "the flavour matches the description",
        "the roast date was last week",
        "the mug is beautifully made",
    ),
    ("quality", "en", False): (
        "the beans were stale and tasted sour",
        "this batch is roasted far too dark",
        "the bag leaked and the beans were damp",
        "the taste is nothing like my last order",
        "the mug came with a crack",
        "the filters tear at the first pour",
    ),
    ("equipment", "zh", True): (
        "咖啡机好用，清洗方便",
        "磨豆机声音小，粗细均匀",
        "安装师傅很专业",
        "机器用了半年没出过问题",
        "保养之后出品稳定多了",
        "奶泡机打出来很细腻",
    ),
    ("equipment", "zh", False): (
        "咖啡机用了两周就漏水",
        "机器总是报错，重启也没用",
        "磨豆机噪音太大",
        "上门维修约了三次才来",
        "滤芯装不上，接口对不上",
        "保养之后故障还是老样子",
        "显示屏黑屏，没法操作",
        "胶囊卡住取不出来",
    ),
    ("equipment", "en", True): (
        "the machine is easy to clean",
        "the grinder is quiet and even",
        "the technician knew his work",
        "half a year without a single fault",
        "the machine runs better since the service visit",
    ),
    ("equipment", "en", False): (
        "the machine leaked after two weeks",
        "it shows an error that a restart does not clear",
        "the grinder is far too loud",
        "the technician came only at the third appointment",
        "the filter does not fit the machine",
        "the same fault came back after the repair",
    ),
    ("response", "zh", True): (
        "客服回复很快，几分钟就解决了",
        "咨询当天就有答复",
        "问题处理及时",
        "微信上一问就有人应",
        "电话一打就通",
        "售后跟进很主动",
    ),
    ("response", "zh", False): (
        "晚上在微信上留言，第二天才有人回",
        "客服半天不回消息",
        "电话一直占线",
        "投诉之后没有人回访",
        "工单提交了两天没动静",
        "一个问题要重复说好几遍",
        "说好回电话，一直没等到",
        "每次都要催才有回应",
    ),
    ("response", "en", True): (
        "support answered within minutes",
        "my question was settled the same day",
        "somebody picked up the phone at once",
        "the follow-up call came as promised",
    ),
    ("response", "en", False): (
        "I wrote on WeChat in the evening and heard back only the next day",
        "support took half a day to answer",
        "nobody called back after my complaint",
        "the ticket stayed untouched for two days",
        "I had to explain the same thing three times",
        "the promised call never came",
    ),
    ("attitude", "zh", True): (
        "店员很热情，讲解耐心",
        "客户经理很负责",
        "服务态度好，有问必答",
        "老师教得细致",
        "客服说话很客气",
        "门店的服务让人舒服",
    ),
    ("attitude", "zh", False): (
        "店员爱理不理",
        "客服态度生硬，一直推卸责任",
        "客户经理换人也没通知",
        "只会念模板，解决不了问题",
        "问多了就不耐烦",
        "投诉了也只说会反馈",
    ),
    ("attitude", "en", True): (
        "the staff are warm and patient",
        "our account manager takes care of everything",
        "the people in the shop know what they sell",
        "support was friendly throughout",
    ),
    ("attitude", "en", False): (
        "the staff could not be bothered",
        "support read from a script and solved nothing",
        "our account manager changed and nobody told us",
        "they kept passing me on to someone else",
    ),
    ("price", "zh", True): ("价格实惠，活动力度大", "性价比高", "会员折扣很划算", "批量采购的价格合理", "同样品质里算便宜的"),
    ("price", "zh", False): (
        "又涨价了，老客户也没有优惠",
        "刚买完就降价",
        "运费太贵",
        "优惠券用不了，规则太复杂",
        "比别家贵不少",
        "发票金额和实付对不上",
    ),
    ("price", "en", True): ("good value for the money", "the member discount is worth it", "fair prices for larger orders"),
    ("price", "en", False): (
        "prices went up again, without anything for old customers",
        "it was cheaper the day after I bought it",
        "shipping costs too much",
        "the coupon did not work",
        "the invoice did not match what I paid",
    ),
}


def sentences(
    rng: np.random.Generator, cause: npt.NDArray[np.str_], language: npt.NDArray[np.str_], content: npt.NDArray[np.bool_]
) -> npt.NDArray[np.object_]:
    """A sentence for each cause, language and mood.

    Args:
        rng: where chance comes from.
        cause: one of :data:`CAUSES` each.
        language: ``zh`` or ``en`` each.
        content: whether the customer is content.
    """
    n = len(cause)
    u = rng.random((3, n))
    words = np.full(n, "", dtype=object)
    for (what, tongue, mood), cores in _CORES.items():
        rows = np.flatnonzero((cause == what) & (language == tongue) & (content == mood))
        parts = (_OPENINGS[tongue, mood], cores, _CLOSES[tongue, mood])
        for choice, part in zip(u, parts, strict=True):
            words[rows] += np.array(part, dtype=object)[(choice[rows] * len(part)).astype(int)]
    english = np.flatnonzero(language == "en")
    words[english] = (
        pd.Series(words[english], dtype=object).str[:1].str.upper() + pd.Series(words[english], dtype=object).str[1:]
    )
    return words
