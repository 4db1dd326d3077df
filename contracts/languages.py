"""Language tags (BCP 47): the nearest tag to what somebody wrote, and which tags a listed tag covers.

People's systems write them in many ways: `pt_BR`, `de_DE.UTF-8`, `en-US-u-hc-h12`, `zh_TW_#Hant`, `en-US,en;q=0.9`.
The desk keeps the canonical form (RFC 5646, 4.5) of language, script, region and variants. The page is
docs/contracts.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

PATTERN = "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"
"""A tag in messages of the desk."""

LONGEST = 35

_NO_LANGUAGE = "(?![Uu][Nn][Dd]|[Mm][Uu][Ll]|[Mm][Ii][Ss]|[Zz][Xx][Xx])"
READABLE = f"(?:{_NO_LANGUAGE}[A-Za-z]{{3}}|[A-Za-z]{{2}})(?:[-_.@,;:# ].*)?"
"""Codes of exactly one language. Codes for no language, several languages or an undetermined one do not match."""

_is_readable = re.compile(READABLE, re.DOTALL).fullmatch
_written = re.compile("[A-Za-z0-9_-]+").match
_is_script = re.compile("[a-z]{4}").fullmatch
_is_region = re.compile("[a-z]{2}|[0-9]{3}").fullmatch
_is_variant = re.compile("[a-z0-9]{5,8}|[0-9][a-z0-9]{3}").fullmatch
_is_extended = re.compile("[a-z]{3}").fullmatch

_EXTENDED = frozenset({"ar", "kok", "lv", "ms", "sgn", "sw", "uz", "zh"})
"""After these languages a code of three letters replaces them (`zh-yue` is `yue`). After other languages it counts as a
region and is left out."""

_CODES = """
aa:aar ab:abk ae:ave af:afr ak:aka,twi am:amh an:arg ar:arb,ara as:asm av:ava ay:aym,ayr az:aze,azj ba:bak be:bel
bg:bul bi:bis bm:bam bn:ben bo:bod,tib br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre,cwd cs:ces,cze cu:chu cv:chv
cy:cym,wel da:dan de:deu,ger dv:div dz:dzo,adp ee:ewe el:ell,gre en:eng eo:epo es:spa et:est,ekk eu:eus,baq
fa:fas,per,pes ff:ful,fuc fi:fin fj:fij fo:fao fr:fra,fre fy:fry ga:gle gd:gla gl:glg gn:grn,gug gu:guj gv:glv
ha:hau he:heb,iw hi:hin ho:hmo hr:hrv,scr ht:hat hu:hun hy:hye,arm hz:her ia:ina id:ind,in ie:ile ig:ibo ii:iii
ik:ipk,esk io:ido is:isl,ice it:ita iu:iku,ike ja:jpn jv:jav,jw ka:kat,geo kg:kon,kng ki:kik kj:kua kk:kaz kl:kal
km:khm kn:kan ko:kor kr:kau,knc ks:kas ku:kur,kmr kv:kom,kpv kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao
lt:lit lu:lub lv:lav,lvs mg:mlg,plt mh:mah mi:mri,mao mk:mkd,mac ml:mal mn:mon,khk mr:mar ms:msa,may,zsm mt:mlt
my:mya,bur na:nau nb:nob nd:nde ne:nep,npi ng:ndo nl:nld,dut nn:nno no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji,ojg
om:orm,gaz or:ori,ory os:oss pa:pan pi:pli pl:pol ps:pus,pbu pt:por qu:que,quz rm:roh rn:run ro:ron,rum,mol,mo
ru:rus rw:kin sa:san,cls sc:srd,src sd:snd se:sme sg:sag si:sin sk:slk,slo sl:slv sm:smo sn:sna so:som
sq:sqi,alb,als sr:srp,scc ss:ssw st:sot su:sun sv:swe sw:swa,swh ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tn:tsn
to:ton tr:tur ts:tso tt:tat ty:tah ug:uig uk:ukr ur:urd uz:uzb,uzn ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho
yi:yid,ydd,ji yo:yor za:zha,zyb zh:zho,chi,cmn zu:zul
"""

_SHORTER = {
    long: short for pair in _CODES.split() for short, _, longs in [pair.partition(":")] for long in longs.split(",")
}
"""Maps codes of three letters, and withdrawn codes, to the code that replaces them (CLDR, languageAlias)."""


PLAIN = f"(?!{'|'.join(code for code in _SHORTER if len(code) == 2)})[a-z]{{2}}(-[A-Z]{{2}})?"
"""Tags that are canonical already, as nearly all tags are."""


@lru_cache(maxsize=1024)
def nearest(text: str) -> str | None:
    """The canonical tag of the meant language, without extensions and private parts. None: the text names no
    language."""
    written = _written(text)
    if written is None or not _is_readable(text):
        return None
    language, *rest = written[0].lower().replace("_", "-").split("-")
    language = _SHORTER.get(language, language)
    if rest and _is_extended(rest[0]):
        extended = rest.pop(0)
        if language in _EXTENDED and _is_readable(extended):
            language = _SHORTER.get(extended, extended)
    parts = [language]
    for form, shown in ((_is_script, str.title), (_is_region, str.upper)):
        if rest and form(rest[0]):
            parts.append(shown(rest.pop(0)))
    while rest and _is_variant(rest[0]) and len("-".join((*parts, rest[0]))) <= LONGEST:
        parts.append(rest.pop(0))
    return "-".join(parts)


def covering(listed: Iterable[str]) -> str:
    """A case-insensitive regular expression for the tags that one of these covers (RFC 4647, "Extended Filtering"):
    `pt` also covers `pt-BR`, and `zh-TW` covers `zh-Hant-TW`."""
    return f"^(?:{'|'.join('(?:-[a-z0-9]+)*-'.join(language.split('-')) for language in listed)})(?:-|$)"


@lru_cache(maxsize=1024)
def _covering(listed: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(covering(listed), re.IGNORECASE)


def speaks(listed: Iterable[str], language: str) -> bool:
    """Whether one of the listed tags is that language, or covers it (`covering`)."""
    return _covering(tuple(listed)).match(language) is not None


def narrow_to_wide(tag: str) -> Iterator[str]:
    """`zh-hant-tw`, `zh-hant`, `zh` (RFC 4647, "Lookup")."""
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


def lookup(available: Collection[str], wanted: str) -> str | None:
    """The available tag that fits a reader of this language best: this one or a wider one (`zh-Hant` for `zh-Hant-TW`),
    otherwise another one of the same language (`pt-BR` for `pt`). Returns None if no tag fits."""
    alike = (each for each in available if each.partition("-")[0] == wanted.partition("-")[0])
    return next((tag for tag in narrow_to_wide(wanted) if tag in available), None) or min(alike, default=None)
