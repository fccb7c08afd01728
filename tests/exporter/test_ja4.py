"""JA4 of its raw form: FoxIO's worked example, and what is empty."""

import pytest

from exporter.ja4 import ja4_of

CIPHERS = "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9"
EXTENSIONS = "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01"
ALGORITHMS = "0403,0804,0401,0503,0805,0501,0806,0601"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"t13d1516h2_{CIPHERS}_{EXTENSIONS}_{ALGORITHMS}", "t13d1516h2_8daaf6152771_e5627efa2ab1"),
        (f"q13d1516h3_{CIPHERS}_{EXTENSIONS}_{ALGORITHMS}", "q13d1516h3_8daaf6152771_e5627efa2ab1"),
        (f"t13d1516h2_{CIPHERS}_{EXTENSIONS}", "t13d1516h2_8daaf6152771_6d807ffa2a79"),
        (f"t12i150000_{CIPHERS}_", "t12i150000_8daaf6152771_000000000000"),
        (f"t12i000100__{EXTENSIONS}", "t12i000100_000000000000_6d807ffa2a79"),
        ("t00i000000__", "t00i000000_000000000000_000000000000"),
        ("", "_000000000000_000000000000"),
    ],
)
def test_digests(raw, expected):
    assert ja4_of(raw) == expected
