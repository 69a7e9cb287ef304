"""The two services behind one protocol: sessions of records, as text."""
