import { Table } from "@mantine/core";
import type { Plan, Statement } from "../changes";
import { duration } from "../format";
import { Section } from "./Page";

const seconds = (estimate: number) => (estimate < 0.05 ? "a moment" : duration(estimate));
const about = (estimate: number) => (estimate < 0.05 ? "a moment" : `about ${duration(estimate)}`);

/** What the rehearsal measured: each statement with its locks and its time, the schema's difference, and the way back. */
export function ChangePlan(props: { plan: Plan }) {
  const { plan } = props;
  const back = { author: "by its author", inverse: "found" }[plan.rollbackBy] ?? "none";
  return (
    <>
      <Section title="Rehearsed" aside={<span className="quiet">{about(plan.estimateSeconds)}; way back {back}{plan.rollbackProved ? ", proved" : ""}, {about(plan.rollbackSeconds)}</span>}>
        <Statements statements={plan.statements} />
      </Section>
      {plan.riskReasons.length > 0 && (
        <Section title="Why it has its risk"><ul className="reasons">{plan.riskReasons.map((reason) => <li key={reason}>{reason}</li>)}</ul></Section>
      )}
      {plan.difference && <Section title="The schema, before and after"><Difference text={plan.difference} /></Section>}
      {plan.rollback.length > 0 && (
        <details className="more">
          <summary>The way back</summary>
          <Statements statements={plan.rollback} />
        </details>
      )}
    </>
  );
}

function Statements(props: { statements: Statement[] }) {
  return (
    <div className="scrolls">
      <Table verticalSpacing="sm">
        <Table.Thead><Table.Tr><Table.Th>Statement</Table.Th><Table.Th>Locks, measured</Table.Th><Table.Th>What others feel</Table.Th><Table.Th className="number">Time, about</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {props.statements.map((statement, index) => (
            <Table.Tr key={index}>
              <Table.Td className="address"><code>{statement.sql}</code></Table.Td>
              <Table.Td className="address">{Object.entries(statement.locks).map(([table, mode]) => <div key={table}>{table}: {mode.replace(/Lock$/, "")}</div>)}{statement.clause && <div>{statement.clause}</div>}</Table.Td>
              <Table.Td className="address">{felt(statement).map((line) => <div key={line}>{line}</div>)}</Table.Td>
              <Table.Td className="number">{seconds(statement.estimateSeconds)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function felt(statement: Statement): string[] {
  const blocked = Object.entries(statement.blocks).filter(([, what]) => what === "writes" || what === "reads and writes");
  const lines = blocked.map(([table, what]) => `${table} takes ${what === "writes" ? "no writes" : "neither reads nor writes"}`);
  lines.push(...statement.rewrites.map((table) => `${table} is written anew`));
  lines.push(...statement.scans.filter((table) => !statement.rewrites.includes(table)).map((table) => `${table} is read whole`));
  return statement.error ? [statement.error] : lines.length ? lines : ["nothing"];
}

function Difference(props: { text: string }) {
  const kind = (line: string) => (line.startsWith("+") ? "added" : line.startsWith("-") ? "taken" : line.startsWith("@") ? "quiet" : "");
  const lines = props.text.split("\n").filter((line) => !line.startsWith("---") && !line.startsWith("+++"));
  return (
    <pre className="sql difference" tabIndex={0} aria-label="Difference of the schema">
      {lines.map((line, index) => <span key={index} className={kind(line)}>{line}{"\n"}</span>)}
    </pre>
  );
}
