"""The cellar: one engine, one schema, its migrations.

`engine` may import nothing of ours, `schema` the engine, `migrate` both. Everything that keeps something
imports from here; this room imports no other.
"""
