"""Compares the ledger with the rows of the database, not with what the service says about itself."""

from collections import Counter

from .stage import say

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MASK = (1 << 64) - 1
#: The inverse of the factor that ids are scrambled with (src/domain/core/ids.rs).
INVERSE = 0xF1DE_83E1_9937_733D


def row_of(case):
    """The key of the row of a case, from the id in the interface."""
    bits = 0
    for character in case.split("_")[1]:
        bits = bits << 5 | ALPHABET.index(character)
    x = bits * INVERSE & MASK
    return (x ^ x >> 32) * INVERSE & MASK


class Found:
    """The audit rows and the events that a play left in a database. One statement reads them, so they are of one state even
    while the writers go on."""

    def __init__(self, database, play):
        self.audit, self.subject, self.events, self.versions = Counter(), {}, {}, {}
        actions = "'transfer.proposed', 'transfer.approved', 'transfer.assigned', 'transfer.refused', 'transfer.withdrawn'"
        for kind, first, second, text in database.rows(
                f"SELECT 'audit', 0, request_id, subject FROM audit_log "
                f"WHERE request_id LIKE '{play.run}-%' AND action IN ({actions}) "
                f"UNION ALL SELECT 'event', transfer_id, cast(number AS text), event FROM transfer_events "
                f"WHERE transfer_id > {play.base} "
                f"UNION ALL SELECT 'case', id, cast(version AS text), '' FROM transfers WHERE id > {play.base}"):
            if kind == "audit":
                self.audit[second] += 1
                self.subject[second] = text
            elif kind == "event":
                self.events[first, int(second)] = text
            else:
                self.versions[first] = int(second)


class Verdict:
    """What is wrong. `lost`: acknowledged but not there, or different from the answer. `doubled`: more than one effect of
    one key, or an effect without a key. `unasked`: refused, but with an effect. `torn`: a case whose row and events differ."""

    def __init__(self, database, play, acknowledged):
        found = Found(database, play)
        self.checked = len(acknowledged)
        self.lost = [write.key for write in acknowledged if not self.is_there(found, write)]
        self.doubled = [key for key, times in found.audit.items() if times > 1]
        # Each event has the audit row of one key. A case with more events than keys got one of them twice.
        caused = Counter(row_of(subject) for subject in found.subject.values())
        events = Counter(case for case, _ in found.events)
        self.doubled += [f"case {case}" for case in events if events[case] > caused[case]]
        with play.ledger.lock:
            refused = [write.key for write in play.ledger.refused]
        self.unasked = [key for key in refused if key in found.audit]
        self.torn = [case for case, version in found.versions.items() if version != events[case]]
        self.torn += [case for case in events if case not in found.versions]
        self.effects = sum(found.audit.values())

    @staticmethod
    def is_there(found, write):
        return (found.subject.get(write.key) == write.case
                and found.events.get((row_of(write.case), write.version)) == write.event)

    @property
    def is_clean(self):
        return not (self.lost or self.doubled or self.unasked or self.torn)

    def __str__(self):
        return (f"{self.checked} acknowledged, {self.effects} effects: {len(self.lost)} lost, {len(self.doubled)} doubled, "
                f"{len(self.unasked)} unasked, {len(self.torn)} torn")


def can_fail(database, play):
    """The control of the comparison: on copies of the database one acknowledged write is removed by hand and one is doubled.
    Both must be found. Returns a list of what was not found."""
    acknowledged = play.ledger.acknowledged()
    last = next(write for write in reversed(acknowledged) if write.event in ("refused", "withdrawn"))
    case = row_of(last.case)
    missed = []
    tries = {
        "taken": [f"DELETE FROM transfer_events WHERE transfer_id = {case} AND number = {last.version}"],
        "doubled": [f"INSERT INTO transfer_events (transfer_id, number, at, event, facts) "
                    f"SELECT transfer_id, number + 1, at, event, facts FROM transfer_events "
                    f"WHERE transfer_id = {case} AND number = {last.version}",
                    f"UPDATE transfers SET version = version + 1 WHERE id = {case}"],
    }
    for name, statements in tries.items():
        copy = database.copy(f"control_{name}")
        if not Verdict(copy, play, acknowledged).is_clean:
            missed.append("the copy is not clean before the change")
        copy.change(*statements)
        verdict = Verdict(copy, play, acknowledged)
        say(f"control, a write {name} by hand: {verdict}")
        if not (verdict.lost if name == "taken" else verdict.doubled):
            missed.append(f"the write {name} by hand was not found")
    return missed
