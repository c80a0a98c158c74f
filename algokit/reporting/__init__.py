"""What is said about a submission: its card, its tables, its folder."""
