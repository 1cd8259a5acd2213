"""The pages of the people in the photographs, and the desk's side of what it does together with them."""
