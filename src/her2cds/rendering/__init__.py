"""Reports and other answers as text, Markdown and pages. Nothing is decided or selected here."""
