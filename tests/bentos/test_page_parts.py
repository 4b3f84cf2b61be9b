"""What the page writes, and what becomes of who leaves it."""

import asyncio

import pytest

from bentos.page.marks import clock, safe, sentence, ticks


def test_text_stays_text():
    assert safe("<b a='${x}'>`") == "&lt;b a=&#x27;&#36;&#123;x&#125;&#x27;&gt;&#96;"
    assert [sentence("there is none"), sentence("a.wav is none.")] == ["There is none.", "a.wav is none."]
    assert [clock(5), clock(65.2), clock(0.5, 0.1)] == ["0:05", "1:05", "0:00.5"]
    assert ticks(12) == [(0, "0:00"), (pytest.approx(2 / 12), "0:02"), *[(pytest.approx(t / 12), f"0:{t:02d}") for t in (4, 6, 8, 10, 12)]]


def test_who_closes_the_page_leaves_no_traceback():
    from bentos.page.layout import _may_leave  # it loads Gradio

    with pytest.raises(Exception, match="was left") as left, _may_leave():
        raise asyncio.CancelledError
    assert not left.value.print_exception
