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
    ("3 a response that says nothing and is old is kept by heuristics", [first({"last-modified": date(-100000)}), again(HIT)]),
    ("3 POST is not answered from the cache", [first(FRESH), again(MISS, method="POST", body=b"x", say=Answer(FRESH))]),
    ("3 a response to POST is not kept", [Step(MISS, (), Answer(FRESH), method="POST", body=b"x"), again(MISS)]),
    ("3 a response to PUT is not kept", [Step(MISS, (), Answer(FRESH), method="PUT", body=b"x"), again(MISS)]),
    ("3 an unknown method passes", [first(FRESH), again(MISS, method="FOO", say=Answer(FRESH))]),
    ("3 no-store is not kept", [first({"cache-control": "no-store, max-age=100"}), again(MISS)]),
    ("3 NO-STORE is not kept", [first({"cache-control": "NO-STORE, max-age=100"}), again(MISS)]),
    ("3 private is not kept", [first({"cache-control": "private, max-age=100"}), again(MISS)]),
    ("3 private before max-age on another line is not kept",
     [first([("cache-control", "private"), ("cache-control", "max-age=100")]), again(MISS)]),
    ("3 nothing said and nothing to guess by is not kept", [first({}), again(MISS)]),
    ("3 Expires is enough", [first({"expires": date(100)}), again(HIT)]),
    ("3 s-maxage is enough", [first({"cache-control": "s-maxage=100"}), again(HIT)]),
    ("3 an unknown final status is kept when it says so", [first(FRESH, 599), again(HIT, status=599)]),
    ("3 an unknown final status is not kept by heuristics",
     [first({"last-modified": date(-100000)}, 599), again(MISS, say=Answer({}, 599), status=599)]),
    ("3 must-understand keeps what is understood although it says no-store",
     [first({"cache-control": "must-understand, no-store, max-age=100"}), again(HIT)]),
    ("3 must-understand does not keep what is not understood",
     [first({"cache-control": "must-understand, no-store, max-age=100"}, 499), again(MISS, say=Answer({}, 499), status=499)]),
    ("3 206 is not kept", [first({**FRESH, "content-range": "bytes 0-3/10"}, 206),
                           again(MISS, say=Answer({**FRESH, "content-range": "bytes 0-3/10"}, 206), status=206)]),
    *[(f"3 {status} is kept by heuristics", [first({"last-modified": date(-100000)}, status), again(HIT, status=status)])
      for status in (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501)],
    *[(f"3 {status} is not kept by heuristics",
       [first({"last-modified": date(-100000)}, status), again(MISS, say=Answer({}, status), status=status)])
      for status in (201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504)],
    *[(f"3 {status} is kept when it says so", [first(FRESH, status), again(HIT, status=status)])
      for status in (201, 302, 307, 400, 403, 500, 503)],
    # Section 3.1: fields.
    ("3.1 fields are kept", [first({**FRESH, "x-a": "1", "content-type": "text/plain"}), again(HIT, x_a="1", content_type="text/plain")]),
    ("3.1 Connection and what it names are not kept",
     [first({**FRESH, "connection": "x-hop", "x-hop": "1", "keep-alive": "timeout=5"}), again(HIT, x_hop=None, keep_alive=None)]),
    ("3.1 Proxy-Authenticate is not kept", [first({**FRESH, "proxy-authenticate": "Basic"}), again(HIT, proxy_authenticate=None)]),
    ("3.1 several lines stay several", [first([("cache-control", "max-age=100"), ("x-a", "1"), ("x-a", "2")]), again(HIT, x_a="1, 2")]),
    # Section 3.2: updating by a 304.
    ("3.2 a 304 brings new fields", [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=modified(etag=TAG, x_a="2"), x_a="2")]),
    ("3.2 what a 304 does not name stays", [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=modified(etag=TAG), x_a="1")]),
    ("3.2 a 304 does not change the content's fields",
     [first({**TAGGED, "content-type": "text/a", "content-encoding": "x"}),
      again(VALIDATED, say=modified(etag=TAG, content_type="text/b", content_encoding="y"), content_type="text/a", content_encoding="x")]),
    ("3.2 a 304 makes fresh again",
     [first(TAGGED), again(VALIDATED, say=modified(etag=TAG, cache_control="max-age=100")), again(HIT)]),
    ("3.2 a 304 with no-store is not kept for others",
     [first(TAGGED), again(VALIDATED, say=modified(etag=TAG, cache_control="max-age=0")),
      again(VALIDATED, say=modified(etag=TAG))]),
    # Section 3.3: incomplete responses.
    ("3.3 what breaks off is not kept",
     [Step(MISS, (), Answer(FRESH, pieces=[(None, b"bo")], cut=True), status=0), again(MISS)]),
    # Section 3.5: authenticated requests.
    ("3.5 a response to Authorization is not kept", [first(FRESH, asked={"authorization": "Basic YTpi"}), again(MISS)]),
    *[(f"3.5 a response to Authorization is kept with {directive}",
       [first({"cache-control": f"{directive}, max-age=100"}, asked={"authorization": "Basic YTpi"}), again(HIT)])
      for directive in ("public", "must-revalidate", "s-maxage=100")],
    ("3.5 Authorization may be answered by what is kept", [first(FRESH), again(HIT, {"authorization": "Basic YTpi"})]),
    # Section 4: constructing.
    ("4 another path is another resource", [first(FRESH), again(MISS, path="/other", say=Answer(FRESH))]),
    ("4 another query is another resource", [first(FRESH), again(MISS, path="?a=b", say=Answer(FRESH))]),
    ("4 HEAD is answered from GET", [first({**FRESH, "x-a": "1"}), again(HIT, method="HEAD", x_a="1", content_length="4")]),
    ("4 no-cache is validated each time",
     [first({"cache-control": "no-cache, max-age=100", "etag": TAG}), again(VALIDATED, say=modified(etag=TAG))]),
    ("4 no-cache on a field counts as well",
     [first({"cache-control": 'no-cache="x-a", max-age=100', "etag": TAG}), again(VALIDATED, say=modified(etag=TAG))]),
    ("4 Age is told", [first({**FRESH, "age": "30"}), again(HIT, age="30")]),
    ("4 an answer of the origin has no Age of ours", [first({"cache-control": "no-store"}), again(MISS, age=None)]),
    # Section 4.1: Vary.
    ("4.1 Vary: the same value", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), again(HIT, {"x-v": "1"})]),
    ("4.1 Vary: another value", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), again(MISS, {"x-v": "2"}, say=Answer(FRESH))]),
    ("4.1 Vary: no value where there was one", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), again(MISS, say=Answer(FRESH))]),
    ("4.1 Vary: a value where there was none", [first({**FRESH, "vary": "x-v"}), again(MISS, {"x-v": "1"}, say=Answer(FRESH))]),
    ("4.1 Vary: none in both", [first({**FRESH, "vary": "x-v"}), again(HIT)]),
    ("4.1 Vary: an empty value is not none", [first({**FRESH, "vary": "x-v"}), again(MISS, {"x-v": ""}, say=Answer(FRESH))]),
    ("4.1 Vary: several fields", [first({**FRESH, "vary": "x-v, x-w"}, asked={"x-v": "1", "x-w": "2"}),
                                  again(HIT, {"x-w": "2", "x-v": "1"}), again(MISS, {"x-v": "1", "x-w": "3"}, say=Answer(FRESH))]),
    ("4.1 Vary: lines that mean the same",
     [first({**FRESH, "vary": "x-v"}, asked=[("x-v", "1"), ("x-v", "2")]), again(HIT, {"x-v": "1,  2"})]),
    ("4.1 Vary: the order of other fields' values counts",
     [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1, 2"}), again(MISS, {"x-v": "2, 1"}, say=Answer(FRESH))]),
    ("4.1 Vary: the case of values of unknown fields counts",
     [first({**FRESH, "vary": "x-v"}, asked={"x-v": "a"}), again(MISS, {"x-v": "A"}, say=Answer(FRESH))]),
    ("4.1 Vary: codings in another order are the same",
     [first({**FRESH, "vary": "Accept-Encoding"}, asked={"accept-encoding": "gzip, br;q=0.5"}), again(HIT, {"accept-encoding": "BR,gzip"})]),
    ("4.1 Vary: languages are the same in any case",
     [first({**FRESH, "vary": "accept-language"}, asked={"accept-language": "en-GB"}), again(HIT, {"accept-language": "en-gb"})]),
    ("4.1 Vary: * is never the same", [first({**FRESH, "vary": "*"}), again(MISS, say=Answer(FRESH))]),
    ("4.1 Vary: * in a list is never the same", [first({**FRESH, "vary": "x-v, *"}), again(MISS, say=Answer(FRESH))]),
    ("4.1 two variants are both kept",
     [first({**FRESH, "vary": "x-v", "x-n": "1"}, asked={"x-v": "1"}),
      again(MISS, {"x-v": "2"}, say=Answer({**FRESH, "vary": "x-v", "x-n": "2"})),
      again(HIT, {"x-v": "1"}, x_n="1"), again(HIT, {"x-v": "2"}, x_n="2")]),
    # Section 4.2: freshness.
    ("4.2 max-age that has passed", [first(STALE), again(MISS)]),
    ("4.2 max-age that has passed by its Date", [first({"cache-control": "max-age=10", "date": date(-20)}), again(MISS)]),
    ("4.2 max-age that has not passed by its Date", [first({"cache-control": "max-age=100", "date": date(-20)}), again(HIT)]),
    ("4.2 max-age=0", [first({"cache-control": "max-age=0"}), again(MISS)]),
    ("4.2 Expires in the past", [first({"expires": date(-10)}), again(MISS)]),
    ("4.2 Expires as Date", [first({"expires": date(), "date": date()}), again(MISS)]),
    ("4.2 Expires without Date", [first({"expires": date(100)}, dated=False), again(HIT)]),
    ("4.2 Expires is reckoned from Date", [first({"expires": date(50), "date": date(-200), "age": "0"}), again(HIT)]),
    ("4.2.1 max-age overrides Expires", [first({"cache-control": "max-age=100", "expires": date(-10)}), again(HIT)]),
    ("4.2.1 max-age=0 overrides Expires", [first({"cache-control": "max-age=0", "expires": date(100)}), again(MISS)]),
    ("4.2.1 s-maxage overrides max-age", [first({"cache-control": "max-age=1, s-maxage=100", "age": "50"}), again(HIT)]),
    ("4.2.1 a short s-maxage overrides max-age", [first({"cache-control": "max-age=100, s-maxage=1", "age": "50"}), again(MISS)]),
    ("4.2.1 the first of two max-age", [first({"cache-control": "max-age=1, max-age=100", "age": "50"}), again(MISS)]),
    ("4.2.1 a max-age that is no number", [first({"cache-control": "max-age=a"}), again(MISS)]),
    ("4.2.1 a negative max-age", [first({"cache-control": "max-age=-1"}), again(MISS)]),
    ("4.2.1 a fraction of max-age", [first({"cache-control": "max-age=100.5"}), again(MISS)]),
    ("4.2.1 a max-age in quotes", [first({"cache-control": 'max-age="100"'}), again(HIT)]),
    ("4.2.1 a max-age beyond all numbers", [first({"cache-control": "max-age=99999999999999999999"}), again(HIT)]),
    ("4.2.1 max-age within another directive's quotes",
     [first({"cache-control": 'ext="a, max-age=100", max-age=0'}), again(MISS)]),
    ("4.2.1 a quote that is escaped", [first({"cache-control": 'ext="a\\", max-age=0", max-age=100'}), again(HIT)]),
    ("4.2.1 MAX-AGE in capitals", [first({"cache-control": "MAX-AGE=100"}), again(HIT)]),
    ("4.2.1 directives on two lines", [first([("cache-control", "a=b"), ("cache-control", "max-age=100")]), again(HIT)]),
    ("4.2.1 Expires that is no date", [first({"expires": "tomorrow", "last-modified": date(-100000)}), again(VALIDATED, say=OK304)]),
    ("4.2.1 Expires: 0", [first({"expires": "0", "last-modified": date(-100000)}), again(VALIDATED, say=OK304)]),
    ("4.2.2 no heuristics where there is a lifetime", [first({"cache-control": "max-age=0", "last-modified": date(-100000)}), again(VALIDATED, say=OK304)]),
    ("4.2.2 what has changed lately is not guessed to be fresh", [first({"last-modified": date(-5), "age": "1"}), again(VALIDATED, say=OK304)]),
    ("4.2.2 public lets any status be guessed", [first({"cache-control": "public", "last-modified": date(-100000)}, 201), again(HIT, status=201)]),
    ("4.2.3 Age counts", [first({"cache-control": "max-age=100", "age": "101"}), again(MISS)]),
    ("4.2.3 an Age that is no number does not count", [first({**FRESH, "age": "x"}), again(HIT)]),
    ("4.2.3 a negative Age does not count", [first({**FRESH, "age": "-1000"}), again(HIT)]),
    ("4.2.3 the first of two Ages counts", [first({**FRESH, "age": "500, 0"}), again(MISS)]),
    ("4.2.3 an Age beyond all numbers", [first({**FRESH, "age": "99999999999999999999"}), again(MISS)]),
    ("4.2.3 a Date in the future makes nothing younger", [first({"cache-control": "max-age=10", "age": "20", "date": date(1000)}), again(MISS)]),
    ("4.2.4 must-revalidate", [first({"cache-control": "max-age=10, must-revalidate", "age": "20", "etag": TAG}),
                               again(VALIDATED, {"cache-control": "max-stale"}, say=modified(etag=TAG))]),
    ("4.2.4 proxy-revalidate", [first({"cache-control": "max-age=10, proxy-revalidate", "age": "20", "etag": TAG}),
                                again(VALIDATED, {"cache-control": "max-stale"}, say=modified(etag=TAG))]),
    ("4.2.4 s-maxage forbids staleness", [first({"cache-control": "s-maxage=10", "age": "20", "etag": TAG}),
                                          again(VALIDATED, {"cache-control": "max-stale"}, say=modified(etag=TAG))]),
    # Section 4.3: validation.
    ("4.3.1 by entity tag", [first(TAGGED), again(VALIDATED, say=modified(etag=TAG))]),
    ("4.3.1 by a weak entity tag", [first({**STALE, "etag": 'W/"w"'}), again(VALIDATED, say=modified(etag='W/"w"'))]),
    ("4.3.1 by Last-Modified", [first({**STALE, "last-modified": date(-1000)}), again(VALIDATED, say=OK304)]),
    ("4.3.1 without a validator all of it is asked for", [first(STALE), again(MISS)]),
    ("4.3.2 If-None-Match is answered with 304", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": TAG}, status=304, etag=TAG)]),
    ("4.3.2 If-None-Match in a list", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": f'"a,b", {TAG}'}, status=304)]),
    ("4.3.2 If-None-Match compares weakly", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": "W/" + TAG}, status=304)]),
    ("4.3.2 If-None-Match: *", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": "*"}, status=304)]),
    ("4.3.2 another If-None-Match gets it all", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": '"two"'})]),
    ("4.3.2 If-None-Match stands before If-Modified-Since",
     [first({**FRESH, "etag": TAG, "last-modified": date(-1000)}), again(HIT, {"if-none-match": '"two"', "if-modified-since": date()})]),
    ("4.3.2 If-Modified-Since is answered with 304",
     [first({**FRESH, "last-modified": date(-1000)}), again(HIT, {"if-modified-since": date(-500)}, status=304)]),
    ("4.3.2 an earlier If-Modified-Since gets it all",
     [first({**FRESH, "last-modified": date(-1000)}), again(HIT, {"if-modified-since": date(-5000)})]),
    ("4.3.2 If-Modified-Since that is no date gets it all",
     [first({**FRESH, "last-modified": date(-1000)}), again(HIT, {"if-modified-since": "x"})]),
    ("4.3.2 a condition of the client on what is not kept asks for all, and is answered",
     [Step(MISS, {"if-none-match": TAG}, Answer({**FRESH, "etag": TAG}), status=304), again(HIT)]),
    ("4.3.2 If-Match is for the origin", [first({**FRESH, "etag": TAG}), again(MISS, {"if-match": TAG}, say=Answer(FRESH))]),
    ("4.3.2 If-Unmodified-Since is for the origin",
     [first({**FRESH, "last-modified": date(-1000)}), again(MISS, {"if-unmodified-since": date()}, say=Answer(FRESH))]),
    ("4.3.2 HEAD with If-None-Match", [first({**FRESH, "etag": TAG}), again(HIT, {"if-none-match": TAG}, method="HEAD", status=304)]),
    ("4.3.2 a 404 that is kept knows no conditions", [first({**FRESH, "etag": TAG}, 404), again(HIT, {"if-none-match": TAG}, status=404)]),
    ("4.3.3 another version takes the place", [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=Answer({**FRESH, "x-a": "2"}), x_a="2", new=True),
                                               again(HIT, x_a="2")]),
    ("4.3.3 a 5xx reaches the client", [first(TAGGED), again(VALIDATED, say=Answer({}, 500), status=500, new=True)]),
    ("4.3.4 a 304 with another entity tag is not taken for this one",
     [first({**TAGGED, "x-a": "1"}), again(VALIDATED, say=modified(etag='"two"', x_a="2"), x_a="1"), again(MISS)]),
    ("4.3.5 HEAD of what is not kept fetches all, for all", [Step(MISS, (), Answer(FRESH), method="HEAD", by_get=True), again(HIT)]),
    # Section 4.4: invalidation by unsafe requests.
    *[(f"4.4 {method} ends what is kept", [first(FRESH), Step(MISS, (), Answer({}), method=method, body=b"x"), again(MISS)])
      for method in ("POST", "PUT", "DELETE", "PATCH", "FOO")],
    ("4.4 a failed POST does not", [first(FRESH), Step(MISS, (), Answer({}, 500), method="POST", body=b"x", status=500), again(HIT)]),
    ("4.4 a refused POST does not", [first(FRESH), Step(MISS, (), Answer({}, 403), method="POST", body=b"x", status=403), again(HIT)]),
    ("4.4 a redirected POST does", [first(FRESH), Step(MISS, (), Answer({}, 303), method="POST", body=b"x", status=303), again(MISS)]),
    ("4.4 OPTIONS does not", [first(FRESH), Step(MISS, (), Answer({}), method="OPTIONS"), again(HIT)]),
    ("4.4 Location names what has changed", [first(FRESH), Step(MISS, (), Answer({"location": "{path}"}, 201), method="POST", body=b"x", status=201, path="/other"),
                                             again(MISS)]),
    ("4.4 Content-Location, too", [first(FRESH), Step(MISS, (), Answer({"content-location": "http://127.0.0.1{path}"}), method="POST", body=b"x", path="/other"),
                                   again(MISS)]),
    ("4.4 another host's is not touched", [first(FRESH), Step(MISS, (), Answer({"location": "http://other.example{path}"}, 201), method="POST", body=b"x", status=201, path="/other"),
                                           again(HIT)]),
    ("4.4 all variants end", [first({**FRESH, "vary": "x-v"}, asked={"x-v": "1"}), Step(MISS, (), Answer({}), method="POST", body=b"x"),
                              again(MISS, {"x-v": "1"})]),
    # Section 5.2.1: directives of requests.
    ("5.2.1.1 max-age of the client", [first({**FRESH, "age": "50"}), again(MISS, {"cache-control": "max-age=40"})]),
    ("5.2.1.1 max-age of the client that is met", [first({**FRESH, "age": "50"}), again(HIT, {"cache-control": "max-age=60"})]),
    ("5.2.1.1 max-age=0 of the client validates", [first({**FRESH, "etag": TAG, "age": "1"}), again(VALIDATED, {"cache-control": "max-age=0"}, say=modified(etag=TAG))]),
    ("5.2.1.2 max-stale", [first(STALE), again(HIT, {"cache-control": "max-stale=100"})]),
    ("5.2.1.2 max-stale without a number", [first(STALE), again(HIT, {"cache-control": "max-stale"})]),
    ("5.2.1.2 max-stale that is not met", [first(STALE), again(MISS, {"cache-control": "max-stale=5"})]),
    ("5.2.1.3 min-fresh", [first({**FRESH, "age": "50"}), again(MISS, {"cache-control": "min-fresh=60"})]),
    ("5.2.1.3 min-fresh that is met", [first({**FRESH, "age": "50"}), again(HIT, {"cache-control": "min-fresh=40"})]),
    ("5.2.1.4 no-cache of the client", [first(FRESH), again(MISS, {"cache-control": "no-cache"})]),
    ("5.2.1.4 no-cache of the client validates", [first({**FRESH, "etag": TAG}), again(VALIDATED, {"cache-control": "no-cache"}, say=modified(etag=TAG))]),
    ("5.2.1.5 no-store of the client", [first(FRESH, asked={"cache-control": "no-store"}), again(MISS)]),
    ("5.2.1.7 only-if-cached that is", [first(FRESH), again(HIT, {"cache-control": "only-if-cached"})]),
    ("5.2.1.7 only-if-cached that is not", [Step(HIT, {"cache-control": "only-if-cached"}, status=504)]),
    # Section 5.2.2: directives of responses.
    ("5.2.2.7 private names a field, which is not kept", [first({"cache-control": 'private="x-a", max-age=100', "x-a": "1", "x-b": "2"}), again(HIT, x_a=None, x_b="2")]),
    ("5.2.2.9 public is enough with heuristics", [first({"cache-control": "public", "last-modified": date(-100000)}), again(HIT)]),
    ("5.4 Pragma: no-cache of an old client", [first(FRESH), again(MISS, {"pragma": "no-cache"})]),
    ("5.4 Pragma beside Cache-Control is nothing", [first(FRESH), again(HIT, {"pragma": "no-cache", "cache-control": "max-age=50"})]),
    ("5.4 Pragma in a response is nothing", [first({**FRESH, "pragma": "no-cache"}), again(HIT)]),
    # Section 7.3 and cookies.
    ("7.3 a response with a cookie is not kept", [first({**FRESH, "set-cookie": "a=b"}), again(MISS, say=Answer(FRESH))]),
    ("7.3 a response with a cookie is kept when it is public", [first({"cache-control": "public, max-age=100", "set-cookie": "a=b"}), again(HIT)]),
    ("7.3 the cookie alone may be private",
     [first({"cache-control": 'private="set-cookie", max-age=100', "set-cookie": "a=b"}), again(HIT, set_cookie=None)]),
    # RFC 9110 section 14: ranges.
    ("14.2 a range of what is kept", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=2-4"}, status=206, body_is=b"234", content_range="bytes 2-4/10")]),
    ("14.2 to the end", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=7-"}, status=206, body_is=b"789")]),
    ("14.2 the last bytes", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=-2"}, status=206, body_is=b"89")]),
    ("14.2 beyond the end", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=5-500"}, status=206, body_is=b"56789")]),
    ("14.2 not satisfiable", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=10-"}, status=416, body_is=b"", content_range="bytes */10")]),
    ("14.2 malformed", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=a-b"}, body_is=b"0123456789")]),
    ("14.2 another unit", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "lines=1-2"}, body_is=b"0123456789")]),
    ("14.2 several", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=0-1,3-4"}, body_is=b"0123456789")]),
    ("14.2 HEAD knows no ranges", [first(FRESH, body=b"0123456789"), again(HIT, {"range": "bytes=0-1"}, method="HEAD", status=200)]),
    ("14.2 a range of what is not kept fetches all, for all",
     [Step(MISS, {"range": "bytes=2-4"}, Answer(FRESH, body=b"0123456789"), status=206, body_is=b"234", without="range"), again(HIT, body_is=b"0123456789")]),
    ("13.1.5 If-Range that holds", [first({**FRESH, "etag": TAG}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-range": TAG}, status=206, body_is=b"234")]),
    ("13.1.5 If-Range that does not", [first({**FRESH, "etag": TAG}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-range": '"two"'}, body_is=b"0123456789")]),
    ("13.1.5 a weak tag in If-Range does not", [first({**FRESH, "etag": 'W/"w"'}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-range": 'W/"w"'}, body_is=b"0123456789")]),
    ("13.2.2 a condition stands before a range", [first({**FRESH, "etag": TAG}, body=b"0123456789"), again(HIT, {"range": "bytes=2-4", "if-none-match": TAG}, status=304)]),
    # RFC 5861.
    ("5861-3 stale-while-revalidate that is over",
     [first({"cache-control": "max-age=10, stale-while-revalidate=5", "age": "20", "etag": TAG}), again(VALIDATED, say=modified(etag=TAG))]),
    ("5861-4 stale-if-error", [first({"cache-control": "max-age=10, stale-if-error=100", "age": "20", "etag": TAG}),
                               again(VALIDATED, say=Answer({}, 503), status=200)]),
    ("5861-4 stale-if-error that is over", [first({"cache-control": "max-age=10, stale-if-error=5", "age": "20", "etag": TAG}),
                                            again(VALIDATED, say=Answer({}, 503), status=503, new=True)]),
    ("5861-4 must-revalidate forbids it", [first({"cache-control": "max-age=10, stale-if-error=100, must-revalidate", "age": "20", "etag": TAG}),
                                           again(VALIDATED, say=Answer({}, 503), status=503, new=True)]),
    ("5861-4 a 404 is no error", [first({"cache-control": "max-age=10, stale-if-error=100", "age": "20", "etag": TAG}),
                                  again(VALIDATED, say=Answer({}, 404), status=404, new=True)]),
    # RFC 9213.
    ("9213 the targeted field stands in the place of Cache-Control", [first({"cdn-cache-control": "max-age=100", "cache-control": "no-store"}), again(HIT)]),
    ("9213 and of Expires", [first({"cdn-cache-control": "max-age=0", "expires": date(100)}), again(MISS)]),
    ("9213 one that is broken does not", [first({"cdn-cache-control": "max-age=100, , =", "cache-control": "no-store"}), again(MISS)]),
    ("9213 an empty one does not", [first({"cdn-cache-control": "", "cache-control": "max-age=100"}), again(HIT)]),
    ("9213 no-store there", [first({"cdn-cache-control": "no-store", "cache-control": "max-age=100"}), again(MISS)]),
    ("9213 the field goes on", [first({"cdn-cache-control": "max-age=100"}), again(HIT, cdn_cache_control="max-age=100")]),
    # RFC 9211.
    ("9211 a hit", [first(FRESH, asked=()), again(HIT, cache_status="portcullis; hit; ttl=100")]),
    ("9211 a miss is told", [Step(MISS, (), Answer(FRESH), cache_status="portcullis; fwd=uri-miss; fwd-status=200; ttl=100; stored")]),
    ("9211 those of others stay before", [first({**FRESH, "cache-status": "other; hit"}), again(HIT, cache_status="other; hit, portcullis; hit; ttl=100")]),
    ("9211 a validation", [first(TAGGED), again(VALIDATED, say=modified(etag=TAG, cache_control="max-age=50", age="0"),
                                                cache_status="portcullis; fwd=stale; fwd-status=304; ttl=50; stored")]),
    ("9211 a bypass", [first(FRESH, asked={"cache-control": "no-store"}), again(MISS, {"cache-control": "no-store"}, cache_status="portcullis; fwd=bypass")]),
    ("9211 a method", [Step(MISS, (), Answer({}), method="POST", body=b"x", cache_status="portcullis; fwd=method")]),
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
