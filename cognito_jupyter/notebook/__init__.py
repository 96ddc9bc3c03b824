"""What a person sees: the magics and what they show. Knows all the stages before it, and IPython."""
