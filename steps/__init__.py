"""One ZenML step a file, each a thin door into components/."""
