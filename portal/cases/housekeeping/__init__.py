"""What time alone does, and our own working data that goes."""
