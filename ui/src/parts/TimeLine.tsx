import type { Execution, PhaseStep } from "../changes";
import { tone, word } from "../changes";
import { duration } from "../format";

/** Phases from left to right, servers from top to bottom; each cell tells what was done there. */
export function TimeLine(props: { execution: Execution }) {
  const { phases } = props.execution;
  const members = [...new Set(phases.flatMap((phase) => phase.steps.map((step) => memberOf(step))))];
  return (
    <div className="scrolls">
      <table className="time-line">
        <caption className="unseen">Phases and servers</caption>
        <thead>
          <tr><th scope="col"><span className="unseen">Server</span></th>{phases.map((phase) => <th key={phase.name} scope="col">{phase.name}</th>)}</tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <tr key={member}>
              <th scope="row">{member}</th>
              {phases.map((phase) => <td key={phase.name}>{phase.steps.filter((step) => memberOf(step) === member).map((step) => <Cell key={step.name} step={step} />)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const memberOf = (step: PhaseStep) => step.name.split(" ").at(-1) ?? "";
const verbOf = (step: PhaseStep) => step.name.split(" ")[0] ?? "";

function Cell(props: { step: PhaseStep }) {
  const { step } = props;
  return (
    <div className={`mark mark-${tone(step.status)}`} title={step.message || undefined}>
      <i aria-hidden="true" />{verbOf(step)} <em>{step.seconds === null ? word(step.status) : `${word(step.status)}, ${duration(step.seconds)}`}</em>
    </div>
  );
}
