"""Records of a file, one by one, where they lie."""

from .opening import RowFile, opened

__all__ = ["RowFile", "opened"]
