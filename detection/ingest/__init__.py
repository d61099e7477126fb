"""Files in, photos with pose and intrinsics out; a file that cannot be used becomes a row."""
