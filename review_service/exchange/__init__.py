"""Excel, Word and CSV in and out: bytes to frozen values and back; no Flask, no database."""
