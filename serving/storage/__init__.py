"""Files of the service: photos addressed by their content, and pictures derived from them."""
