import pytest
import torch
from torch import nn

from components.config import Config, ModelConfig
from components.errors import ConfigError
from components.network import Network, build_network
from components.store import Store
from components.training.layers import after, freeze, still


@pytest.fixture(scope="module")
def network(config: Config, store: Store) -> Network:
    return build_network(config.feature, config.model, config.windows, store.sample_rate, store.manifest.label_set)


def learning(network: Network, layer: str | None) -> set[str]:
    freeze(network, after(network, layer), set(network.parameters()))
    found = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    network.requires_grad_(True)
    return found


def test_the_classifier_is_the_head(network: Network) -> None:
    assert learning(network, "classifier") == {name for name, _ in network.named_parameters() if name.startswith("head.")}
    assert learning(network, "classifier")


def test_after_a_layer_comes_what_follows_it_and_not_itself(network: Network) -> None:
    found = learning(network, "layers.3")
    assert {name.rsplit(".", 1)[0].split(".body")[0].split(".shortcut")[0] for name in found if name.startswith("backbone")} == {
        "backbone.layers.4"
    }
    assert learning(network, "classifier") < found


def test_after_nothing_comes_everything(network: Network) -> None:
    assert learning(network, None) == {name for name, _ in network.named_parameters()}


def test_what_a_backbone_froze_itself_stays_frozen(network: Network) -> None:
    stem = network.get_parameter("backbone.layers.0.weight")
    freeze(network, after(network, None), set(network.parameters()) - {stem})
    assert not stem.requires_grad
    network.requires_grad_(True)


def test_frozen_batch_norms_keep_their_statistics(network: Network) -> None:
    network.train()
    still(network, after(network, "classifier"))
    norm = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    before = norm.running_mean.clone()
    network(torch.randn(4, 4000))
    assert torch.equal(norm.running_mean, before)
    assert network.head.training
    network.train()
    network(torch.randn(4, 4000))
    assert not torch.equal(norm.running_mean, before)


def test_a_wrong_name_lists_the_layers(network: Network) -> None:
    with pytest.raises(
        ConfigError, match=r"this model has no layer 'clasifier' \(did you mean 'classifier'\?\); its layers are: layers, .*classifier"
    ):
        after(network, "clasifier")


def test_timm_names_are_timms(config: Config, store: Store) -> None:
    model = ModelConfig(name="MOBILENET_V3_LARGE")
    network = build_network(config.feature, model, config.windows, store.sample_rate, store.manifest.label_set)
    found = learning(network, "blocks.5")
    assert any(name.startswith("backbone.trunk.blocks.6") for name in found)
    assert not any(name.startswith(("backbone.trunk.blocks.5", "backbone.trunk.conv_stem")) for name in found)


def test_a_layer_of_side_by_side_trunks_is_one_of_each(config: Config, store: Store) -> None:
    network = build_network(config.feature, ModelConfig(name="MOBNET"), config.windows, store.sample_rate, store.manifest.label_set)
    found = learning(network, "blocks.4")
    assert {name.split(".")[2] for name in found if name.startswith("backbone.trunks")} == {"0", "1", "2"}
