"""What people decided and drew, as a folder from which a model can learn."""
