"""Everything the product knows and shows. README.md draws the map."""
