"""Layers by name: `classifier` everywhere, the backbone's own, and a list where the name is wrong."""

from types import SimpleNamespace

import pytest
from torch import nn

from components.errors import ConfigError
from components.models import MODELS, build_backbone
from components.models.layers import layers, resolve
from tests.components.models.shrunk import made


def network(name, **params):
    return SimpleNamespace(backbone=made(name, **params), head=nn.Linear(2, 2))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_backbone_lists_layers_that_resolve(name):
    parts = network(name)
    names = layers(parts)

    assert names[-1] == "classifier"
    assert len(names) == len(set(names)) >= 4
    assert resolve(parts, "classifier") == (parts.head,)
    for layer in names[:-1]:
        modules = resolve(parts, layer)
        assert modules
        assert set(modules) <= set(parts.backbone.modules())


def test_a_block_of_resnext():
    parts = SimpleNamespace(
        backbone=build_backbone("RESNEXT50_32X4D", {"width": 0.25}, in_channels=1, pretrained="none"), head=nn.Linear(2, 2)
    )

    assert "layer3.2" in layers(parts)
    assert resolve(parts, "layer3.2") == (parts.backbone.trunk.layer3[2],)
    assert resolve(parts, "layer3.2.conv1") == (parts.backbone.trunk.layer3[2].conv1,)


def test_a_name_stands_for_that_layer_of_every_trunk():
    parts = network("MOBNET")
    assert resolve(parts, "blocks.2") == tuple(trunk.trunk.blocks[2] for trunk in parts.backbone.trunks)


@pytest.mark.parametrize("wrong", ["layer3.2", "", "trunk", "stages.9"])
def test_a_wrong_name_lists_the_layers(wrong):
    with pytest.raises(
        ConfigError, match=rf"training.head_after: this model has no layer '{wrong}'.*layers are: stem, .*stages.3, classifier"
    ):
        resolve(network("CONVNEXT_TINY"), wrong, "training.head_after")
