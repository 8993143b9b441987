"""`python -m beliefnet` is the command `beliefnet`."""

from beliefnet.cli import main

if __name__ == "__main__":
    main()
