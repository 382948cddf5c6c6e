import { Button, Select, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Run, STATUSES, type Status, get } from "../api";
import { ago, duration, moment } from "../format";
import { StatusMark } from "../parts/Badges";
import { Empty, Page } from "../parts/Page";
import { Loaded } from "../parts/Trouble";

const AT_ONCE = 50;
const LOOK_MS = 3000;

export function Runs() {
  const [status, setStatus] = useState<Status | "">("");
  const [limit, setLimit] = useState(AT_ONCE);
  const query = useQuery({
    queryKey: ["runs", status, limit],
    queryFn: () => get<{ runs: Run[] }>(`/api/runs?limit=${limit}${status && `&status=${status}`}`),
    refetchInterval: LOOK_MS,
    placeholderData: (before) => before,
  });
  const start = <Button component={Link} to="/copy">Start a copy</Button>;
  return (
    <Page name="Runs" title="Runs" actions={start}>
      <div className="toolbar">
        <Select
          aria-label="Status" data={[{ value: "", label: "All of them" }, ...STATUSES.map((one) => ({ value: one, label: one }))]}
          value={status} onChange={(value) => setStatus((value ?? "") as Status | "")} allowDeselect={false}
        />
      </div>
      <Loaded query={query}>
        {({ runs }) => runs.length ? (
          <>
            <List runs={runs} />
            {runs.length === limit && limit < 1000 && <Button variant="default" mt="md" onClick={() => setLimit(Math.min(limit * 4, 1000))}>Show more</Button>}
          </>
        ) : status ? (
          <Empty title={`No run is ${status}`} action={<Button variant="default" onClick={() => setStatus("")}>Show all</Button>}>Other runs may be.</Empty>
        ) : (
          <Empty title="No runs yet" action={start}>A copy shows its plan first; once started, it can be watched here, paused, and rolled back.</Empty>
        )}
      </Loaded>
    </Page>
  );
}

function List(props: { runs: Run[] }) {
  return (
    <div className="scrolls">
      <Table verticalSpacing="sm" highlightOnHover>
        <Table.Thead>
          <Table.Tr><Table.Th>Status</Table.Th><Table.Th>What</Table.Th><Table.Th>Begun</Table.Th><Table.Th className="number">Took</Table.Th></Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {props.runs.map((run) => (
            <Table.Tr key={run.id}>
              <Table.Td><StatusMark status={run.status} asked={run.asked} /></Table.Td>
              <Table.Td className="address"><Link to="/runs/$id" params={{ id: run.id }}>{run.title}</Link></Table.Td>
              <Table.Td className="moment"><time title={moment(run.created_at)}>{ago(run.started_at ?? run.created_at)}</time></Table.Td>
              <Table.Td className="number">{run.started_at ? duration((run.ended_at ?? Date.now() / 1000) - run.started_at) : ""}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
