"""RFC 9111 and related RFCs, section by section: what a shared cache must, must not and should do.

Each case is a sequence of exchanges for one resource. The requests that the origin receives show what the cache did."""

import re
import threading

import pytest

import cache_origin
import sanitizers
from cache_origin import Answer, Origin, ask
from harness import ROOT, Gateway, receive

pytestmark = sanitizers.one_worker

HIT, MISS, VALIDATED = "hit", "miss", "validated"
TAG = '"one"'


def date(seconds=0):
    """The date that many seconds after the case begins."""
    return f"{{date {seconds}}}"



class Step:
    """One exchange: the client's request, the origin's answer, and whether the origin is asked at all."""

    def __init__(self, expect, fields=(), say=None, status=None, method="GET", body=None, path="", **has):
        self.expect, self.fields, self.say, self.method, self.body, self.path = expect, fields, say, method, body, path
        self.status, self.has = status, has


def first(fields=(), status=200, asked=(), method="GET", **more):
    """The first exchange, which the origin answers with these fields."""
    return Step(MISS, asked, Answer(fields, status, **more), status=status, method=method)


def again(expect, asked=(), say=None, **more):
    return Step(expect, asked, say, **more)


FRESH = {"cache-control": "max-age=100"}
STALE = {"cache-control": "max-age=10", "age": "20"}
TAGGED = {**STALE, "etag": TAG}
OK304 = Answer({}, 304)


def modified(**fields):
    return Answer({name.replace("_", "-"): value for name, value in fields.items()}, 304)


