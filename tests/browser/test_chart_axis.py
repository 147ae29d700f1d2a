"""Places on a chart's axis, as chart-axis.js counts and writes them, in Chromium."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Calls a function of chart-axis.js; what JSON has no word for comes back by name.
CALL = """async ([name, ...given]) => {
  const module = await import('/static/dashboard/js/chart-axis.js');
  const found = module[name](...given);
  return found === undefined ? 'undefined' : found;
}"""


@pytest.fixture
def chart_axis(live_server, context):
    """Calls a function of chart-axis.js."""
    page = context.new_page()
    page.goto(f"{live_server.url}/sign-in/none/")
    return lambda *given: page.evaluate(CALL, given)


@pytest.mark.parametrize(
    ("axis", "place", "expected"),
    [
        ("step", 12.5, 12.5),
        ("relative", "3.25", 3.25),
        ("time", "2026-11-23", 1795392000),
        ("time", "2026-11-23 15:49", 1795448940),
        ("time", "2026-11-23T15:49:06.5", 1795448946.5),
        ("time", "2026-11-23 15:49:06.1239", 1795448946.123),
    ],
)
def test_places_on_an_axis_as_the_server_counts_them(chart_axis, axis, place, expected):
    assert chart_axis("counted", axis, place) == expected


@pytest.mark.parametrize("axis", ["step", "time"])
def test_a_range_as_a_figure_takes_it_is_counted_back(chart_axis, axis):
    range_ = {"axis": axis, "first": 1795448940.25, "last": 1795448946.5}

    ends = chart_axis("rangeOf", range_)

    assert [chart_axis("counted", axis, end) for end in ends] == [range_["first"], range_["last"]]
    assert chart_axis("rangeOf", {"axis": "time", "first": 0, "last": 1e300}) is None


def test_what_an_event_says_of_the_axis(chart_axis):
    range_ = {"axis": "step", "first": 3, "last": 8.5}

    assert chart_axis("zoomOf", "step", {"xaxis.range[0]": 3, "xaxis.range[1]": 8.5}) == range_
    assert chart_axis("zoomOf", "step", {"xaxis.range": [8.5, 3]}) == range_
    assert chart_axis("zoomOf", "time", {"xaxis.autorange": True}) is None
    assert chart_axis("zoomOf", "time", {"yaxis.range[0]": 1, "yaxis.range[1]": 2}) == "undefined"


def test_what_an_event_says_of_the_heights(chart_axis):
    change = {"yaxis.range[0]": -1, "yaxis.range[1]": 2}

    values = chart_axis("zoomedHeights", {"type": "linear"}, change)
    powers = chart_axis("zoomedHeights", {"type": "log"}, change)

    assert values == {"first": -1, "last": 2}
    assert powers == {"first": 0.1, "last": 100}
    assert chart_axis("heightsOf", {"type": "log"}, powers) == [-1, 2]
    assert chart_axis("heightsOf", {"type": "log"}, values) is None
    assert chart_axis("zoomedHeights", {"type": "log"}, {"yaxis.autorange": True}) is None
    moved = {"xaxis.range[0]": 3, "xaxis.range[1]": 8.5}
    assert chart_axis("zoomedHeights", {"type": "linear"}, moved) == "undefined"


def test_ends_of_a_logarithmic_axis_are_powers_of_ten(chart_axis):
    change = {"xaxis.range[0]": 1, "xaxis.range[1]": 3}
    log = {"type": "log"}

    ends = chart_axis("zoomOf", "step", change, log)

    assert ends == {"axis": "step", "first": 10, "last": 1000}
    assert chart_axis("rangeOf", ends, log) == [1, 3]
    assert chart_axis("rangeOf", {"axis": "step", "first": 0, "last": 5}, log) is None
