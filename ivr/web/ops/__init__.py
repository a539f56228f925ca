"""What the operator looks at: health, metrics, and the doctor that says what to mend."""
