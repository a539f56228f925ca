"""The database of web and worker: its engine, its schema and its migrations."""