CASES = [
    # RFC 9111 section 3: storing.
    ("3 A response without a lifetime is stored by heuristics when its Last-Modified is long ago", [first({"last-modified": date(-100000)}), again(HIT)]),
    ("3 A POST request is not answered from the cache", [first(FRESH), again(MISS, method="POST", body=b"x", say=Answer(FRESH))]),
    ("3 A response to POST is not stored", [Step(MISS, (), Answer(FRESH), method="POST", body=b"x"), again(MISS)]),
    ("3 A response to PUT is not stored", [Step(MISS, (), Answer(FRESH), method="PUT", body=b"x"), again(MISS)]),
    ("3 A request with an unknown method goes to the origin", [first(FRESH), again(MISS, method="FOO", say=Answer(FRESH))]),
    ("3 A response with no-store is not stored", [first({"cache-control": "no-store, max-age=100"}), again(MISS)]),
    ("3 A response with NO-STORE in capital letters is not stored", [first({"cache-control": "NO-STORE, max-age=100"}), again(MISS)]),
    ("3 A response with private is not stored", [first({"cache-control": "private, max-age=100"}), again(MISS)]),
    ("3 A response with private is not stored even if another Cache-Control line has max-age",
     [first([("cache-control", "private"), ("cache-control", "max-age=100")]), again(MISS)]),
    ("3 A response without a lifetime and without Last-Modified is not stored", [first({}), again(MISS)]),
    ("3 A response with only Expires is stored", [first({"expires": date(100)}), again(HIT)]),
    ("3 A response with only s-maxage is stored", [first({"cache-control": "s-maxage=100"}), again(HIT)]),
    ("3 A response with an unknown final status is stored when it has a lifetime", [first(FRESH, 599), again(HIT, status=599)]),
    ("3 A response with an unknown final status is not stored by heuristics",
     [first({"last-modified": date(-100000)}, 599), again(MISS, say=Answer({}, 599), status=599)]),
    ("3 With must-understand, a response with a known status is stored in spite of no-store",
     [first({"cache-control": "must-understand, no-store, max-age=100"}), again(HIT)]),
    ("3 With must-understand, a response with an unknown status is not stored",
     [first({"cache-control": "must-understand, no-store, max-age=100"}, 499), again(MISS, say=Answer({}, 499), status=499)]),
    ("3 A response with status 206 is not stored", [first({**FRESH, "content-range": "bytes 0-3/10"}, 206),
                           again(MISS, say=Answer({**FRESH, "content-range": "bytes 0-3/10"}, 206), status=206)]),
    *[(f"3 A response with status {status} is stored by heuristics", [first({"last-modified": date(-100000)}, status), again(HIT, status=status)])
      for status in (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501)],
    *[(f"3 A response with status {status} is not stored by heuristics",
       [first({"last-modified": date(-100000)}, status), again(MISS, say=Answer({}, status), status=status)])
      for status in (201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504)],
    *[(f"3 A response with status {status} is stored when it has a lifetime", [first(FRESH, status), again(HIT, status=status)])
      for status in (201, 302, 307, 400, 403, 500, 503)],
    # Section 3.1: fields.
    ("3.1 The header fields of a response are stored", [first({**FRESH, "x-a": "1", "content-type": "text/plain"}), again(HIT, x_a="1", content_type="text/plain")]),
    ("3.1 Connection-specific fields and the fields that Connection names are not stored",
     [first({**FRESH, "connection": "x-hop", "x-hop": "1", "keep-alive": "timeout=5"}), again(HIT, x_hop=None, keep_alive=None)]),
    ("3.1 Proxy-Authenticate is not stored", [first({**FRESH, "proxy-authenticate": "Basic"}), again(HIT, proxy_authenticate=None)]),
    ("3.1 When a field has several lines, all of them are stored", [first([("cache-control", "max-age=100"), ("x-a", "1"), ("x-a", "2")]), again(HIT, x_a="1, 2")]),
    # Section 3.2: updating by a 304.
    ("3.2 A 304 replaces the stored values of its fields", [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=modified(etag=TAG, x_a="2"), x_a="2")]),
    ("3.2 Stored fields that a 304 does not have stay unchanged", [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=modified(etag=TAG), x_a="1")]),
    ("3.2 A 304 does not change Content-Type and Content-Encoding",
     [first({**TAGGED, "content-type": "text/a", "content-encoding": "x"}),
      again(VALIDATED, say=modified(etag=TAG, content_type="text/b", content_encoding="y"), content_type="text/a", content_encoding="x")]),
    ("3.2 A 304 makes the stored response fresh again",
     [first(TAGGED), again(VALIDATED, say=modified(etag=TAG, cache_control="max-age=100")), again(HIT)]),
    ("3.2 A 304 with max-age=0 leaves the stored response stale",
     [first(TAGGED), again(VALIDATED, say=modified(etag=TAG, cache_control="max-age=0")),
      again(VALIDATED, say=modified(etag=TAG))]),
    # Section 3.3: incomplete responses.
    ("3.3 A response that ends early is not stored",
     [Step(MISS, (), Answer(FRESH, pieces=[(None, b"bo")], cut=True), status=0), again(MISS)]),
    # Section 3.5: authenticated requests.
    ("3.5 A response to a request with Authorization is not stored", [first(FRESH, asked={"authorization": "Basic YTpi"}), again(MISS)]),
    *[(f"3.5 A response to a request with Authorization is stored with {directive}",
       [first({"cache-control": f"{directive}, max-age=100"}, asked={"authorization": "Basic YTpi"}), again(HIT)])
      for directive in ("public", "must-revalidate", "s-maxage=100")],
    ("3.5 A request with Authorization may be answered with a stored response", [first(FRESH), again(HIT, {"authorization": "Basic YTpi"})]),
    # Section 4: constructing.
    ("4 Another path is another resource", [first(FRESH), again(MISS, path="/other", say=Answer(FRESH))]),
    ("4 Another query is another resource", [first(FRESH), again(MISS, path="?a=b", say=Answer(FRESH))]),
    ("4 A HEAD request is answered with the stored response to GET", [first({**FRESH, "x-a": "1"}), again(HIT, method="HEAD", x_a="1", content_length="4")]),
    ("4 A stored response with no-cache is validated for each request",
     [first({"cache-control": "no-cache, max-age=100", "etag": TAG}), again(VALIDATED, say=modified(etag=TAG))]),
    ("4 A stored response with no-cache for a field is validated for each request too",
     [first({"cache-control": 'no-cache="x-a", max-age=100', "etag": TAG}), again(VALIDATED, say=modified(etag=TAG))]),
    ("4 A response from the cache has Age", [first({**FRESH, "age": "30"}), again(HIT, age="30")]),
    ("4 The cache adds no Age to a response that it does not store", [first({"cache-control": "no-store"}), again(MISS, age=None)]),
    # Section 4.1: Vary.
    ("4.1 The same value of a field in Vary matches", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), again(HIT, {"x-v": "1"})]),
    ("4.1 Another value of a field in Vary does not match", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), again(MISS, {"x-v": "2"}, say=Answer(FRESH))]),
    ("4.1 A missing field does not match a value", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), again(MISS, say=Answer(FRESH))]),
    ("4.1 A value does not match a missing field", [first({**FRESH, "vary": "x-v"}), again(MISS, {"x-v": "1"}, say=Answer(FRESH))]),
    ("4.1 A field that is missing in both requests matches", [first({**FRESH, "vary": "x-v"}), again(HIT)]),
    ("4.1 An empty value does not match a missing field", [first({**FRESH, "vary": "x-v"}), again(MISS, {"x-v": ""}, say=Answer(FRESH))]),
    ("4.1 All fields in Vary must match", [first({**FRESH, "vary": "x-v, x-w"}, asked={"x-v": "1", "x-w": "2"}),
                                  again(HIT, {"x-w": "2", "x-v": "1"}), again(MISS, {"x-v": "1", "x-w": "3"}, say=Answer(FRESH))]),
    ("4.1 Several lines match a single line with the same list of values",
     [first({**FRESH, "vary": "x-v"}, asked=[("x-v", "1"), ("x-v", "2")]), again(HIT, {"x-v": "1,  2"})]),
    ("4.1 The order of values counts in fields that the cache does not know",
     [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1, 2"}), again(MISS, {"x-v": "2, 1"}, say=Answer(FRESH))]),
    ("4.1 Upper and lower case are different in fields that the cache does not know",
     [first({**FRESH, "vary": "x-v"}, asked={"x-v": "a"}), again(MISS, {"x-v": "A"}, say=Answer(FRESH))]),
    ("4.1 Accept-Encoding matches when it names the same codings in another order",
     [first({**FRESH, "vary": "Accept-Encoding"}, asked={"accept-encoding": "gzip, br;q=0.5"}), again(HIT, {"accept-encoding": "BR,gzip"})]),
    ("4.1 Accept-Language matches without regard to upper and lower case",
     [first({**FRESH, "vary": "accept-language"}, asked={"accept-language": "en-GB"}), again(HIT, {"accept-language": "en-gb"})]),
    ("4.1 Vary: * never matches", [first({**FRESH, "vary": "*"}), again(MISS, say=Answer(FRESH))]),
    ("4.1 A list of fields with * in Vary never matches", [first({**FRESH, "vary": "x-v, *"}), again(MISS, say=Answer(FRESH))]),
    ("4.1 Two variants of a resource are both stored",
     [first({**FRESH, "vary": "x-v", "x-n": "1"}, asked={"x-v": "1"}),
      again(MISS, {"x-v": "2"}, say=Answer({**FRESH, "vary": "x-v", "x-n": "2"})),
      again(HIT, {"x-v": "1"}, x_n="1"), again(HIT, {"x-v": "2"}, x_n="2")]),
    # Section 4.2: freshness.
    ("4.2 A response whose age exceeds its max-age is stale", [first(STALE), again(MISS)]),
    ("4.2 A response whose max-age has passed since its Date is stale", [first({"cache-control": "max-age=10", "date": date(-20)}), again(MISS)]),
    ("4.2 A response whose max-age has not passed since its Date is fresh", [first({"cache-control": "max-age=100", "date": date(-20)}), again(HIT)]),
    ("4.2 A response with max-age=0 is stale", [first({"cache-control": "max-age=0"}), again(MISS)]),
    ("4.2 A response with Expires in the past is stale", [first({"expires": date(-10)}), again(MISS)]),
    ("4.2 A response whose Expires equals its Date is stale", [first({"expires": date(), "date": date()}), again(MISS)]),
    ("4.2 Expires counts even without Date", [first({"expires": date(100)}, dated=False), again(HIT)]),
    ("4.2 The lifetime is the time from Date to Expires", [first({"expires": date(50), "date": date(-200), "age": "0"}), again(HIT)]),
    ("4.2.1 max-age overrides Expires", [first({"cache-control": "max-age=100", "expires": date(-10)}), again(HIT)]),
    ("4.2.1 max-age=0 overrides Expires", [first({"cache-control": "max-age=0", "expires": date(100)}), again(MISS)]),
    ("4.2.1 s-maxage overrides max-age", [first({"cache-control": "max-age=1, s-maxage=100", "age": "50"}), again(HIT)]),
    ("4.2.1 A short s-maxage overrides a longer max-age", [first({"cache-control": "max-age=100, s-maxage=1", "age": "50"}), again(MISS)]),
    ("4.2.1 When max-age occurs twice, the first value counts", [first({"cache-control": "max-age=1, max-age=100", "age": "50"}), again(MISS)]),
    ("4.2.1 A max-age that is not a number makes a response stale", [first({"cache-control": "max-age=a"}), again(MISS)]),
    ("4.2.1 A negative max-age makes a response stale", [first({"cache-control": "max-age=-1"}), again(MISS)]),
    ("4.2.1 A max-age with a fraction makes a response stale", [first({"cache-control": "max-age=100.5"}), again(MISS)]),
    ("4.2.1 A max-age in quotes is accepted", [first({"cache-control": 'max-age="100"'}), again(HIT)]),
    ("4.2.1 A max-age that is too large to represent is accepted", [first({"cache-control": "max-age=99999999999999999999"}), again(HIT)]),
    ("4.2.1 max-age within the quoted value of another directive is ignored",
     [first({"cache-control": 'ext="a, max-age=100", max-age=0'}), again(MISS)]),
    ("4.2.1 An escaped quote does not end a quoted value", [first({"cache-control": 'ext="a\\", max-age=0", max-age=100'}), again(HIT)]),
    ("4.2.1 Directives in capital letters are accepted", [first({"cache-control": "MAX-AGE=100"}), again(HIT)]),
    ("4.2.1 Directives may be on several lines", [first([("cache-control", "a=b"), ("cache-control", "max-age=100")]), again(HIT)]),
    ("4.2.1 An Expires that is not a date makes a response stale", [first({"expires": "tomorrow", "last-modified": date(-100000)}), again(VALIDATED, say=OK304)]),
    ("4.2.1 Expires: 0 makes a response stale", [first({"expires": "0", "last-modified": date(-100000)}), again(VALIDATED, say=OK304)]),
    ("4.2.2 Heuristics do not apply to a response with a lifetime", [first({"cache-control": "max-age=0", "last-modified": date(-100000)}), again(VALIDATED, say=OK304)]),
    ("4.2.2 A response that was modified a few seconds ago gets only a short heuristic lifetime", [first({"last-modified": date(-5), "age": "1"}), again(VALIDATED, say=OK304)]),
    ("4.2.2 With public, heuristics apply to any status", [first({"cache-control": "public", "last-modified": date(-100000)}, 201), again(HIT, status=201)]),
    ("4.2.3 The Age field counts towards the age of a response", [first({"cache-control": "max-age=100", "age": "101"}), again(MISS)]),
    ("4.2.3 An Age that is not a number is ignored", [first({**FRESH, "age": "x"}), again(HIT)]),
    ("4.2.3 A negative Age is ignored", [first({**FRESH, "age": "-1000"}), again(HIT)]),
    ("4.2.3 When Age has two values, the first value counts", [first({**FRESH, "age": "500, 0"}), again(MISS)]),
    ("4.2.3 An Age that is too large to represent makes a response stale", [first({**FRESH, "age": "99999999999999999999"}), again(MISS)]),
    ("4.2.3 A Date in the future does not make a response younger", [first({"cache-control": "max-age=10", "age": "20", "date": date(1000)}), again(MISS)]),
    ("4.2.4 must-revalidate forbids a stale response even if the client sends max-stale", [first({"cache-control": "max-age=10, must-revalidate", "age": "20", "etag": TAG}),
                               again(VALIDATED, {"cache-control": "max-stale"}, say=modified(etag=TAG))]),
    ("4.2.4 proxy-revalidate forbids a stale response even if the client sends max-stale", [first({"cache-control": "max-age=10, proxy-revalidate", "age": "20", "etag": TAG}),
                                again(VALIDATED, {"cache-control": "max-stale"}, say=modified(etag=TAG))]),
    ("4.2.4 s-maxage forbids a stale response even if the client sends max-stale", [first({"cache-control": "s-maxage=10", "age": "20", "etag": TAG}),
                                          again(VALIDATED, {"cache-control": "max-stale"}, say=modified(etag=TAG))]),
    # Section 4.3: validation.
    ("4.3.1 A stale response is validated by its entity tag", [first(TAGGED), again(VALIDATED, say=modified(etag=TAG))]),
    ("4.3.1 A stale response is validated by its weak entity tag", [first({**STALE, "etag": 'W/"w"'}), again(VALIDATED, say=modified(etag='W/"w"'))]),
    ("4.3.1 A stale response is validated by its Last-Modified", [first({**STALE, "last-modified": date(-1000)}), again(VALIDATED, say=OK304)]),
    ("4.3.1 A stale response without a validator is fetched again", [first(STALE), again(MISS)]),
    ("4.3.2 A request with a matching If-None-Match gets a 304", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": TAG}, status=304, etag=TAG)]),
    ("4.3.2 If-None-Match may be a list", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": f'"a,b", {TAG}'}, status=304)]),
    ("4.3.2 If-None-Match uses the weak comparison", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": "W/" + TAG}, status=304)]),
    ("4.3.2 A request with If-None-Match: * gets a 304", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": "*"}, status=304)]),
    ("4.3.2 A request whose If-None-Match does not match gets the whole response", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": '"two"'})]),
    ("4.3.2 If-None-Match takes precedence over If-Modified-Since",
     [first({**FRESH, "etag": TAG, "last-modified": date(-1000)}), again(HIT, {"if-none-match": '"two"', "if-modified-since": date()})]),
    ("4.3.2 A request with an If-Modified-Since after Last-Modified gets a 304",
     [first({**FRESH, "last-modified": date(-1000)}), again(HIT, {"if-modified-since": date(-500)}, status=304)]),
    ("4.3.2 A request with an If-Modified-Since before Last-Modified gets the whole response",
     [first({**FRESH, "last-modified": date(-1000)}), again(HIT, {"if-modified-since": date(-5000)})]),
    ("4.3.2 A request with an If-Modified-Since that is not a date gets the whole response",
     [first({**FRESH, "last-modified": date(-1000)}), again(HIT, {"if-modified-since": "x"})]),
    ("4.3.2 When nothing is stored, a conditional request fetches the whole response, and the cache evaluates the condition",
     [Step(MISS, {"if-none-match": TAG}, Answer({**FRESH, "etag": TAG}), status=304), again(HIT)]),
    ("4.3.2 A request with If-Match goes to the origin", [first({**FRESH, "etag": TAG}), again(MISS, {"if-match": TAG}, say=Answer(FRESH))]),
    ("4.3.2 A request with If-Unmodified-Since goes to the origin",
     [first({**FRESH, "last-modified": date(-1000)}), again(MISS, {"if-unmodified-since": date()}, say=Answer(FRESH))]),
    ("4.3.2 A HEAD request with a matching If-None-Match gets a 304", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": TAG}, method="HEAD", status=304)]),
    ("4.3.2 Conditions do not apply to a stored response with status 404", [first({**FRESH, "etag": TAG}, 404), again(HIT, {"if-none-match": TAG}, status=404)]),
    ("4.3.3 A new version replaces the stored response", [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=Answer({**FRESH, "x-a": "2"}), x_a="2", new=True),
                                               again(HIT, x_a="2")]),
    ("4.3.3 A 5xx response to a validation is sent to the client", [first(TAGGED), again(VALIDATED, say=Answer({}, 500), status=500, new=True)]),
    ("4.3.4 A 304 with another entity tag does not update the stored response, which is then fetched again",
     [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=modified(etag='"two"', x_a="2"), x_a="1"), again(MISS)]),
    ("4.3.5 When nothing is stored, a HEAD request fetches the response with GET and stores it", [Step(MISS, (), Answer(FRESH), method="HEAD", by_get=True), again(HIT)]),
    # Section 4.4: invalidation by unsafe requests.
    *[(f"4.4 {method} invalidates the stored response", [first(FRESH), Step(MISS, (), Answer({}), method=method, body=b"x"), again(MISS)])
      for method in ("POST", "PUT", "DELETE", "PATCH", "FOO")],
    ("4.4 A POST that fails with 500 invalidates nothing", [first(FRESH), Step(MISS, (), Answer({}, 500), method="POST", body=b"x", status=500), again(HIT)]),
    ("4.4 A POST that is refused with 403 invalidates nothing", [first(FRESH), Step(MISS, (), Answer({}, 403), method="POST", body=b"x", status=403), again(HIT)]),
    ("4.4 A POST that is redirected with 303 invalidates the stored response", [first(FRESH), Step(MISS, (), Answer({}, 303), method="POST", body=b"x", status=303), again(MISS)]),
    ("4.4 OPTIONS invalidates nothing", [first(FRESH), Step(MISS, (), Answer({}), method="OPTIONS"), again(HIT)]),
    ("4.4 The resource that Location names is invalidated", [first(FRESH), Step(MISS, (), Answer({"location": "{path}"}, 201), method="POST", body=b"x", status=201, path="/other"),
                                             again(MISS)]),
    ("4.4 The resource that Content-Location names is invalidated", [first(FRESH), Step(MISS, (), Answer({"content-location": "http://127.0.0.1{path}"}), method="POST", body=b"x", path="/other"),
                                   again(MISS)]),
    ("4.4 A resource of another host is not invalidated", [first(FRESH), Step(MISS, (), Answer({"location": "http://other.example{path}"}, 201), method="POST", body=b"x", status=201, path="/other"),
                                           again(HIT)]),
    ("4.4 All variants of a resource are invalidated", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), Step(MISS, (), Answer({}), method="POST", body=b"x"),
                              again(MISS, {"x-v": "1"})]),
    # Section 5.2.1: directives of requests.
    ("5.2.1.1 A response that is older than the client's max-age is not used", [first({**FRESH, "age": "50"}), again(MISS, {"cache-control": "max-age=40"})]),
    ("5.2.1.1 A response that is younger than the client's max-age is used", [first({**FRESH, "age": "50"}), again(HIT, {"cache-control": "max-age=60"})]),
    ("5.2.1.1 max-age=0 of the client causes a validation", [first({**FRESH, "etag": TAG, "age": "1"}), again(VALIDATED, {"cache-control": "max-age=0"}, say=modified(etag=TAG))]),
    ("5.2.1.2 A response that is stale for less than the client's max-stale is used", [first(STALE), again(HIT, {"cache-control": "max-stale=100"})]),
    ("5.2.1.2 max-stale without a number accepts any stale response", [first(STALE), again(HIT, {"cache-control": "max-stale"})]),
    ("5.2.1.2 A response that is stale for longer than the client's max-stale is not used", [first(STALE), again(MISS, {"cache-control": "max-stale=5"})]),
    ("5.2.1.3 A response that stays fresh for less than the client's min-fresh is not used", [first({**FRESH, "age": "50"}), again(MISS, {"cache-control": "min-fresh=60"})]),
    ("5.2.1.3 A response that stays fresh for longer than the client's min-fresh is used", [first({**FRESH, "age": "50"}), again(HIT, {"cache-control": "min-fresh=40"})]),
    ("5.2.1.4 no-cache of the client causes a new fetch when there is no validator", [first(FRESH), again(MISS, {"cache-control": "no-cache"})]),
    ("5.2.1.4 no-cache of the client causes a validation when there is a validator", [first({**FRESH, "etag": TAG}), again(VALIDATED, {"cache-control": "no-cache"}, say=modified(etag=TAG))]),
    ("5.2.1.5 With no-store of the client the response is not stored", [first(FRESH, asked={"cache-control": "no-store"}), again(MISS)]),
    ("5.2.1.7 A request with only-if-cached gets a stored response", [first(FRESH), again(HIT, {"cache-control": "only-if-cached"})]),
    ("5.2.1.7 A request with only-if-cached gets a 504 when nothing is stored", [Step(HIT, {"cache-control": "only-if-cached"}, status=504)]),
    # Section 5.2.2: directives of responses.
    ("5.2.2.7 A field that private names is not stored", [first({"cache-control": 'private="x-a", max-age=100', "x-a": "1", "x-b": "2"}), again(HIT, x_a=None, x_b="2")]),
    ("5.2.2.9 A response with only public is stored by heuristics", [first({"cache-control": "public", "last-modified": date(-100000)}), again(HIT)]),
    ("5.4 Pragma: no-cache in a request counts as Cache-Control: no-cache", [first(FRESH), again(MISS, {"pragma": "no-cache"})]),
    ("5.4 Pragma is ignored in a request with Cache-Control", [first(FRESH), again(HIT, {"pragma": "no-cache", "cache-control": "max-age=50"})]),
    ("5.4 Pragma is ignored in a response", [first({**FRESH, "pragma": "no-cache"}), again(HIT)]),
    # Section 7.3 and cookies.
    ("7.3 A response with Set-Cookie is not stored", [first({**FRESH, "set-cookie": "a=b"}), again(MISS, say=Answer(FRESH))]),
    ("7.3 A response with Set-Cookie and public is stored", [first({"cache-control": "public, max-age=100", "set-cookie": "a=b"}), again(HIT)]),
    ("7.3 When private names Set-Cookie, the response is stored without its cookie",
     [first({"cache-control": 'private="set-cookie", max-age=100', "set-cookie": "a=b"}), again(HIT, set_cookie=None)]),
    # RFC 9110 section 14: ranges.
    ("14.2 A range of a stored response is sent with status 206", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=2-4"}, status=206, body_is=b"234", content_range="bytes 2-4/10")]),
    ("14.2 A range may extend from a byte to the end", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=7-"}, status=206, body_is=b"789")]),
    ("14.2 A range may select the last bytes", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=-2"}, status=206, body_is=b"89")]),
    ("14.2 A range that begins before the end and exceeds it is cut at the end", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=5-500"}, status=206, body_is=b"56789")]),
    ("14.2 A range that begins at or after the end gets a 416", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=10-"}, status=416, body_is=b"", content_range="bytes */10")]),
    ("14.2 A malformed range is ignored", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=a-b"}, body_is=b"0123456789")]),
    ("14.2 A range in another unit is ignored", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "lines=1-2"}, body_is=b"0123456789")]),
    ("14.2 Several ranges are ignored", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=0-1,3-4"}, body_is=b"0123456789")]),
    ("14.2 The range of a HEAD request is ignored", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=0-1"}, method="HEAD", status=200)]),
    ("14.2 When nothing is stored, a request for a range fetches and stores the whole response",
     [Step(MISS, {"range": "bytes=2-4"}, Answer(FRESH, body=b"0123456789"), status=206, body_is=b"234", without="range"), again(HIT, body_is=b"0123456789")]),
    ("13.1.5 A range is used when If-Range matches", [first({**FRESH, "etag": TAG}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-range": TAG}, status=206, body_is=b"234")]),
    ("13.1.5 A range is ignored when If-Range does not match", [first({**FRESH, "etag": TAG}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-range": '"two"'}, body_is=b"0123456789")]),
    ("13.1.5 A range is ignored when If-Range is a weak entity tag", [first({**FRESH, "etag": 'W/"w"'}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-range": 'W/"w"'}, body_is=b"0123456789")]),
    ("13.2.2 If-None-Match takes precedence over Range", [first({**FRESH, "etag": TAG}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-none-match": TAG}, status=304)]),
    # RFC 5861.
    ("5861-3 After the time of stale-while-revalidate the client waits for the validation",
     [first({"cache-control": "max-age=10, stale-while-revalidate=5", "age": "20", "etag": TAG}), again(VALIDATED, say=modified(etag=TAG))]),
    ("5861-4 Within the time of stale-if-error the client gets the stale response instead of an error", [first({"cache-control": "max-age=10, stale-if-error=100", "age": "20", "etag": TAG}),
                               again(VALIDATED, say=Answer({}, 503), status=200)]),
    ("5861-4 After the time of stale-if-error the client gets the error", [first({"cache-control": "max-age=10, stale-if-error=5", "age": "20", "etag": TAG}),
                                            again(VALIDATED, say=Answer({}, 503), status=503, new=True)]),
    ("5861-4 With must-revalidate the client gets the error", [first({"cache-control": "max-age=10, stale-if-error=100, must-revalidate", "age": "20", "etag": TAG}),
                                           again(VALIDATED, say=Answer({}, 503), status=503, new=True)]),
    ("5861-4 A 404 does not count as an error", [first({"cache-control": "max-age=10, stale-if-error=100", "age": "20", "etag": TAG}),
                                  again(VALIDATED, say=Answer({}, 404), status=404, new=True)]),
    # RFC 9213.
    ("9213 CDN-Cache-Control replaces Cache-Control", [first({"cdn-cache-control": "max-age=100", "cache-control": "no-store"}), again(HIT)]),
    ("9213 CDN-Cache-Control replaces Expires", [first({"cdn-cache-control": "max-age=0", "expires": date(100)}), again(MISS)]),
    ("9213 A malformed CDN-Cache-Control is ignored", [first({"cdn-cache-control": "max-age=100, , =", "cache-control": "no-store"}), again(MISS)]),
    ("9213 An empty CDN-Cache-Control is ignored", [first({"cdn-cache-control": "", "cache-control": "max-age=100"}), again(HIT)]),
    ("9213 no-store in CDN-Cache-Control prevents storing", [first({"cdn-cache-control": "no-store", "cache-control": "max-age=100"}), again(MISS)]),
    ("9213 CDN-Cache-Control is passed on to the client", [first({"cdn-cache-control": "max-age=100"}), again(HIT, cdn_cache_control="max-age=100")]),
    # RFC 9211.
    ("9211 Cache-Status reports a hit", [first(FRESH, asked=()), again(HIT, cache_status="portcullis; hit; ttl=100")]),
    ("9211 Cache-Status reports a miss", [Step(MISS, (), Answer(FRESH), cache_status="portcullis; fwd=uri-miss; fwd-status=200; ttl=100; stored")]),
    ("9211 The entries of other caches in Cache-Status stay before the gateway's entry", [first({**FRESH, "cache-status": "other; hit"}), again(HIT, cache_status="other; hit, portcullis; hit; ttl=100")]),
    ("9211 Cache-Status reports a validation", [first(TAGGED), again(VALIDATED, say=modified(etag=TAG, cache_control="max-age=50", age="0"),
                                                cache_status="portcullis; fwd=stale; fwd-status=304; ttl=50; stored")]),
    ("9211 Cache-Status reports that the client has bypassed the cache", [first(FRESH, asked={"cache-control": "no-store"}), again(MISS, {"cache-control": "no-store"}, cache_status="portcullis; fwd=bypass")]),
    ("9211 Cache-Status reports a method that the cache does not answer", [Step(MISS, (), Answer({}), method="POST", body=b"x", cache_status="portcullis; fwd=method")]),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    origin = Origin()
    gateway = Gateway(tmp_path_factory.mktemp("cache"), f"""version: 1
workers: 2
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: main, targets: [{{address: "127.0.0.1:{origin.port}"}}]}}]
routes: [{{name: all, match: {{path_prefix: /}}, upstream: main, policies: [cache: {{}}]}}]
""")
    yield gateway, origin
    gateway.stop()
    origin.close()


def place(fields, path):
    """Replaces the parts of a field that are only known when the case runs."""
    def value(text):
        return re.sub(r"\{date (-?\d+)\}", lambda found: cache_origin.date(int(found[1])), text.replace("{path}", path))
    return [(name, value(text)) for name, text in (fields.items() if isinstance(fields, dict) else fields)]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[name for name, _ in CASES])
def test_case(world, number):
    gateway, origin = world
    base = f"/{number}"
    kept = None
    for step in CASES[number][1]:
        path = base + step.path
        said = step.say or Answer(FRESH)
        said.fields, fields = place(said.fields, base), place(step.fields, base)
        origin.answers[path.split("?")[0]] = [said]
        before = len(origin.asked(path.split("?")[0]))
        if step.status == 0:
            with pytest.raises(Exception):
                ask(gateway.port, path, step.method, fields, step.body)
            continue
        response = ask(gateway.port, path, step.method, fields, step.body)
        asked = origin.asked(path.split("?")[0])[before:]
        assert len(asked) == (0 if step.expect == HIT else 1), response.fields
        if asked:
            conditional = asked[0].get("if-none-match") or asked[0].get("if-modified-since")
            assert bool(conditional) == (step.expect == VALIDATED), asked[0].fields
            assert asked[0].method == ("GET" if step.has.get("by_get") else step.method)
            assert asked[0].get("range") is None
        assert response.status == (step.status or 200)
        for name, value in step.has.items():
            if name == "body_is":
                assert response.body == value
            elif name not in ("new", "by_get", "without"):
                assert response.get(name.replace("_", "-")) == value, response.fields
        if step.expect != MISS and kept and response.status == 200 and step.method == "GET" and "new" not in step.has and "body_is" not in step.has:
            assert response.body == kept
        if response.status != 304 and step.method == "GET":
            kept = response.body


def test_a_body_that_grows_is_sent_as_it_comes(world):
    gateway, origin = world
    more = threading.Event()
    origin.answers["/grows"] = [Answer(FRESH, pieces=[(None, b"first"), (more, b"second")])]
    with gateway.connect() as one, gateway.connect() as two:
        for connection in (one, two):
            connection.sendall(b"GET /grows HTTP/1.1\r\nhost: a\r\n\r\n")
            seen = b""
            while b"first" not in seen:
                seen += receive(connection, 1000, "a response")
        more.set()
        for connection in (one, two):
            seen = b""
            while b"0\r\n\r\n" not in seen:
                seen += receive(connection, 1000, "a response")
            assert b"second" in seen
    assert len(origin.asked("/grows")) == 1


@sanitizers.documents
def test_the_page_names_every_case():
    """docs/cache-conformance.md must be the table of the tested cases."""
    section, listed = None, []
    for line in (ROOT / "docs/cache-conformance.md").read_text().splitlines():
        if line.startswith("## "):
            section = line.split()[1]
        elif line.startswith("- "):
            listed.append(f"{section} {line[2:]}")
    assert listed == [name for name, _ in CASES]
