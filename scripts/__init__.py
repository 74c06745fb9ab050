"""What developers run: set-up and screenshots."""
