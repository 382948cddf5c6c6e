"""Free-standing sequences: those that no column owns. They go on in the target where the source's stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wayfare.copy.naming import NamingRules
from wayfare.core.findings import Finding, Severity
from wayfare.core.ports import CreatesSequences, Database, Sequences
from wayfare.core.tables import Sequence


def wanted(source: Database) -> tuple[Sequence, ...]:
    return tuple(source.sequences()) if isinstance(source, Sequences) else ()


def placed(sequences: Iterable[Sequence], rules: NamingRules, source_default: str) -> tuple[Sequence, ...]:
    """In the target's namespaces."""
    default = rules.default_namespace
    return tuple(
        replace(
            s, namespace=default if s.namespace in ("", source_default) or not rules.has_namespaces else s.namespace
        )
        for s in sequences
    )


def carry(sequences: tuple[Sequence, ...], target: Database) -> list[Finding]:
    """Make them, or say that they cannot be made. Repeatable."""
    if isinstance(target, CreatesSequences):
        target.create_sequences(sequences)
        return []
    return [
        Finding(
            "sequence_not_carried",
            Severity.WARNING,
            f"the sequence {s.name}, which would give {s.next} next, is not carried over: the target takes none.",
            s.name,
        )
        for s in sequences
    ]


def behind(sequences: tuple[Sequence, ...], target: Database) -> list[Finding]:
    """What is wrong with the target's sequences now."""
    if not isinstance(target, CreatesSequences):
        return []
    there = {(s.namespace, s.name): s for s in target.sequences()}
    findings = []
    for sequence in sequences:
        actual = there.get((sequence.namespace, sequence.name))
        if actual is None:
            message = f"the sequence {sequence.name} is missing."
            findings.append(Finding("sequence_missing", Severity.ERROR, message, sequence.name))
        elif (actual.next - sequence.next) * sequence.increment < 0:
            message = f"the sequence would give {actual.next}, and must give {sequence.next} or beyond."
            findings.append(Finding("sequence_behind", Severity.ERROR, message, sequence.name, "Set it by hand."))
    return findings
