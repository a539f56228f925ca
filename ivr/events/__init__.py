"""What happens, as typed events, and who listens to each: in the transaction that makes it happen."""
