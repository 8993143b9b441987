"""Print the tables of all that has a name, or bring those in a folder of documents up to date.

python -m beliefnet.catalogue docs
"""

import sys
from pathlib import Path

from beliefnet.catalogue._tables import TABLES, table, write_tables


def main(folders: list[str]) -> None:
    """Write the tables in the pages of folders; without any, print them all."""
    for folder in folders:
        for page in write_tables(Path(folder)):
            print(f"{page} is up to date now")
    if not folders:
        print("\n".join(f"{name}\n\n{table(name)}" for name in TABLES))


if __name__ == "__main__":
    main(sys.argv[1:])
