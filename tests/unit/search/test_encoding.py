import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.search import EvidenceType, Hit, Hsp, SearchResult, Segment, query_coverage
from pyecod.search.encoding import (
    DamagedEntryError,
    ResultHeader,
    decode_header,
    decode_profile,
    decode_result,
    encode_profile,
    encode_result,
    seal,
)

from .conftest import query_of, results

KEY = "ab" * 32


def encoded(result: SearchResult) -> bytes:
    return encode_result(ResultHeader.of(KEY, result), result.hits)


def small_result() -> SearchResult:
    hsps = (Hsp((Segment(1, 5, 2, 6),), evalue=0.0, bitscore=40.5, identity=0.25),)
    hits = (Hit(EvidenceType.DOMAIN_BLAST, "e1suaA1", 90, hsps),)
    return SearchResult(EvidenceType.DOMAIN_BLAST, query_of("ACDEFGHIKL"), hits, 3, "blastp", "2.12.0+", "d" * 64, 0.5)


@pytest.mark.slow
@given(results())
def test_what_is_encoded_comes_back_to_the_last_bit(result: SearchResult) -> None:
    assert decode_result(encoded(result), KEY) == result


@pytest.mark.slow
@given(results())
def test_the_header_tells_counts_and_coverage_without_the_hits(result: SearchResult) -> None:
    header = decode_header(encoded(result), KEY)
    assert (header.found, header.kept) == (result.found, len(result.hits))
    assert header.coverage == query_coverage(result.hits, result.query.length)
    assert (header.type, header.md5, header.seconds) == (result.type, result.query.md5, result.seconds)


def test_zero_and_missing_scores_are_not_mixed_up() -> None:
    (hit,) = decode_result(encoded(small_result()), KEY).hits
    assert (hit.hsps[0].evalue, hit.hsps[0].probability) == (0.0, None)


@given(st.data())
def test_damage_anywhere_is_noticed(data: st.DataObject) -> None:
    content = bytearray(encoded(small_result()))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedEntryError):
        decode_result(bytes(content), KEY)
    with pytest.raises(DamagedEntryError):
        decode_header(bytes(content), KEY)


@given(st.data())
def test_truncation_anywhere_is_noticed(data: st.DataObject) -> None:
    content = encoded(small_result())
    with pytest.raises(DamagedEntryError):
        decode_result(content[: data.draw(st.integers(0, len(content) - 1))], KEY)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_right_checksum_over_wrong_content_is_damage_too(header: bytes, body: bytes) -> None:
    with pytest.raises(DamagedEntryError):
        decode_result(seal(header, body), KEY)
    with pytest.raises(DamagedEntryError):
        decode_profile(seal(header, body), KEY)


def test_an_entry_under_another_key_is_damage() -> None:
    for decode in (decode_header, decode_result):
        with pytest.raises(DamagedEntryError, match="another key"):
            decode(encoded(small_result()), "cd" * 32)
    with pytest.raises(DamagedEntryError, match="another key"):
        decode_profile(encode_profile(KEY, b">q\nACD\n"), "cd" * 32)


@given(st.binary(max_size=1000))
def test_a_profile_comes_back_as_it_was(alignment: bytes) -> None:
    assert decode_profile(encode_profile(KEY, alignment), KEY) == alignment


def test_five_hundred_hits_take_less_than_a_tenth_of_a_megabyte() -> None:
    hits = tuple(
        Hit(
            EvidenceType.DOMAIN_BLAST,
            f"e{n % 9}a{n % 97}bA{n % 5}",
            100 + n % 200,
            tuple(
                Hsp(
                    tuple(Segment(k * 31 + n % 7, k * 31 + 25, k * 30 + n % 5, k * 30 + 25 + n % 5) for k in range(9)),
                    evalue=float(f"{1 + n / 7:.5f}e-{n % 99 + 3}"),
                    bitscore=round(50 + n * 0.37, 3),
                    identity=(n % 80 + 10) / (n % 50 + 100),
                )
                for _ in range(2)
            ),
        )
        for n in range(500)
    )
    result = SearchResult(EvidenceType.DOMAIN_BLAST, query_of("A" * 800), hits, 500, "blastp", "2.12.0+", "d" * 64)
    assert decode_result(encoded(result), KEY) == result
    assert len(encoded(result)) < 100_000
