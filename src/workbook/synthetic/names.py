"""Invented names, phones and addresses: made of syllables, meant to belong to nobody."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SURNAMES = np.array(list("赵钱孙李周吴郑王冯陈蒋沈韩杨朱秦许何吕张孔曹严金魏陶姜谢邹窦章苏潘葛范彭鲁马方任袁柳史唐薛雷贺汤罗"))
_GIVEN = np.array(list("安柏晨初岱恩帆歌禾嘉景可岚墨宁诺沛清然若书棠望希雪言一云泽知舟子辰慧佳宜远"))
_HOUSES = np.array(
    ["禾岸", "云杉", "青麦", "远枫", "星河", "澄石", "松间", "海陆", "明川", "栖木", "万帆", "知行", "北辰", "若水"]
)
_ENDINGS = np.array(["有限公司", "服务有限公司", "集团", "工作室", "股份公司"])
_PREFIXES = np.array(["130", "131", "132", "135", "136", "138", "139", "150", "152", "156", "158", "159", "180", "186", "188"])


def person_names(rng: np.random.Generator, n: int) -> npt.NDArray[np.str_]:
    """*n* names of a surname and one or two further characters."""
    second = np.where(rng.random(n) < 0.7, _pick(rng, _GIVEN, n), "")
    return _join(_pick(rng, _SURNAMES, n), _pick(rng, _GIVEN, n), second)


def company_names(rng: np.random.Generator, industries: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """A company name for each industry; the industry stands in the name."""
    n = len(industries)
    mark = _pick(rng, _GIVEN, n)
    return _join(_pick(rng, _HOUSES, n), mark, industries, _pick(rng, _ENDINGS, n))


def phones(rng: np.random.Generator, n: int) -> npt.NDArray[np.str_]:
    """*n* different numbers of the form 1[358]xxxxxxxxx, drawn without a list of real ones."""
    # 97,003 shares no factor with the modulus, so that different numbers stay different
    tails = np.char.zfill(((rng.integers(100_000_000) + rng.permutation(n) * 97_003) % 100_000_000).astype(str), 8)
    return _join(_pick(rng, _PREFIXES, n), tails)


def _pick(rng: np.random.Generator, words: npt.NDArray[np.str_], n: int) -> npt.NDArray[np.str_]:
    return words[rng.integers(0, len(words), n)]


def _join(*parts: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    joined = parts[0]
    for part in parts[1:]:
        joined = np.char.add(joined, part)
    return joined
