import { ENDED, type Standing, type Status } from "../api";

/** The phases in order: done, at work, still to come. */
export function Phases(props: { phases: Standing["phases"]; at: string; status: Status }) {
  return (
    <ol className="phases" aria-label="Phases">
      {props.phases.map((phase) => {
        const done = phase.steps_done >= phase.steps;
        const now = phase.name === props.at && !ENDED.has(props.status);
        return (
          <li key={phase.name} className={done ? "done" : now ? "now" : ""} aria-current={now ? "step" : undefined}>
            <span className="phase-mark" aria-hidden="true">{done ? "✓" : ""}</span>
            {phase.name}
            {phase.steps > 1 && <span className="quiet"> {phase.steps_done}/{phase.steps}</span>}
          </li>
        );
      })}
    </ol>
  );
}
