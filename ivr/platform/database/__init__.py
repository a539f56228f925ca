"""The cellar: one engine, one schema, its migrations.

Everything that keeps something imports from here; this room imports no other.
"""
