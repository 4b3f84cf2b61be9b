import numpy as np
import pytest

from components.errors import ConfigError, DataError
from components.labels import IRMAS, OPENMIC, from_codes, label_set


def test_irmas_has_eleven_labels_in_the_published_order() -> None:
    assert IRMAS.codes == ("cel", "cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio", "voi")
    assert IRMAS.labels[4].full_name == "electric_guitar"
    assert IRMAS.labels[5].family == "brass"


def test_openmic_has_twenty_labels_in_alphabetical_order() -> None:
    assert len(OPENMIC) == 20
    assert list(OPENMIC.codes) == sorted(OPENMIC.codes)


def test_a_vector_has_ones_at_the_codes() -> None:
    np.testing.assert_array_equal(np.flatnonzero(IRMAS.vector(["gel", "cel"])), [0, 4])


def test_a_label_outside_the_set_names_file_line_and_nearest() -> None:
    with pytest.raises(DataError, match=r"a\.txt:2: label 'gell' is not in IRMAS \(did you mean 'gel'\?\)"):
        IRMAS.check("gell", "a.txt:2")


def test_a_users_own_labels_keep_their_order() -> None:
    assert from_codes(["dog", "cat"], "pets").codes == ("dog", "cat")


def test_twice_the_same_code_is_an_error() -> None:
    with pytest.raises(ConfigError, match="names dog twice"):
        from_codes(["dog", "dog"])


def test_an_unknown_set_prints_the_menu() -> None:
    with pytest.raises(ConfigError, match="choose one of: IRMAS, IRMAS_OPENMIC, OPENMIC"):
        label_set("irma")
