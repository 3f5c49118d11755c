"""What ``make bench`` measures; figures of one run are comparable with one another, not with those of another day."""
