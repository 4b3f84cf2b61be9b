"""timbre.Client and timbre.AsyncClient against the real service: each method, both ways."""

import inspect
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import ConfigError, DataError
from tests.fixtures.running import CODES, RATE, Running
from tests.fixtures.sounds import encoded, sine
from timbre.client import (
    AsyncClient,
    Client,
    Clip,
    Forbidden,
    Invalid,
    NoAnswer,
    NotFound,
    ServiceError,
    Unauthorized,
)

SOUND = encoded(sine(440, 1.2, RATE), RATE)
NAMES = ["0", "1", "2", "one"]


def test_both_have_the_same_methods_with_the_same_parameters():
    def methods(kind: type) -> dict[str, list[str]]:
        named = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
        return {name: list(inspect.signature(value).parameters) for name, value in named.items()}

    assert methods(Client) == methods(AsyncClient)
    assert list(inspect.signature(Client.predict).parameters) == ["self", "files", "model", "scores"]
    assert "Hear files of this machine" in str(Client.predict.__doc__)


def test_what_there_is(timbre: Client):
    assert timbre.models()[0] == "production"
    assert "irmastest" in timbre.dataset_types()


def test_files_as_paths_bytes_and_open_files(timbre: Client, service: Running):
    path = service.home / "data" / "clips" / "0.wav"
    with path.open("rb") as file:
        clips = timbre.predict([path, str(path), path.read_bytes(), file, io.BytesIO(path.read_bytes())], scores=True)
    assert [clip.name for clip in clips] == [str(path), str(path), "clip 2", str(path), "clip 4"]
    assert all(clip.labels == clips[0].labels and clip.error is None for clip in clips)
    assert list(clips[0].labels) == CODES
    assert set(timbre.predict(path)[0].labels.values()) <= {0, 1}


def test_a_pipe_is_sent_too(timbre: Client):
    reading, writing = os.pipe()
    with open(writing, "wb") as end:  # noqa: PTH123 - a descriptor is no path
        end.write(SOUND)
    with open(reading, "rb") as pipe:  # noqa: PTH123
        assert timbre.predict([pipe])[0].labels == timbre.predict(SOUND)[0].labels


def test_a_file_that_cannot_be_read_has_its_error(timbre: Client, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("no audio")
    heard, failed = timbre.predict([SOUND, tmp_path / "notes.txt"])
    assert heard.error is None
    assert failed.labels == {}
    assert failed.error is not None
    assert failed.error.startswith("notes.txt is no audio")


def test_more_files_than_a_process_may_open_at_a_time(timbre: Client, tmp_path: Path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for place in range(60):
        (tmp_path / f"{place}.wav").write_bytes(SOUND)
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, hard))
    try:
        clips = timbre.predict(sorted(tmp_path.glob("*.wav")))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(clips) == 60
    assert all(clip.labels == clips[0].labels for clip in clips)


def test_a_folder_of_the_service_at_once_and_as_a_stream(timbre: Client):
    clips = timbre.predict_directory(["clips"], scores=True)
    assert [clip.name for clip in clips] == NAMES
    stream = timbre.stream_directory(["clips"], scores=True)
    assert list(stream) == clips
    assert list(stream) == []  # once through


def test_a_stream_can_be_left_and_fails_where_it_is_first_asked(timbre: Client):
    stream = timbre.stream_directory(["clips"])
    assert isinstance(next(stream), Clip)
    stream.close()
    assert list(stream) == []
    lost = timbre.stream_directory(["nowhere"])
    with pytest.raises(NotFound):
        next(lost)


def test_a_test_at_once_and_as_a_stream(timbre: Client):
    whole = timbre.test([("csv", "labels.csv")], label_metrics=True)
    assert whole.f1 is not None
    assert set(whole.label_metrics) >= {"instruments/low_f1", "instruments/high_accuracy"}
    assert [clip.name for clip in whole.clips] == NAMES
    stream = timbre.stream_test([("csv", "labels.csv")], label_metrics=True)
    assert tuple(stream) == whole.clips
    assert stream.result is not None
    assert (stream.result.f1, stream.result.label_metrics) == (whole.f1, whole.label_metrics)
    assert timbre.test([("", "clips")]).f1 is None


