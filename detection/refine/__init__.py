"""Structure from motion: better poses of a flight, and the surface that its photos show."""
