"""Scripts of Python 2, which Python 3 refuses."""

from __future__ import annotations

import pytest

from osh_conformance.manifests.python2 import parses


@pytest.mark.parametrize(
    "text",
    [
        'print "a" % b, c,\n',
        "print\nprint >>f, 1\n",
        "try:\n  pass\nexcept (A, B), e:\n  raise E, e\n",
        "x = `a`\nif a <> 0777L: exec x in y\n",
        "s = ur'a'\nprint s\n",
        "def f(a, (b, c)=(1, 2)):\n    print b\n",
        "print sorted(d, key=lambda (k, v): v)\n",
        "if x:\n        print 1\n\tprint 2\n",
        "call(async=True)\n",
        '"""print x\n"""\nprint """a\nb"""; print 2 # c\n',
    ],
)
def test_a_script_of_python_2_parses(text: str) -> None:
    assert parses(text)


@pytest.mark.parametrize(
    "text",
    ["def f(:\n", 'print "a\n', "if x\n  print 1\n", "for x in y:\nprint x\n", 'print f"{x}"\n', "x = = 1\n", "a b\n"],
)
def test_what_no_python_parses_does_not(text: str) -> None:
    assert not parses(text)
