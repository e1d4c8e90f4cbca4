"""What can be read at any time, read when somebody asks."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from appliance.errors import StorageUnavailable
from appliance.metrics.dials import DialCollector
from appliance.ports import Dial, Numbers
from tests.metrics.exposed import Samples, exposed


def read(*dials: Dial) -> Samples:
    registry = CollectorRegistry()
    registry.register(DialCollector(dials))
    return exposed(registry)


def test_a_dial_is_one_number_or_one_for_each_label() -> None:
    one = Dial("awake", "whether", lambda: {(): 1})
    many = Dial("jobs", "how many", lambda: {("a", "b"): 2, ("a", "c"): 3}, ("project", "state"))
    assert read(one, many) == {
        "dispatch_awake": 1,
        "dispatch_jobs project=a state=b": 2,
        "dispatch_jobs project=a state=c": 3,
    }


def test_what_only_grows_is_called_a_total() -> None:
    grows = Dial("ignored", "", lambda: {("telegram",): 5}, ("platform",), only_grows=True)
    assert read(grows) == {"dispatch_ignored_total platform=telegram": 5}


def test_words_of_others_do_not_break_the_format() -> None:
    odd = 'a"b\\c\nd'
    assert read(Dial("x", "two\nlines", lambda: {(odd,): 1}, ("name",))) == {
        f"dispatch_x name={odd}": 1
    }


def test_what_cannot_be_read_now_is_left_out() -> None:
    def broken() -> Numbers:
        raise StorageUnavailable("disk full")

    assert read(Dial("jobs", "", broken), Dial("awake", "", lambda: {(): 0})) == {
        "dispatch_awake": 0
    }


def test_nothing_is_read_before_somebody_asks() -> None:
    asked = list[str]()

    def count() -> Numbers:
        asked.append("")
        return {(): len(asked)}

    registry = CollectorRegistry()
    registry.register(DialCollector([Dial("x", "", count)]))
    assert asked == []
    assert exposed(registry) == {"dispatch_x": 1}


def test_two_dials_of_one_name_are_a_mistake() -> None:
    registry = CollectorRegistry()
    registry.register(DialCollector([Dial("x", "", dict)]))
    with pytest.raises(ValueError, match="dispatch_x"):
        registry.register(DialCollector([Dial("x", "", dict)]))
