import { Button, Table } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Check, type Connection, named, post, remove } from "../api";
import { ago } from "../format";
import { AddConnection } from "../parts/AddConnection";
import { Confirm } from "../parts/Confirm";
import { connectionsQuery } from "../parts/EndField";
import { Empty, Page } from "../parts/Page";
import { Loaded, Trouble } from "../parts/Trouble";

export function Connections() {
  const [adding, setAdding] = useState(false);
  const query = useQuery(connectionsQuery);
  const add = <Button onClick={() => setAdding(true)}>Add a connection</Button>;
  return (
    <Page name="Connections" title="Connections" lead="Saved addresses of databases. Their secrets are sealed, and never shown." actions={query.data?.connections.length ? add : null}>
      <Loaded query={query}>
        {({ connections }) =>
          connections.length ? (
            <div className="scrolls">
              <Table verticalSpacing="sm" highlightOnHover>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Name</Table.Th><Table.Th>Address</Table.Th><Table.Th>Last test</Table.Th>
                    <Table.Th><span className="unseen">Actions</span></Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>{connections.map((one) => <Row key={one.id} connection={one} />)}</Table.Tbody>
              </Table>
            </div>
          ) : (
            <Empty title="No connections yet" action={add}>
              Save the address of the database you copy from, and of the one you copy to. Both are tested before anything moves.
            </Empty>
          )
        }
      </Loaded>
      <AddConnection opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function Row(props: { connection: Connection }) {
  const { connection } = props;
  const [removing, setRemoving] = useState(false);
  const queries = useQueryClient();
  const again = () => queries.invalidateQueries({ queryKey: ["connections"] });
  const test = useMutation({ mutationFn: () => post<Check>(`/api/connections/${named(connection.name)}/test`), onSettled: again });
  const drop = useMutation({ mutationFn: () => remove(`/api/connections/${named(connection.name)}`), onSuccess: again });
  return (
    <Table.Tr>
      <Table.Td>
        <Link to="/connections/$name" params={{ name: connection.name }} className="strong">{connection.name}</Link>
        <div className="quiet">{connection.system}</div>
      </Table.Td>
      <Table.Td className="address"><code>{connection.url}</code></Table.Td>
      <Table.Td className="check"><CheckMark check={connection.checked} /><Trouble error={test.error} /></Table.Td>
      <Table.Td>
        <div className="row-actions">
          <Button size="compact-sm" variant="default" loading={test.isPending} onClick={() => test.mutate()} aria-label={`Test ${connection.name}`}>Test</Button>
          <Button size="compact-sm" variant="subtle" color="red" onClick={() => setRemoving(true)} aria-label={`Remove ${connection.name}`}>Remove</Button>
        </div>
        <Confirm
          opened={removing} onNo={() => setRemoving(false)} onYes={() => drop.mutate()} busy={drop.isPending} error={drop.error}
          danger title={`Remove ${connection.name}?`} verb="Remove it"
        >
          Its address and secrets are forgotten. Schedules that name it fail from then on, and say so. The database itself is not touched.
        </Confirm>
      </Table.Td>
    </Table.Tr>
  );
}

export function CheckMark(props: { check: Check | null }) {
  const { check } = props;
  if (!check) return <span className="quiet">not tested yet</span>;
  return (
    <>
      <span className={`mark mark-${check.ok ? "good" : "bad"}`}><i aria-hidden="true" />{check.ok ? check.version || "answers" : "does not answer"}</span>
      <div className="quiet">{check.ok ? `${ago(check.at)}, ${Math.round(check.latency_ms)} ms` : check.message}</div>
    </>
  );
}
