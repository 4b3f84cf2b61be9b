"""Requests that no honest client sends: each is refused in the API's own words, and none leaves a mark."""

import json

import pytest

from tests.fixtures.besieged import DIRECTORY, FORM, JSON, PREDICT, ask, connected, file, form, head, received, send
from tests.fixtures.running import Running

TRAVERSALS = [
    "../../../etc/passwd",
    "/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "clips/../../timbre.db",
    "file:///etc/passwd",
    "~root/.ssh/id_rsa",
]
TEST = "/model/test-directory?model_ckpt_path=production"
JOBS = "/api/v1/training-jobs"


def job(override: str) -> bytes:
    return json.dumps({"config": "sample", "overrides": [override]}).encode()


BODIES = {  # name -> (path, headers, body, statuses)
    "nested arrays": (DIRECTORY, JSON, b"[" * 500_000, {400}),
    "nested and closed": (DIRECTORY, JSON, b"[" * 100_000 + b"]" * 100_000, {400}),
    "nested objects": (JOBS, JSON, b'{"config":"sample","overrides":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", {400, 422}),
    "a number of 100,000 digits": (DIRECTORY, JSON, b"[" + b"9" * 100_000 + b"]", {400, 422}),
    "not a number": (DIRECTORY, JSON, b"[NaN, Infinity]", {422}),
    "half a surrogate pair": (DIRECTORY, JSON, rb'["\ud800"]', {422}),
    "no UTF-8": (DIRECTORY, JSON, b'["\xff\xfe"]', {400}),
    "a control character": (DIRECTORY, JSON, rb'["a\u0000b"]', {400}),
    "an object for an array": (DIRECTORY, JSON, b'{"0": "clips"}', {422}),
    "100,000 paths": (DIRECTORY, JSON, json.dumps(["x"] * 100_000).encode(), {422}),
    "a path of 100,000 characters": (DIRECTORY, JSON, json.dumps(["x" * 100_000]).encode(), {422}),
    "2 MiB of JSON": (DIRECTORY, JSON, b'["' + b"x" * 2**21 + b'"]', {413}),
    "no JSON at all": (DIRECTORY, JSON, b"hello", {422}),
    "an empty body": (DIRECTORY, JSON, b"", {422}),
    "another type": (DIRECTORY, {"Content-Type": "text/plain"}, b'["clips"]', {422}),
    "audio without a form": (PREDICT, {"Content-Type": "audio/wav"}, b"RIFF", {415}),
    "no boundary": (PREDICT, {"Content-Type": "multipart/form-data"}, b"x", {400}),
    "a boundary of 5,000 characters": (PREDICT, {"Content-Type": "multipart/form-data; boundary=" + "y" * 5000}, b"x", {400}),
    "a boundary of strange bytes": (PREDICT, {"Content-Type": b"multipart/form-data; boundary=\xff\xfe"}, b"x", {400}),
    "another boundary": (PREDICT, FORM, form([(file(b"a.wav"), b"x")]).replace(b"BB", b"CC"), {400}),
    "a form cut short": (PREDICT, FORM, form([(file(b"a.wav"), b"x")], end=b"--BB"), {400}),
    "10,000 files": (PREDICT, FORM, form([(file(b"a.wav"), b"x")] * 10_000), {413}),
    "10,000 other parts": (PREDICT, FORM, form([(b'Content-Disposition: form-data; name="x"', b"x")] * 10_000), {413}),
    "10,000 headers in a part": (PREDICT, FORM, form([(b"\r\n".join(b"X-%d: y" % n for n in range(10_000)), b"x")]), {400}),
    "no file": (PREDICT, FORM, form([(b'Content-Disposition: form-data; name="audio_files"', b"x")]), {422}),
    "a file's name of 7,000 characters": (PREDICT, FORM, form([(file(b"n" * 7000), b"x")]), {400}),
    "a file's name with control characters": (PREDICT, FORM, form([(file(b"a\0b\x07\xff.wav"), b"x")]), {400}),
    "a gzip body": (DIRECTORY, {**JSON, "Content-Encoding": "gzip"}, b"\x1f\x8b\x08" + b"\0" * 1000, {400, 415, 422}),
    "YAML that makes objects": (
        JOBS,
        JSON,
        json.dumps({"config": "sample", "overrides": ["training.seed=!!python/name:os.system"]}).encode(),
        {400},
    ),
    "YAML that multiplies": (JOBS, JSON, job(f"training.seed=[&a [{'x,' * 9}x],&b [{'*a,' * 9}*a],&c [{'*b,' * 9}*b]]"), {400}),
    "YAML that nests": (JOBS, JSON, job("training.seed=" + "[" * 5000), {400}),
}

CHUNKED = b"POST /models HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
LINES = {  # name -> (what is sent, statuses; 0 is a connection that just ends)
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00" * 10, {400}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "a made-up method": (b"FETCH /models HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "a negative length": (b"POST /models HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", {400}),
    "two lengths": (b"POST /models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", {400}),
    "a length and chunks": (
        b"POST /models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
        {400},
    ),
    "a length past all numbers": (b"POST /models HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", {400}),
    "an endless header": (b"GET /models HTTP/1.1\r\nX-A: " + b"y" * 2**20, {431}),
    "a million headers": (b"GET /models HTTP/1.1\r\n" + b"X-A: y\r\n" * 10**6, {431}),
    "an endless address": (b"GET /" + b"y" * 2**20, {431}),
    "a million trailers": (CHUNKED + b"0\r\n" + b"X-A: y\r\n" * 10**6, {401, 431}),
    "an endless trailer": (CHUNKED + b"0\r\nX-A: " + b"y" * 2**20, {401, 431}),
    "an endless extension of a chunk": (CHUNKED + b"1;" + b"y" * 2**20, {401, 431}),
    "a key of strange bytes": (b"GET /models HTTP/1.1\r\nHost: localhost\r\nX-API-Key: \xff\xfe\x01\r\n\r\n", {400, 401}),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_wrong_body_is_refused(besieged: Running, name):
    path, headers, body, statuses = BODIES[name]
    answer = ask(besieged, "POST", path, headers, body)
    assert answer.status in statuses, answer
    assert answer.headers["content-type"] == "application/json"
    assert answer.detail


@pytest.mark.parametrize("name", LINES)
def test_what_is_hardly_http_is_refused(besieged: Running, name):
    sent, statuses = LINES[name]
    answer = send(besieged, sent)
    assert answer.status in statuses, answer
    assert answer.detail


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_wrong_method_is_405_in_the_apis_own_shape(besieged: Running, method):
    answer = ask(besieged, method, PREDICT)
    assert (answer.status, answer.headers["allow"], answer.detail) == (405, "POST", "this route takes another method: /docs lists them")


@pytest.mark.parametrize(
    "path", ["/nope", "/schema.json", "/docs.json", "/a%0ab", "//models", "/static_content/x.js", "/%ff%fe", "/api/v1/x"]
)
def test_an_unknown_path_is_404_in_the_apis_own_shape(besieged: Running, path):
    answer = ask(besieged, "GET", path)
    assert (answer.status, answer.detail) == (404, "there is no such route: /docs lists them")
    assert answer.headers["x-request-id"]  # it came through the gate


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_field_leads_out_of_the_data_folders(besieged: Running, path):
    told = json.dumps(path).encode()
    asked = [
        ask(besieged, "POST", DIRECTORY, JSON, b"[" + told + b"]"),
        ask(besieged, "POST", DIRECTORY, JSON, json.dumps([f"s3://bucket/{path}"]).encode()),
        ask(besieged, "POST", TEST, JSON, b'[{"dataset_type": "csv", "dataset_path": ' + told + b"}]"),
        ask(besieged, "POST", TEST, JSON, b'[{"dataset_type": ' + told + b', "dataset_path": "clips"}]'),
        ask(besieged, "POST", f"/model/predict-directory?model_ckpt_path={path}", JSON, b'["clips"]'),
        ask(besieged, "GET", f"/api/v1/models/{path.replace('/', '%2f')}"),
        ask(besieged, "POST", JOBS, JSON, b'{"config": ' + told + b"}"),
        ask(
            besieged,
            "POST",
            JOBS,
            JSON,
            json.dumps({"config": "sample", "overrides": {"data.train": [{"type": "csv", "path": path}]}}).encode(),
        ),
        ask(besieged, "POST", PREDICT, FORM, form([(file(path.encode()), b"x")])),
    ]
    assert {answer.status for answer in asked} <= {400, 403, 404, 422}, [answer.status for answer in asked]
    assert not any(b"root:" in answer.body for answer in asked)


def test_a_csv_names_no_file_outside(besieged: Running):
    rows = ["file,low,mid,high", *(f"{path},1,0,0" for path in TRAVERSALS)]
    for number, row in enumerate(rows[1:]):
        (besieged.home / "data" / "evil.csv").write_text(f"{rows[0]}\n{row}\n")
        answer = ask(besieged, "POST", TEST, JSON, b'[{"dataset_type": "csv", "dataset_path": "evil.csv"}]')
        assert answer.status in (400, 404), (number, answer)
    (besieged.home / "data" / "evil.csv").unlink()


def test_an_early_refusal_reaches_a_client_that_is_still_sending(besieged: Running):
    start = head(besieged, "POST", DIRECTORY, JSON, 8 * 2**20)
    with connected(besieged) as line:
        line.sendall(start)
        for _ in range(8):
            line.sendall(b"x" * 2**20)
        assert received(line).status == 413
