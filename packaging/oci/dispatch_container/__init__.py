"""What is in the container image only: `start`, which takes systemd's part."""