def test_errors_have_their_class_status_and_request(timbre: Client, service: Running):
    with pytest.raises(NotFound, match=r"404: .*nosuch") as missing:
        timbre.predict(SOUND, model="nosuch@12345678")
    assert missing.value.request_id is not None
    assert len(missing.value.request_id) == 32
    with pytest.raises(Invalid, match=r"body\.models") as invalid:
        timbre.compare(["production"])
    assert invalid.value.problems[0]["loc"] == ["body", "models"]
    with pytest.raises(ServiceError) as bad:
        timbre.predict(b"no audio")
    assert bad.value.status == 400
    with pytest.raises(NotFound):
        timbre.model("a/b?c#d")
    with pytest.raises(DataError, match="names nothing"):
        timbre.promote("..")


def test_the_key_is_taken_from_the_environment(service: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIMBRE_API_KEY", f"{service.keys['predict']}\n")
    with Client(service.url) as client:
        assert client.predict(SOUND)
        with pytest.raises(Forbidden):
            client.test([("", "clips")])
    with Client(service.url, api_key="") as client, pytest.raises(Unauthorized):
        client.models()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda client, _: client.predict("nosuch.wav"), "'nosuch.wav' is no file"),
        (lambda client, _: client.predict(""), "'' is no file"),
        (lambda client, folder: client.predict(folder), "is a folder: name the files in it"),
        (lambda client, _: client.predict([]), "no files to send"),
        (lambda client, _: client.predict(None), "'None' is no file that can be sent"),
        (lambda client, _: client.predict([1]), "'1' is no file that can be sent"),
        (lambda client, _: client.predict(io.StringIO("text")), "opened in binary mode"),
        (lambda client, _: client.predict_directory("clips"), "in brackets"),
        (lambda client, _: client.predict_directory([]), "there are no paths"),
        (lambda client, _: client.stream_directory([]), "there are no paths"),
        (lambda client, _: client.test([]), "nothing to test on"),
        (lambda client, _: client.test(["labels.csv"]), r"a list of \(type, path\)"),
        (lambda client, _: client.test("csv:labels.csv"), r"a list of \(type, path\)"),
    ],
)
def test_input_that_cannot_be_is_refused_before_it_is_sent(ask, said, tmp_path: Path):
    with Client() as client, pytest.raises(DataError, match=said) as raised:
        ask(client, tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_someone_else(tmp_path: Path):
    (tmp_path / "a.wav").write_bytes(SOUND)
    (tmp_path / "a.wav").chmod(0)
    with Client() as client, pytest.raises(DataError, match="may not be read"):
        client.predict(tmp_path / "a.wav")


@pytest.mark.parametrize("url", ["localhost:8090", "http://", "http://localhost:abc", "http://local host", "ftp://host", "", "http://a?b"])
def test_what_is_no_address(url: str):
    with pytest.raises(ConfigError, match="is no address of a service"):
        Client(url)


def test_nobody_answers():
    with pytest.raises(ConfigError, match="characters that no key has"):
        Client(api_key="a\nb")
    with Client("http://127.0.0.1:9", retries=1, backoff_s=0) as client, pytest.raises(NoAnswer, match="in 2 tries"):
        client.models()


def test_a_path_too_many_in_the_address(service: Running):
    with Client(f"{service.url}/api", service.keys["admin"]) as client, pytest.raises(NotFound, match="404: there is no such route"):
        client.models()


def test_neither_torch_nor_pandas_nor_the_key_shows():
    code = "import sys, timbre; c = timbre.Client(api_key='secret'); print(c, c._settings, *{'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Client object" in done.stdout
    assert not any(word in done.stdout for word in ("secret", "torch", "pandas"))
