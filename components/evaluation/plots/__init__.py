"""The pictures of a judgement, one a file: each takes what it needs and gives a matplotlib Figure; `render` makes it bytes."""
