"""The names that the register step gives in ZenML."""

from steps.register import version_name


def test_a_digest_of_digits_alone_is_still_a_name() -> None:
    name = version_name("12345678" + "0" * 56)
    assert name == "sha256-12345678"
    assert not name.isnumeric()
