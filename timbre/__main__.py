"""`python -m timbre` is the command `timbre`, for who knows the interpreter and not its scripts."""

from timbre.cli import main

if __name__ == "__main__":
    main()
