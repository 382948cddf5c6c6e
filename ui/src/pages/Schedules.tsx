import { Button, Table } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Schedule, type Start, get, named, post, remove } from "../api";
import { moment } from "../format";
import { AddSchedule } from "../parts/AddSchedule";
import { Confirm } from "../parts/Confirm";
import { Empty, Page } from "../parts/Page";
import { Times } from "../parts/Times";
import { Loaded, Trouble } from "../parts/Trouble";

const LOOK_MS = 10_000;

export function Schedules() {
  const [adding, setAdding] = useState(false);
  const query = useQuery({
    queryKey: ["schedules"],
    queryFn: () => get<{ schedules: Schedule[] }>("/api/schedules"),
    refetchInterval: LOOK_MS,
  });
  const add = <Button onClick={() => setAdding(true)}>Add a schedule</Button>;
  return (
    <Page name="Schedules" title="Schedules" lead="Copies that start by themselves, each due time once." actions={query.data?.schedules.length ? add : null}>
      <Loaded query={query}>
        {({ schedules }) => schedules.length ? (
          <div className="cards">{schedules.map((one) => <Card key={one.id} schedule={one} />)}</div>
        ) : (
          <Empty title="No schedules yet" action={add}>Let a copy start at one time, or again and again: every night, every Monday, every hour.</Empty>
        )}
      </Loaded>
      <AddSchedule opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function Card(props: { schedule: Schedule }) {
  const { schedule } = props;
  const [removing, setRemoving] = useState(false);
  const queries = useQueryClient();
  const again = () => queries.invalidateQueries({ queryKey: ["schedules"] });
  const path = `/api/schedules/${named(schedule.name)}`;
  const turn = useMutation({ mutationFn: () => post(`${path}/${schedule.paused ? "resume" : "pause"}`), onSuccess: again });
  const drop = useMutation({ mutationFn: () => remove(path), onSuccess: again });
  return (
    <section className="card" aria-label={schedule.name}>
      <div className="card-head">
        <div>
          <h2>{schedule.name}</h2>
          <div className="quiet">{schedule.cron ? <code>{schedule.cron}</code> : "once"} in {schedule.zone}{schedule.owner_name && `, by ${schedule.owner_name}`}</div>
        </div>
        <div className="row-actions">
          <Button size="compact-sm" variant="default" loading={turn.isPending} onClick={() => turn.mutate()} aria-label={`${schedule.paused ? "Resume" : "Pause"} ${schedule.name}`}>
            {schedule.paused ? "Resume" : "Pause"}
          </Button>
          <Button size="compact-sm" variant="subtle" color="red" onClick={() => setRemoving(true)} aria-label={`Remove ${schedule.name}`}>Remove</Button>
        </div>
      </div>
      <p className="address"><code>{schedule.copy.source}</code> → <code>{schedule.copy.target}</code></p>
      <Trouble error={turn.error} />
      {schedule.paused ? <p><span className="mark mark-odd"><i aria-hidden="true" />paused</span></p> : <Times times={schedule.next_times} none="Its time has passed; it will not start again." />}
      <History path={path} name={schedule.name} />
      <Confirm opened={removing} onNo={() => setRemoving(false)} onYes={() => drop.mutate()} busy={drop.isPending} error={drop.error} danger title={`Remove ${schedule.name}?`} verb="Remove it">
        Nothing starts by it any more. Runs that it has started stay.
      </Confirm>
    </section>
  );
}

function History(props: { path: string; name: string }) {
  const [open, setOpen] = useState(false);
  const query = useQuery({ queryKey: ["starts", props.name], queryFn: () => get<{ starts: Start[] }>(`${props.path}/starts`), enabled: open });
  return (
    <details className="more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What became of past times</summary>
      {open && (
        <Loaded query={query}>
          {({ starts }) => starts.length ? (
            <Table>
              <Table.Thead><Table.Tr><Table.Th>Due</Table.Th><Table.Th>Became</Table.Th><Table.Th>Why</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {starts.map((start) => (
                  <Table.Tr key={start.due_at}>
                    <Table.Td className="moment">{moment(start.due_at)}</Table.Td>
                    <Table.Td>{start.state === "started" ? <Link to="/runs/$id" params={{ id: start.run }}>a run</Link> : start.state}</Table.Td>
                    <Table.Td>{start.reason}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          ) : <p className="quiet">None has come yet.</p>}
        </Loaded>
      )}
    </details>
  );
}
