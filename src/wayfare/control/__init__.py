"""What people do: start a copy, pause, resume, cancel, roll back, look."""
