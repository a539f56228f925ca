"""An attempt to charge: its states, its moves, and the jobs that carry it to an end."""
