"""What the API sends and takes, as typed dictionaries: one module a subject.

A model lists its fields by name, so a new column never leaves the server by itself. mypy holds the function
below each model to it, and the OpenAPI document is made from the models (`json_schema`).
"""
