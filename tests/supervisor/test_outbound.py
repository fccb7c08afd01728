"""What the exporters of a run report, put together: what one began another may end."""

from supervisor.outbound import Report


def sink(records=0, errors=0, error=None):
    return {"name": "store", "records": records, "dropped": 0, "errors": errors, "error": error}


def said(report, *sinks):
    report.take({"did": "report", "sinks": list(sinks)})
    return report.mended()


def test_a_sink_that_failed_under_the_one_before_works_again_and_that_is_said_once():
    report = Report()
    assert said(report, sink(5, 1, "permission denied")) == []
    report.bury()
    assert said(report, sink()) == []
    assert said(report, sink(3)) == ["store"]
    assert said(report, sink(6)) == []


def test_an_exporter_tells_itself_that_its_own_failure_is_over():
    report = Report()
    said(report, sink(5, 1, "permission denied"))
    report.bury()
    assert said(report, sink(0, 1, "permission denied")) == []
    assert said(report, sink(3, 1)) == []


def test_why_the_spool_takes_nothing_goes_with_its_exporter():
    report = Report()
    report.take({"did": "report", "spool_error": "no room"})
    assert report.spool_error == "no room"
    report.bury()
    assert report.spool_error == ""
