import type { Finding, Status } from "../api";

const TONES: Record<Status, string> = {
  queued: "plain", running: "live", waiting: "odd", succeeded: "good", failed: "bad", cancelled: "plain", undoing: "odd", undone: "plain",
};

export function StatusMark(props: { status: Status; asked?: string }) {
  return (
    <span className={`mark mark-${TONES[props.status]}`}>
      <i aria-hidden="true" />
      {props.status}
      {props.asked && <em>, {props.asked} asked</em>}
    </span>
  );
}

const SEVERITIES = { info: "plain", warning: "odd", error: "bad" } as const;

/** Findings, the worst first. */
export function Findings(props: { findings: Finding[] }) {
  const order = ["error", "warning", "info"];
  const sorted = [...props.findings].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  return (
    <ul className="findings">
      {sorted.map((finding, index) => (
        <li key={index}>
          <span className={`mark mark-${SEVERITIES[finding.severity] ?? "plain"}`}><i aria-hidden="true" />{finding.severity}</span>
          <div>
            <div>{finding.where && <code>{finding.where}</code>} {finding.message}</div>
            {finding.advice && <div className="quiet">{finding.advice}</div>}
          </div>
        </li>
      ))}
    </ul>
  );
}
