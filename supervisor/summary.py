"""The last words of a run: why it ended as it did, and one line of totals."""

from shared import logs
from supervisor.session import Session
from supervisor.totals import totals_line


def say(session: Session, ending: str = "") -> None:
    """No totals where nothing was watched or read; `ending` stands behind them."""
    for sentence in session.verdict.sentences:
        logs.say(sentence, "error" if session.verdict.code else "info")
    if session.has_watched and session.has_counted:
        report = session.exporter.report
        logs.say(totals_line(session.herd.totals(), report.delivered(), report.dropped()) + ending)
