"""Twenty texts that a chart may bring to take over a terminal, a CI log, a report or a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = {
    "clear": "x\x1b[2J\x1b[Hy",
    "colour": "x\x1b[1;32mPASS\x1b[0m",
    "c1": "x\x9b31mred",
    "title": "x\x1b]0;owned\x07y",
    "link": "x\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "bell": "x\x07\x07",
    "backspace": "evil\b\b\b\bgood",
    "return": "x\rFAIL nothing at all",
    "newline": "x\n0 findings\n1 chart, 1 check: 1 passed",
    "vertical": "x\x0by\x0cz",
    "separators": "x\u2028y\u2029z\x85w",
    "bidi": "x\u202etxt.exe\u202c",
    "zero-width": "key\u200bstone\u2060\ufeff",
    "github": "::error file=app.js,line=1::forged",
    "github-lines": "x\n::stop-commands::abc\n  ::add-mask::y",
    "azure": "##vso[task.setvariable variable=x]y ##[error]z",
    "gitlab": "x\r\x1b[0Ksection_start:1:x\r\x1b[0Ky",
    "markup": "<script>alert(1)</script> ]]> &amp; [x](javascript:y) `z` |",
    "tab": "x\ty",
    "astral": "x\U000e0001\U0001f600\ue000",
}


def problems(text: str) -> list[str]:
    """Return the lines of an output that a terminal or a CI system would not only show."""
    lines = text.split("\n")
    return [
        ascii(line) for line in lines if not line.isprintable() or line.lstrip().startswith("::") or "##[" in line
    ] + [ascii(line) for line in lines if "##vso[" in line]


_POD = """kind: Pod
apiVersion: v1
metadata: {name: NAME}
spec: {containers: [{name: NAME, image: {{ index .Values.images "api" | quote }}}]}
"""


def _quoted(text: str) -> str:
    """Return a text in quotes and escapes that YAML and Go's templates read in the same way."""
    return '"' + "".join(f"\\U{ord(sign):08x}" for sign in text) + '"'


def hostile_tree(folder: Path) -> Path:
    """Write two charts for each text: one has it as each of its names, the other one fails with it."""
    for number, text in enumerate(HOSTILE.values()):
        quoted, name = _quoted(text), _quoted(text.replace("/", " ").replace("\\", " "))
        files = {
            "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n",
            "values.yaml": f"images:\n  pull_policy: {quoted}\n  api: {quoted}\n",
            "templates/pod.yaml": _POD.replace("NAME", quoted),
        }
        fails = {
            "Chart.yaml": f"apiVersion: v2\nname: fails-{number}\nversion: 1.0.0\n",
            "values.yaml": "images: {pull_policy: Always}\n",
            "templates/pod.yaml": f"{{{{ fail {quoted} }}}}",
        }
        below = text.replace("/", " ").replace("\x00", "")
        for chart, content in ((folder / f"{number}-{below}", files), (folder / f"fails-{number}", fails)):
            for path, data in content.items():
                (chart / path).parent.mkdir(parents=True, exist_ok=True)
                (chart / path).write_text(data)
    return folder
