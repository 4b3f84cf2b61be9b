"""What becomes of a served tagger: the log of its predictions and how they drift. Parts are imported by their own names; this is light."""
