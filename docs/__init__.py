"""What is written for users, and what makes some of it from the code."""
