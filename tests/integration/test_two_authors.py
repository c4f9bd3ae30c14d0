"""Authors who write at the same time: with `If-Match` and with `base` one of them wins, and the others are told what has changed."""

import threading

import pytest

from store_gateway import route, store_gateway

AUTHORS = 6
ROUNDS = 5


@pytest.fixture
def gateway(tmp_path):
    with store_gateway(tmp_path) as made:
        yield made.start()
        made.stop()


def at_once(act):
    """act(number of the author) on a thread for each author; returns what they got."""
    together, got = threading.Barrier(AUTHORS), [None] * AUTHORS

    def run(author):
        together.wait(20)
        got[author] = act(author)
    threads = [threading.Thread(target=run, args=(author,)) for author in range(AUTHORS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert None not in got
    return got


def tag_of(reply):
    return next(line.partition(":")[2].strip() for line in reply.split("\r\n") if line.lower().startswith("etag:"))


def revision_of(reply):
    return int(next(line.partition(":")[2] for line in reply.split("\r\n") if line.lower().startswith("portcullis-revision:")))


def test_of_authors_with_the_same_tag_one_wins_and_the_others_are_told(gateway):
    status, _, reply = gateway.publish("first")
    assert status == 201
    for number in range(ROUNDS):
        seen = tag_of(reply)
        answers = at_once(lambda author: gateway.call("PUT", "/v1/routes/all", route(f"{number}-{author}"), f"If-Match: {seen}"))
        statuses = [status for status, _, _ in answers]
        assert sorted(statuses) == [200] + [412] * (AUTHORS - 1), statuses
        winner = statuses.index(200)
        for status, problem, _ in answers:
            if status == 412:
                assert problem["detail"] == "route `all` is not what `If-Match` says: it has changed"
        assert gateway.served() == (200, f"{number}-{winner}")
        # A loser reads what has changed, and wins with the new tag.
        status, now, reply = gateway.call("GET", "/v1/routes/all")
        assert now["_origin"]["revision"] == revision_of(answers[winner][2]) and tag_of(reply) != seen
        status, _, reply = gateway.call("PUT", "/v1/routes/all", route(f"again {number}"), f"If-Match: {tag_of(reply)}")
        assert status == 200
    assert gateway.revisions() == list(range(2 + 2 * ROUNDS, 0, -1))


def test_of_authors_who_create_the_same_object_one_wins(gateway):
    answers = at_once(lambda author: gateway.call("PUT", "/v1/routes/all", route(author), "If-None-Match: *"))
    statuses = [status for status, _, _ in answers]
    assert sorted(statuses) == [201] + [412] * (AUTHORS - 1)
    assert {problem["detail"] for status, problem, _ in answers if status == 412} == {"route `all` exists already"}
    assert gateway.served() == (200, str(statuses.index(201)))


def change(gateway, base, author, names):
    changes = [{"put": {"kind": "routes", "name": name, "value": route(author, name, f"/{name}/")}} for name in names]
    return gateway.call("POST", "/v1/changes", {"base": base, "changes": changes})


def test_of_authors_with_the_same_base_one_wins_and_the_others_are_told_which_objects_have_changed(gateway):
    gateway.publish("first")
    for number in range(ROUNDS):
        base = gateway.revisions()[0]
        # All of them change `shared`, and each changes an object of its own.
        answers = at_once(lambda author: change(gateway, base, f"{number}-{author}", ["shared", f"own-{author}"]))
        statuses = [status for status, _, _ in answers]
        assert sorted(statuses) == [200] + [409] * (AUTHORS - 1), answers
        winner = statuses.index(200)
        for status, problem, _ in answers:
            if status == 409:
                assert problem["objects"] == [{"kind": "routes", "name": "shared"}]
                assert problem["detail"] == f"objects of this change have changed since revision {base}"
        assert gateway.served("/shared/") == (200, f"{number}-{winner}")
        # Nothing of the changes that were refused is there.
        for author in range(AUTHORS):
            assert gateway.served(f"/own-{author}/")[1] != f"{number}-{author}" or author == winner
        assert gateway.revisions()[0] == base + 1


def test_authors_who_change_different_objects_from_the_same_base_all_win(gateway):
    base = gateway.revisions()[0]
    answers = at_once(lambda author: change(gateway, base, author, [f"own-{author}"]))
    assert [status for status, _, _ in answers] == [200] * AUTHORS, answers
    # Each has a revision of its own, and the last one has all objects.
    assert sorted(document["revision"] for _, document, _ in answers) == list(range(base + 1, base + 1 + AUTHORS))
    for author in range(AUTHORS):
        assert gateway.served(f"/own-{author}/") == (200, str(author))
