"""Labelled snippets: `LANG<TAB>TEXT` a line, spans as `[[LABEL:text]]`, line ends as `\\n`. Invented; no text is anybody's."""
