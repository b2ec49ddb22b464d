"""What a single value looks like: an e-mail address, a phone, a national number, a card, an account or a name.

Question: would this value, were it published, name somebody? ``kinds_in`` looks into texts of any length and answers
only where chance is unlikely to have made the value: numbers need a check digit, an issuer or a form of their own.
``name_like`` is the weaker question that is asked of whole columns only. Nothing is read but the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from checks.personal_tables import AMBIGUOUS, DOUBLE_ZH, FAMILY_ZH, GIVEN, GIVEN_ZH, PLACE_ZH, SURNAMES

KINDS = ("email", "phone", "national_id", "card", "iban", "name")
LONGEST = 4000  # characters of a value that are looked at
_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,24}\b")
_CARD = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d]|[.,]\d)")
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|"
    r"3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}|35(?:2[89]|[3-8]\d)\d{12}"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_INTERNATIONAL = re.compile(r"(?<![\w+])(?:\+|00(?=[1-9]))\d[\d ().\-/]{6,20}\d(?!\d)")
_NATIONAL = (
    ("CN", re.compile(r"(?<![\d.,-])(?:1[3-9]\d{9}|1[3-9]\d[ -]\d{4}[ -]\d{4}|0\d{2,3}-\d{7,8})(?![\d]|[.,-]\d)")),
    ("GB", re.compile(r"(?<![\d.,-])\(?0[1-37]\d{1,4}\)?(?:[ -]?\d{2,4}){2,3}(?![\d]|[.,-]\d)")),
    ("US", re.compile(r"(?<![\d.,-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}(?![\d]|[.,-]\d)")),
)
_NUMBERS: tuple[tuple[str, str], ...] = (
    ("us.ssn", r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"),
    ("us.itin", r"(?<![\d-])9\d{2}-\d{2}-\d{4}(?![\d-])"),
    ("cn.ric", r"(?<!\d)[1-9]\d{16}[\dXx](?!\w)"),
    ("es.dni", r"(?<!\w)\d{8}-?[A-HJ-NP-TV-Z](?!\w)"),
    ("es.nie", r"(?<!\w)[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z](?!\w)"),
    ("it.codicefiscale", r"(?<!\w)[A-Z]{6}[\dL-V]{2}[A-EHLMPRST][\dL-V]{2}[A-Z][\dL-V]{3}[A-Z](?!\w)"),
    ("fi.hetu", r"(?<!\w)\d{6}[-+A-F]\d{3}[\dA-Y](?!\w)"),
    ("fr.nir", r"(?<![\d.,])[12]\d{2}(?:0[1-9]|1[0-2])\d{10}(?!\d)"),
    ("br.cpf", r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)"),
    ("kr.rrn", r"(?<![\d-])\d{6}-[1-8]\d{6}(?![\d-])"),
    ("se.personnummer", r"(?<![\d-])\d{6}(?:\d{2})?[-+]\d{4}(?![\d-])"),
    ("in_.aadhaar", r"(?<![\d-])[2-9]\d{3} \d{4} \d{4}(?![\d ])"),
)  # fmt: skip
# no check digit: two prefix letters, six digits, A to D (HMRC)
_NINO = re.compile(
    r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_HAN = re.compile(r"[\u4e00-\u9fff]+")


def plain(value: object) -> str:
    """A value as text in one form: full-width signs as plain ones, nothing around it, no longer than is looked at."""
    return unicodedata.normalize("NFKC", str(value)[:LONGEST]).strip()


def kinds_in(value: object) -> frozenset[str]:
    """The kinds of personal data that a value holds, at any place within it; nothing is kept of the value."""
    text = plain(value)
    return frozenset(_found(text)) if len(text) > 2 else frozenset()


def looks_personal(value: object) -> bool:
    """Whether a value must not be shown: it holds personal data, or is a number as long as a key or a phone."""
    text = plain(value)
    return bool(kinds_in(text)) or bool(re.search(r"(?<![\d.])\d{9,}(?!\d)", text))


def _found(text: str) -> Iterator[str]:
    if "@" in text and _EMAIL.search(text):
        yield "email"
    if sum(map(str.isdigit, text)) >= 6:
        if any(_is_card(match[0]) for match in _CARD.finditer(text)):
            yield "card"
        if any(_valid("iban")(match[0]) for match in _IBAN.finditer(text)):
            yield "iban"
        if _has_number(text):
            yield "national_id"
        if _has_phone(text):
            yield "phone"
    if _has_name(text):
        yield "name"


def _is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return bool(_ISSUER.fullmatch(digits)) and len(set(digits)) > 1 and _valid("luhn")(digits)


@cache
def _valid(module: str) -> Callable[[str], bool]:
    from importlib import import_module

    checked: Any = import_module(f"stdnum.{module}")
    return checked.is_valid  # type: ignore[no-any-return]


def _has_number(text: str) -> bool:
    if _NINO.search(text):
        return True
    return any(_valid(name)(match[0]) for name, pattern in _NUMBERS for match in re.finditer(pattern, text))


def _has_phone(text: str) -> bool:
    if any(_called(match[0], None) for match in _INTERNATIONAL.finditer(text)):
        return True
    return any(_called(match[0], region) for region, pattern in _NATIONAL for match in pattern.finditer(text))


def _called(text: str, region: str | None) -> bool:
    import phonenumbers

    written = "+" + text[2:] if region is None and text.startswith("00") else text
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return False
    if text.startswith("+") or re.fullmatch(r"07\d{3}[ -]\d{3}[ -]?\d{3}", text):  # written as nothing else is
        return bool(phonenumbers.is_possible_number(number))
    return bool(phonenumbers.is_valid_number(number))


def _has_name(text: str) -> bool:
    """A common given name before a common surname, neither of which is a usual word; or surname and two name signs."""
    words = [word.strip(".") for word in _WORD.findall(text)]
    for one, other in pairwise(words):
        if _pair(one, other) or _pair(other, one):
            return True
    pieces = _HAN.findall(text)
    return any(_strict_zh(piece) for piece in pieces if len(piece) in (3, 4))


def _pair(given: str, family: str) -> bool:
    if not given[:1].isupper() or not family[:1].isupper():
        return False
    first, last = given.lower(), family.lower().replace("'", "").replace("’", "")
    return first in GIVEN and last in SURNAMES and not {first, last} & AMBIGUOUS and first != last


def _strict_zh(piece: str) -> bool:
    if len(piece) == 4:
        return piece.startswith(DOUBLE_ZH) and set(piece[2:]) <= GIVEN_ZH
    return piece[0] in FAMILY_ZH and set(piece[1:]) <= GIVEN_ZH


def name_like(value: object, hinted: bool) -> str | None:
    """The surname sign or given name by which a value may be a person's name, else None.

    ``hinted``: the column calls itself one of names, so that any capitalised words and rare surnames count too.
    """
    text = plain(value)
    if re.fullmatch(r"[\u4e00-\u9fff]{2,4}", text):
        double = text.startswith(DOUBLE_ZH)
        fits = (len(text) <= 3 and text[0] in FAMILY_ZH) or double
        return text[:2] if double else text[0] if fits and (hinted or not set(text[1:]) & PLACE_ZH) else None
    words = _WORD.findall(text)
    if not words or not re.fullmatch(r"[^\W\d_][^\d_@/&:;()]{1,60}", text):
        return None
    given = next((word.lower().strip(".") for word in words if word.lower().strip(".") in GIVEN), None)
    if hinted:
        capital = all(word[0].isupper() for word in words) and len(words) <= 4
        known = given or next((word.lower() for word in words if word.lower() in SURNAMES), None)
        return known or (text[:1] if capital and len(words) >= 2 else None)
    return given if given and 2 <= len(words) <= 3 and all(word[0].isupper() for word in words) else None
