"""What the harnesses share. `stage`: the program, databases and servers. `play`: writers, and the ledger of their answers.
`load`: load from `zhuanjie-bench run`. `watch`: clients that repeat one request. `disk`: disks of our own. `check`: the
comparison of the ledger with the database. `report`: the options, the report and the exit status."""
