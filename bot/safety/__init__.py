"""What must work when nothing else does: the word lists, the safety screen, the urgency rules."""
