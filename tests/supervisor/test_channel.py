"""Last words on a control channel."""

from shared import channel


def test_a_name_that_is_not_utf8_arrives_as_it_is():
    ours, theirs = channel.pair()
    with ours, theirs:
        channel.send(ours, {"do": "r\udcff"})
        assert channel.receive(theirs) == ({"do": "r\udcff"}, [])


def test_what_a_child_said_is_heard_though_it_left_messages_unread():
    """The kernel reports the reset before it hands over what still queues."""
    ours, theirs = channel.pair()
    channel.send(ours, {"do": "attach"})
    channel.send(theirs, {"did": "refused"})
    theirs.close()
    assert channel.receive(ours) == ({"did": "refused"}, [])
    assert channel.receive(ours) is None
    ours.close()
