"""The tagger folder: what is written, and that nothing can be changed unnoticed."""

import hashlib
import json
import shutil

import pytest
import torch

from components.errors import TaggerError
from components.tagger import Tagger, TaggerSettings, attach, seal


def rewrite(sealed, **changes):
    path = sealed / "tagger.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


class TestSeal:
    def test_the_folder_describes_itself(self, sealed, settings):
        about = json.loads((sealed / "tagger.json").read_text())

        assert sorted(path.name for path in sealed.iterdir()) == ["model.safetensors", "tagger.json"]
        assert about["format_version"] == 1
        assert about["label_set"]["labels"][0] == {"code": "low", "full_name": "low", "family": "other"}
        assert about["windows"] == {"length_s": 1.0, "hop_s": 0.4, "pooling": "MEAN"}
        assert about["files"]["model.safetensors"] == hashlib.sha256((sealed / "model.safetensors").read_bytes()).hexdigest()
        assert about["data_digest"] == "d" * 64

    def test_the_same_network_has_the_same_digest(self, sealed, network, settings, tmp_path):
        again = seal(tmp_path / "again", network, settings)
        assert Tagger.open(again).digest == Tagger.open(sealed).digest == hashlib.sha256((sealed / "tagger.json").read_bytes()).hexdigest()

    def test_round_trip(self, sealed, network, settings):
        tagger = Tagger.open(sealed)

        assert TaggerSettings.model_validate(tagger.settings.model_dump(exclude={"files", "format_version"})) == settings
        assert tagger.name == "small"
        assert tagger.label_set == settings.label_set
        assert tagger.thresholds.tolist() == [0.5, 0.25, 0.75]
        assert tagger.about["format_version"] == 1
        ours, theirs = tagger.network.state_dict(), network.state_dict()
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)

    def test_a_folder_is_never_overwritten(self, sealed, network, settings):
        with pytest.raises(TaggerError, match="exists: a sealed tagger is never changed"):
            seal(sealed, network, settings)

    def test_a_failure_leaves_nothing_behind(self, network, settings, tmp_path, monkeypatch):
        def full(*args):
            raise OSError("no space left")

        monkeypatch.setattr("components.tagger.folder.write_json", full)
        with pytest.raises(OSError, match="no space"):
            seal(tmp_path / "small", network, settings)
        assert list(tmp_path.iterdir()) == []

    def test_onnx_needs_its_file(self, network, settings, tmp_path):
        with pytest.raises(ValueError, match="engine onnx needs a file"):
            seal(tmp_path / "small", network, settings.model_copy(update={"engine": "onnx"}))

    def test_a_threshold_a_label(self, settings):
        with pytest.raises(ValueError, match="1 thresholds for 3 labels"):
            TaggerSettings.model_validate({**dict(settings), "thresholds": (0.5,)})


