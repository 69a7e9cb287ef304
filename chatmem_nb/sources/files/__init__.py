"""Files of conversations, read where they lie."""

from .source import FileSource, as_file

__all__ = ["FileSource", "as_file"]
