"""What this host refuses of settings that read well: a core or a name that is not there, a filter that is none."""

from shared.settings import Settings
from supervisor import bpf, inventory, roster
from supervisor.links import Link
from supervisor.roster import Choice
from supervisor.topology import check_cores


def choices_of(settings: Settings) -> list[Choice]:
    """Every link with the decision on it. ConfigurationError: a core or an interface is named that is not there."""
    links = inventory.read_links()
    roster.check_names(settings.interface, links)
    choices = roster.choose(settings.interface, links)
    check_cores(settings, choices)
    return choices


def filter_of(settings: Settings, link: Link) -> bpf.Program:
    """Its filter compiled; the link must be up. ConfigurationError: it cannot be."""
    return bpf.program_of(link.name, settings.capture_of(link.name), mirror=settings.mirror)


def check(settings: Settings) -> None:
    """FlowherdError tells the first that is found."""
    for choice in choices_of(settings):
        if choice.is_wanted_now:
            filter_of(settings, choice.link)
