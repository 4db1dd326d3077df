"""What knowledge stores and reads, as frozen values."""
