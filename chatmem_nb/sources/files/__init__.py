"""Files of conversations, read in place."""

from .source import FileSource, as_file

__all__ = ["FileSource", "as_file"]
