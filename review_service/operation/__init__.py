"""What an operator needs: verify, back up, restore, move, archive, rotate, check, retain."""
