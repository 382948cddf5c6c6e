import { Table } from "@mantine/core";
import type { ReactNode } from "react";
import type { Plan, PlannedTable } from "../api";
import { compact, count, plural, size } from "../format";
import { Findings } from "./Badges";
import { Section } from "./Page";

/** What a copy would do: tables, findings, statements, and the button that does it. */
export function PlanView(props: { plan: Plan; children: ReactNode }) {
  const { plan } = props;
  const tables = plan.subject.tables ?? [];
  const phases = plan.phases.map((phase) => (phase.steps.length > 1 ? `${phase.name} (${phase.steps.length})` : phase.name));
  return (
    <div className="plan">
      <Section title="The plan" aside={<span className="quiet">{phases.join(" → ")}</span>}>
        <TablesOfPlan tables={tables} />
      </Section>
      {plan.findings.length > 0 && (
        <Section title={plural(plan.findings.length, "finding")}><Findings findings={plan.findings} /></Section>
      )}
      <Statements plan={plan} />
      <div className="form-end">{props.children}</div>
    </div>
  );
}

function TablesOfPlan(props: { tables: PlannedTable[] }) {
  return (
    <div className="scrolls">
      <Table>
        <Table.Thead>
          <Table.Tr><Table.Th>Table</Table.Th><Table.Th>Becomes</Table.Th><Table.Th className="number">Rows, about</Table.Th><Table.Th className="number">Size, about</Table.Th><Table.Th className="number">Chunks</Table.Th></Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.tables.map((table) => (
            <Table.Tr key={table.source}>
              <Table.Td>{table.source}</Table.Td><Table.Td>{table.target}</Table.Td>
              <Table.Td className="number">{compact(table.rows_estimate ?? 0)}</Table.Td>
              <Table.Td className="number">{size(table.bytes_estimate ?? 0)}</Table.Td>
              <Table.Td className="number">{count(table.chunks ?? 0)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function Statements(props: { plan: Plan }) {
  const { tables = [], views = [] } = props.plan.subject;
  const text = [
    ...tables.filter((table) => table.statements?.length).map((table) => `-- ${table.target}\n${table.statements!.map(ended).join("\n")}`),
    ...views.map((view) => `-- view ${view.name}\n${ended(view.definition)}`),
  ].join("\n\n");
  if (!text) return null;
  return (
    <details className="more">
      <summary>Statements</summary>
      <pre className="sql" tabIndex={0} aria-label="Statements">{text}</pre>
    </details>
  );
}

const ended = (statement: string) => `${statement.trimEnd().replace(/;$/, "")};`;
