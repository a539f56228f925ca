"""Segments as the carrier counts them."""

import pytest

from ivr.messaging.segments import Encoding, folded, segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2


@pytest.mark.parametrize(
    ("text", "encoding", "count"),
    [
        ("", GSM, 1),
        ("a" * 160, GSM, 1),
        ("a" * 161, GSM, 2),
        ("a" * 306, GSM, 2),
        ("a" * 307, GSM, 3),
        ("€" * 80, GSM, 1),
        ("€" * 81, GSM, 2),
        ("a" * 152 + "€" + "a" * 151, GSM, 2),  # the euro sign is not cut: it begins the second segment
        ("a" * 152 + "€" + "a" * 152, GSM, 3),
        ("Año, café, pingüino, ¿qué? ¡eh!", GSM, 1),
        ("á" * 70, UCS, 1),
        ("á" * 71, UCS, 2),
        ("á" * 134, UCS, 2),
        ("á" * 135, UCS, 3),
        ("a" * 69 + "í", UCS, 1),
        ("a" * 70 + "ó", UCS, 2),
        ("ú", UCS, 1),
        ("😀" * 35, UCS, 1),
        ("😀" * 36, UCS, 2),
        ("😀" * 66, UCS, 2),  # 33 in each: 67 places hold no half
        ("😀" * 67, UCS, 3),
        ("`", UCS, 1),
        ("…", UCS, 1),
    ],
)
def test_a_text_takes(text: str, encoding: Encoding, count: int) -> None:
    assert segments(text) == (encoding, count)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ayuntamiento de Málaga", "Ayuntamiento de Malaga"),
        ("ÁÍÓÚáíóú çÊêëâô", "AIOUaiou cEeeao"),
        ("España, Café, pingüino, Òrrius àèìòù", "España, Café, pingüino, Orrius àèìòù"),
        ("Çäöåøæß ÄÖÅØÆÉÑÜ ¿¡ @£§€", "Çäöåøæß ÄÖÅØÆÉÑÜ ¿¡ @£§€"),
        ("Espan\u0303a, Cafe\u0301, Ma\u0301laga", "España, Café, Malaga"),
        ("Col·legi d\u2019Advocats \u201cNº 1\u201d \u2013 2ª", 'Col.legi d\'Advocats "No 1" - 2a'),
        ("Łódź", "Łodz"),
        ("Δήμος Μάλαγα", "Δήμος Μάλαγα"),
        ("北京市", "北京市"),
    ],
)
def test_a_text_in_plain_letters(text: str, plain: str) -> None:
    assert folded(text) == plain