class TestTampering:
    def test_changed_weights(self, sealed):
        data = bytearray((sealed / "model.safetensors").read_bytes())
        data[-1] ^= 1
        (sealed / "model.safetensors").write_bytes(data)
        with pytest.raises(TaggerError, match=r"model\.safetensors is damaged, its sha256 .* take the tagger from its origin again"):
            Tagger.open(sealed)

    @pytest.mark.parametrize("name", ["tagger.json", "model.safetensors"])
    def test_a_missing_file(self, sealed, name):
        (sealed / name).unlink()
        with pytest.raises(TaggerError, match=f"cannot read .*{name} .No such file or directory.: name a tagger folder that is complete"):
            Tagger.open(sealed)

    def test_another_tagger_than_expected(self, sealed):
        digest = Tagger.open(sealed).digest
        rewrite(sealed, thresholds=[0.0, 0.0, 0.0])
        with pytest.raises(TaggerError, match=f"is not tagger {digest[:8]}"):
            Tagger.open(sealed, digest=digest)

    @pytest.mark.parametrize("version", [0, 2, "1", None])
    def test_another_format_version(self, sealed, version):
        rewrite(sealed, format_version=version)
        with pytest.raises(TaggerError, match=r"format_version .* and this Timbre reads 1: open it with the Timbre that wrote it"):
            Tagger.open(sealed)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"files": {"../model.safetensors": "0" * 64}}, "files"),
            ({"files": {"/etc/passwd": "0" * 64}}, "files"),
            ({"files": {"model.safetensors": "not a hash"}}, "files"),
            ({"files": {}}, "engine torch needs a file that is not listed"),
            ({"engine": "onnx"}, "engine onnx needs a file that is not listed"),
            ({"thresholds": [0.5]}, "1 thresholds for 3 labels"),
            ({"sample_rate": -1}, "sample_rate"),
            ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ],
    )
    def test_a_tagger_json_that_makes_no_sense(self, sealed, changes, said):
        rewrite(sealed, **changes)
        with pytest.raises(TaggerError, match=said):
            Tagger.open(sealed)

    @pytest.mark.parametrize("text", ["", "{", "[]", "nothing", '"\ud83d'.encode("utf-8", "surrogatepass")])
    def test_a_tagger_json_that_is_none(self, sealed, text):
        (sealed / "tagger.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(TaggerError, match=r"tagger\.json (is not JSON|holds no JSON object)"):
            Tagger.open(sealed)

    def test_weights_of_another_network(self, sealed):
        rewrite(sealed, model={**json.loads((sealed / "tagger.json").read_text())["model"], "params": {"widths": [8, 8]}})
        with pytest.raises(TaggerError, match=r"model\.safetensors does not fit"):
            Tagger.open(sealed)

    @pytest.mark.parametrize("name", ["model.pt", "run.py", ".hidden", "model.onnx"])
    def test_an_unknown_file(self, sealed, name):
        (sealed / name).write_bytes(b"x")
        with pytest.raises(TaggerError, match=rf"{name} does not belong to the tagger: remove it, or attach it"):
            Tagger.open(sealed)

    def test_an_unknown_folder(self, sealed):
        (sealed / "more").mkdir()
        with pytest.raises(TaggerError, match="more does not belong"):
            Tagger.open(sealed)

    def test_a_link_is_no_file(self, sealed, tmp_path):
        shutil.move(sealed / "model.safetensors", tmp_path / "elsewhere")
        (sealed / "model.safetensors").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(TaggerError, match="is no regular file"):
            Tagger.open(sealed)

    def test_no_folder_at_all(self, tmp_path):
        with pytest.raises(TaggerError, match=r"cannot read .*nowhere/tagger\.json"):
            Tagger.open(tmp_path / "nowhere")


class TestAttachments:
    def test_they_lie_outside_the_digest(self, sealed, tmp_path):
        digest = Tagger.open(sealed).digest
        (tmp_path / "README.md").write_text("# small")
        attach(sealed, "card.json", b"{}")
        attach(sealed, "README.md", tmp_path / "README.md")

        assert Tagger.open(sealed).digest == digest
        assert sorted(json.loads((sealed / "attachments.json").read_text())) == ["README.md", "card.json"]
        assert (sealed / "README.md").read_text() == "# small"

    def test_one_is_replaced(self, sealed):
        attach(sealed, "card.json", b"{}")
        attach(sealed, "card.json", b'{"f1": 1}')

        Tagger.open(sealed)
        assert (sealed / "card.json").read_bytes() == b'{"f1": 1}'

    def test_nothing_else_is_left_behind(self, sealed):
        attach(sealed, "card.json", b"{}")
        assert sorted(path.name for path in sealed.parent.iterdir()) == ["small"]

    @pytest.mark.parametrize("change", ["write_bytes", "unlink"])
    def test_tampering(self, sealed, change):
        attach(sealed, "card.json", b"{}")
        (sealed / "card.json").unlink() if change == "unlink" else (sealed / "card.json").write_bytes(b"[]")
        with pytest.raises(TaggerError, match=r"card\.json"):
            Tagger.open(sealed)

    @pytest.mark.parametrize(
        "name", ["../card.json", "a/b", "", ".", "..", "tagger.json", "model.onnx", "attachments.json", ".card", "a\0b"]
    )
    def test_names_that_lead_elsewhere(self, sealed, name):
        with pytest.raises(TaggerError, match="choose a plain file name"):
            attach(sealed, name, b"")

    @pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "tagger.json"])
    def test_a_list_that_leads_elsewhere(self, sealed, name):
        (sealed / "attachments.json").write_text(json.dumps({name: "0" * 64}))
        with pytest.raises(TaggerError, match="is no attachment's name"):
            Tagger.open(sealed)

    def test_a_tagger_is_needed(self, tmp_path):
        with pytest.raises(TaggerError, match=r"cannot read .*tagger\.json"):
            attach(tmp_path, "card.json", b"{}")
