"""Who asks: what shows that it is the person, and what makes somebody look twice."""
