"""What becomes of a served tagger: the log of its predictions, and how they drift. Each part is imported by its own name; this door is light."""
