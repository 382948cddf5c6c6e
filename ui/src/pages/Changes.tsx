import { Button, Select, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { get } from "../api";
import { type Line, STATES, V1, at, word } from "../changes";
import { ago, moment } from "../format";
import { StateMark } from "../parts/ChangeMarks";
import { Empty, Page } from "../parts/Page";
import { Loaded } from "../parts/Trouble";

const LOOK_MS = 3000;

export function Changes() {
  const [status, setStatus] = useState("");
  const query = useQuery({
    queryKey: ["changes", status],
    queryFn: () => get<{ migrations: Line[]; total: number }>(`${V1}/migrations?limit=100${status && `&status=${status}`}`),
    refetchInterval: LOOK_MS,
    placeholderData: (before) => before,
  });
  const make = <Button component={Link} to="/new-change">New change</Button>;
  return (
    <Page name="Schema changes" title="Schema changes" lead="Rehearsed on a clone, approved, watched while they run, and taken back when they hurt." actions={make}>
      <div className="toolbar">
        <Select
          aria-label="Status" data={[{ value: "", label: "All of them" }, ...STATES.map((one) => ({ value: one, label: word(one) }))]}
          value={status} onChange={(value) => setStatus(value ?? "")} allowDeselect={false}
        />
      </div>
      <Loaded query={query}>
        {({ migrations }) => migrations.length ? <List lines={migrations} /> : status ? (
          <Empty title={`No change is ${word(status)}`} action={<Button variant="default" onClick={() => setStatus("")}>Show all</Button>}>Others may be.</Empty>
        ) : (
          <Empty title="No changes yet" action={make}>Register the database under Databases; then write what is to change, and see what it would do before anybody feels it.</Empty>
        )}
      </Loaded>
    </Page>
  );
}

function List(props: { lines: Line[] }) {
  return (
    <div className="scrolls">
      <Table verticalSpacing="sm" highlightOnHover>
        <Table.Thead>
          <Table.Tr><Table.Th>Status</Table.Th><Table.Th>Change</Table.Th><Table.Th>Database</Table.Th><Table.Th>Risk</Table.Th><Table.Th>By</Table.Th><Table.Th>Made</Table.Th></Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.lines.map((line) => (
            <Table.Tr key={line.migrationId}>
              <Table.Td><StateMark status={line.status} /></Table.Td>
              <Table.Td className="address"><Link to="/changes/$id" params={{ id: line.migrationId }} className="strong">{line.name}</Link></Table.Td>
              <Table.Td>{line.targetDatabase}</Table.Td>
              <Table.Td>{line.riskLevel.toLowerCase()}</Table.Td>
              <Table.Td>{line.createdBy}</Table.Td>
              <Table.Td className="moment"><time title={moment(at(line.createdAt))}>{ago(at(line.createdAt))}</time></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
