"""The checks behind `paybycall doctor` and `paybycall pci scope`: each is a sentence on what is well or what
to do.
"""
