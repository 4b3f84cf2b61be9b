"""What Prometheus and log collectors get."""

from tests.fixtures.running import RATE, Running, log_lines, until
from tests.fixtures.sounds import encoded, sine


def test_figures_are_by_route_and_never_by_path(client, service: Running):
    sound = encoded(sine(440, 1.0, RATE), RATE)
    client.post("/model/predict-files", params={"model_ckpt_path": "production"}, files=[("audio_files", ("a.wav", sound))])
    for place in range(50):
        client.get(f"/made/up/{place}")
    figures = client.get("/metrics").text
    assert 'timbre_requests_total{method="POST",route="/model/predict-files",status="200"}' in figures
    assert 'timbre_clips_total{model="small@' in figures
    assert "timbre_batch_clips_bucket" in figures
    assert "made" not in figures


def test_each_request_has_a_line_with_its_id(client, service: Running):
    answer = client.get("/models", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    line = until(lambda: next((line for line in log_lines(service.home) if line["request_id"] == "mine-1"), None))
    assert (line["status"], line["caller"], line["message"]) == (200, "admin", "GET /models")


def test_an_id_that_could_break_a_log_is_replaced(client):
    assert client.get("/models", headers={"X-Request-ID": "a b{}"}).headers["x-request-id"] != "a b{}"
