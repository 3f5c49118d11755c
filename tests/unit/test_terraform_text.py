import pytest

from constructs_lib.terraform_text import literal


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("${HOME}", "$${HOME}"),
        ("%{http_code}", "%%{http_code}"),
        ("$HOME 5 % {a} $(b) $", "$HOME 5 % {a} $(b) $"),
        ("$${a}", "$$${a}"),  # Terraform reads $${ as ${, and leaves the $ before it
    ],
)
def test_what_would_begin_an_expression_does_not(text: str, template: str) -> None:
    assert literal(text) == template
