"""What the harnesses share. `stage`: the program, databases and servers; `play`: people who write, and the ledger of what
they were answered; `check`: the ledger against the database; `report`: what is printed at the end."""
