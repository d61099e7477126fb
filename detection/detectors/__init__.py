"""Model runtimes behind one Protocol; the only files that know a framework."""
