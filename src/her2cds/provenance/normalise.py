"""One spelling for texts made from PDF and for our own: what is levelled before anything is compared.

The reviews' texts carry the traces of their typesetting. Both sides of every comparison go through the same
steps, so that a claim is never refused for a dash and never confirmed by one.
"""

from __future__ import annotations

import re
import unicodedata

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
    "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
_TEX_SYMBOLS = {
    r"\times": "×", r"\pm": "±", r"\geq": "≥", r"\leq": "≤", r"\ge": "≥", r"\le": "≤",
    r"\sim": "~", r"\approx": "≈",
    **{f"\\{name}": letter for letter, name in GREEK.items()},
}  # fmt: skip
_LEVELLED = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
        **dict.fromkeys("‘’ʼ′", "'"),
        **dict.fromkeys("“”″", '"'),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", None),
        "\t": " | ",
    }
)

_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴-⁹]+")
_TEX_MATH = re.compile(r"\$([^$\n]*)\$")
_TEX_TEXT = re.compile(r"\\(?:text|mathrm|mathit)\{([^{}]*)\}")
_TEX_SYMBOL = re.compile(r"\\[a-z]+")
_TEX_RAISED = re.compile(r"\^\{\s*(\d+)\s*\}")
_TEX_BRACED = re.compile(r"[_^]\{([^{}]*)\}")
_HTML = re.compile(r"</?(?:sup|sub|i|b|em|strong)>")
_ESCAPED = re.compile(r"\\([*_()\[\]#])")
_HEADING_MARK = re.compile(r"^\s*#{1,6}\s+", re.MULTILINE)
_BROKEN_WORD = re.compile(r"(?<=[a-z])-\s*\n\s*(?=[a-z])")
_BROKEN_COMPOUND = re.compile(r"(?<=\w)-\s*\n\s*(?=\w)")
_MIDDLE_DOT = re.compile(r"(?<=\d)[·∙⋅](?=\d)")
_SPACED_RANGE = re.compile(r"(?<=\d) ?- ?(?=\d)")
_SPACES = re.compile(r"\s+")


def plain(text: str) -> str:
    r"""A text in one spelling, on one line; letters keep their case and Greek letters stay Greek.

    In this order:

    - superscript digits become `^n`, so that 10⁶ never reads as 106;
    - Unicode NFKC: ligatures, full-width forms, non-breaking spaces and subscripts become plain characters;
    - every dash and minus becomes `-`; curly quotes become straight; soft hyphens and zero-width characters
      go; a tab (the border of a table's cells) becomes ` | `;
    - TeX remains: `$p < 0.001$` loses its dollars, `\beta` becomes β, `\times` ×, `\text{…}` its content,
      `^{6}` becomes `^6`, and other `_{…}` or `^{…}` their content set apart by a space (`HER2_{low}`);
    - markdown: heading marks, emphasis marks and escapes go; `<sup>` and its kind become a space;
    - a word broken at a line's end is joined, also across the blank lines of a page break: `dys-`/`function`
      is "dysfunction"; beside a capital or a digit the hyphen stays (`HER2-`/`CAR-T`);
    - a middle dot between digits becomes a point, and spaces round the dash of a range of numbers go;
    - all white space, line breaks included, becomes one space.
    """
    text = _SUPERSCRIPT.sub(lambda run: "^" + unicodedata.normalize("NFKC", run[0]), text)
    text = unicodedata.normalize("NFKC", text).translate(_LEVELLED)
    text = _without_tex(text)
    text = _HTML.sub(" ", _ESCAPED.sub(r"\1", text))
    text = _HEADING_MARK.sub("", text).replace("*", "")
    text = _BROKEN_COMPOUND.sub("-", _BROKEN_WORD.sub("", text))
    text = _MIDDLE_DOT.sub(".", text)
    text = _SPACES.sub(" ", text).strip()
    return _SPACED_RANGE.sub("-", text)


def _without_tex(text: str) -> str:
    text = _TEX_MATH.sub(r"\1", text)
    text = _TEX_TEXT.sub(r"\1", text)
    text = _TEX_SYMBOL.sub(lambda symbol: _TEX_SYMBOLS.get(symbol[0], symbol[0]), text)
    text = _TEX_RAISED.sub(r"^\1", text)
    return _TEX_BRACED.sub(r" \1", text)


class FoldedText:
    """A plain text without spaces, hyphens and case, in which names are found however they are broken up.

    `T- DM1`, `TDM-1` and `t-dm1` fold to one string; Greek letters become their English names. A name counts
    only where it starts and ends at a word's edge of the original, so that `MET` is not found in `METHOD`.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        letters: list[str] = []
        self._origin: list[int] = []
        for index, letter in enumerate(text):
            for folded in fold(letter):
                letters.append(folded)
                self._origin.append(index)
        self.folded = "".join(letters)
        # Where a name may start: the first folded letter of a word of the original.
        self.starts = tuple(
            position
            for position, origin in enumerate(self._origin)
            if (position == 0 or self._origin[position - 1] != origin) and not _joins(text, origin - 1)
        )

    def holds_at(self, position: int, name: str) -> str | None:
        """The original spelling of the folded `name` that starts at `position` and ends a word, or None."""
        end = position + len(name)
        if not self.folded.startswith(name, position) or _joins(self.text, self._origin[end - 1] + 1):
            return None
        return self.text[self._origin[position] : self._origin[end - 1] + 1]

    def holds(self, name: str) -> bool:
        """Whether the name stands anywhere in the text, as whole words."""
        folded = fold(name)
        return any(self.holds_at(position, folded) is not None for position in self.starts)

    def origin(self, position: int) -> int:
        """Where in the original the folded letter at `position` stands."""
        return self._origin[position]

    def span(self, position: int, name: str) -> tuple[int, int]:
        """Start and end, in the original, of the folded `name` at `position`."""
        return self._origin[position], self._origin[position + len(name) - 1] + 1


def fold(text: str) -> str:
    """Text without spaces, hyphens and case, Greek letters by name; other punctuation stays and separates."""
    return "".join(GREEK.get(letter, letter) for letter in text.casefold() if not (letter.isspace() or letter == "-"))


def _joins(text: str, index: int) -> bool:
    return 0 <= index < len(text) and text[index].isalnum()
