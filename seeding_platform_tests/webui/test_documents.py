"""What a document asks for, whatever it looks like."""

import pytest
from graphql import parse, print_ast
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.webui.documents import Unreadable, asked

NAMES = st.sampled_from(["a", "b", "deleteRun", "wipeAssets", "version", "x"])


@st.composite
def documents(draw):
    """(text, fields that its mutations call): operations in any order, each field behind any number of fragments, aliases and directives."""
    called, parts = set(), []
    for n in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["query", "mutation", "subscription"]))
        body = []
        for _ in range(draw(st.integers(1, 4))):
            name = draw(NAMES)
            field = (f"{draw(NAMES)}: " if draw(st.booleans()) else "") + name + draw(st.sampled_from(["", "(a: 1)", " @skip(if: true)", " { id }"]))
            for depth in range(draw(st.integers(0, 3))):
                if draw(st.booleans()):
                    field = f"... {{ {field} }}"
                else:
                    label = f"F{len(parts)}_{n}_{depth}"
                    parts.append(f"fragment {label} on T {{ {field} }}")
                    field = f"...{label}"
            body.append(field)
            if kind == "mutation":
                called.add(name)
        parts.append(f"{kind} O{n} {{ {' '.join(body)} }}")
    return "\n".join(draw(st.permutations(parts))), called


@settings(deadline=None)
@given(documents())
def test_every_field_of_every_mutation_is_found_and_none_of_a_query(made):
    text, called = made
    assert set(asked(text).mutations) == called
    assert asked(print_ast(parse(text))) == asked(text)


def test_fragments_that_name_themselves_or_nobody_end():
    assert asked("mutation { ...A ...None } fragment A on M { ...B deleteRun } fragment B on M { ...A }").mutations == ("deleteRun",)


@pytest.mark.parametrize("text", ["", "   ", "{", "fragment A on B { c }", "type A { b: Int }", "{ a " * 5000, "{" + "a " * 50_000 + "}"])
def test_what_cannot_be_read_is_said_to_be(text):
    with pytest.raises(Unreadable):
        asked(text)
