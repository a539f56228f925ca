"""The flow `pay_bill`: a caller hears what they owe and pays it by card. README.md describes it."""
