"""What is decided and told: each right, the answer, the package, and what the person says to it."""
