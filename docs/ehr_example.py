"""An EHR panel: one line per candidate, then what to ask."""

from pathlib import Path

from her2cds import ProfileError, evaluate, load_knowledge

knowledge = load_knowledge()  # once per process; safe to share between threads


def advise(patient_json: str) -> list[str]:
    try:
        report = evaluate(patient_json, knowledge)
    except ProfileError as error:
        return [str(fault) for fault in error.faults]
    lines = [f"{one.rank}. {one.name} ({one.category}, {one.status})" for one in report.therapies]
    return lines + [f"Ask: {one.question}" for one in report.questions]


if __name__ == "__main__":
    print("\n".join(advise(Path("patient_examples/second-line-her2-positive.json").read_text())))
