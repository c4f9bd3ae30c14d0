"""A change of one object takes effect on objects that have not changed themselves: they keep nothing of what was before."""

import hashlib

from admin_requests import ask
from harness import free_port
from publishing import call, node

KEY = "the-key-of-orders"


def put(admin, kind, name, value):
    status, _, reply = call(admin, "PUT", f"/v1/{kind}/{name}" if name else f"/v1/{kind}", value)
    assert status in (200, 201), reply


def answered_by(port, path, *fields):
    """The status, and the name of the demo backend that has answered."""
    status, reply = ask(port, "GET", path, *fields)
    names = [name for name in ("one", "two") if f'"{name}"' in reply]
    return status, names[0] if names else None


def test_routes_follow_their_upstreams(start, tmp_path, echo):
    admin, one, two = free_port(), echo("one"), echo("two")
    port = node(start, tmp_path, admin).main_port
    put(admin, "upstreams", "m", {"targets": [{"address": f"127.0.0.1:{one}"}]})
    for name, more in (("plain", {}), ("limited", {"policies": [{"rate_limit": {"limit": "1000/s"}}]})):
        put(admin, "routes", name, {"match": {"path_prefix": f"/{name}"}, "upstream": "m", **more})
        assert answered_by(port, f"/{name}") == (200, "one")
    # Upstreams are sorted by name, so that these change the place of `m`.
    for other in ("a", "b", "z"):
        put(admin, "upstreams", other, {"targets": [{"address": f"127.0.0.1:{two}"}]})
        assert [answered_by(port, f"/{name}") for name in ("plain", "limited")] == [(200, "one")] * 2
    assert call(admin, "DELETE", "/v1/upstreams/a")[0] == 204
    assert [answered_by(port, f"/{name}") for name in ("plain", "limited")] == [(200, "one")] * 2
    put(admin, "upstreams", "m", {"targets": [{"address": f"127.0.0.1:{two}"}]})
    assert [answered_by(port, f"/{name}") for name in ("plain", "limited")] == [(200, "two")] * 2


def test_routes_see_new_consumers_and_policies_of_all_routes(start, tmp_path, echo):
    admin, one = free_port(), echo("one")
    port = node(start, tmp_path, admin).main_port
    put(admin, "upstreams", "m", {"targets": [{"address": f"127.0.0.1:{one}"}]})
    put(admin, "routes", "closed", {"match": {"path": "/closed"}, "upstream": "m", "policies": [{"key_auth": {}}]})
    key = f"X-API-Key: {KEY}"
    assert answered_by(port, "/closed", key)[0] == 401
    put(admin, "consumers", "orders", {"credentials": {"keys": ["sha256:" + hashlib.sha256(KEY.encode()).hexdigest()]}})
    assert answered_by(port, "/closed", key) == (200, "one")
    put(admin, "routes", "other", {"match": {"path": "/other"}, "upstream": "m"})
    assert answered_by(port, "/closed", key) == (200, "one")
    assert call(admin, "DELETE", "/v1/consumers/orders")[0] == 204
    assert answered_by(port, "/closed", key)[0] == 401
    put(admin, "policies", "", [{"respond": {"status": 418}}])
    assert [answered_by(port, path)[0] for path in ("/closed", "/other")] == [418] * 2
    put(admin, "policies", "", [])
    assert [answered_by(port, path)[0] for path in ("/closed", "/other")] == [401, 200]
