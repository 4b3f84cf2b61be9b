import pytest

from timbre.cli.arguments import spread


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("train --train-paths A B --lr 3", "train --train-paths A --train-paths B --lr 3"),
        ("train --train_paths A B", "train --train-paths A --train-paths B"),
        ("train --train-paths=A B", "train --train-paths=A --train-paths B"),
        ("train --aug-kwargs x=-1,2 y=3 --quick", "train --aug-kwargs x=-1,2 --aug-kwargs y=3 --quick"),
        ("train --augmentations --lr 3", "train --augmentations --lr 3"),
        ("train -lr-warmup 5e-5 -h", "train --lr-warmup 5e-5 -h"),
        ("train --lr -3", "train --lr -3"),
        ("train --augmentations A -- --b c", "train --augmentations A -- --b c"),
        ("compare A B --dataset-paths x y", "compare A B --dataset-paths x --dataset-paths y"),
        ("predict --json a b", "predict --json a b"),
        ("predict -x.wav", "predict -x.wav"),
        ("", ""),
    ],
)
def test_several_values_after_one_flag(typed: str, given: str) -> None:
    assert spread(typed.split()) == given.split()
