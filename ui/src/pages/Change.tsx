import { Button, Group, Modal, NumberInput, Stack, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { type Me, get, post } from "../api";
import { type Approval, type Change, type Execution, OVER, V1, type Watched, at, word } from "../changes";
import { ago, duration } from "../format";
import { Notices, StateMark } from "../parts/ChangeMarks";
import { ChangePlan } from "../parts/ChangePlan";
import { Confirm } from "../parts/Confirm";
import { Page, Section } from "../parts/Page";
import { TimeLine } from "../parts/TimeLine";
import { Loaded, Trouble } from "../parts/Trouble";
import { WatchPlot } from "../parts/WatchPlot";

const LOOK_MS = 1000;
// What its servers had to say; what the script had, stands above.
const OF_RUNS = new Set([
  "not_watched", "switch_forbidden", "switch_unsafe", "green_not_fed", "table_not_replicated", "replica_identity_missing", "sequence_missing", "large_objects",
  "green_is_primary", "written_on_blue",
]);

export function ChangePage() {
  const { id } = useParams({ from: "/signed-in/changes/$id" });
  const query = useQuery({ queryKey: ["change", id], queryFn: () => get<Change>(`${V1}/migrations/${id}`), refetchInterval: 2 * LOOK_MS });
  return <Loaded query={query}>{(change) => <Whole change={change} />}</Loaded>;
}

function Whole(props: { change: Change }) {
  const { change } = props;
  const lead = <span className="facts"><StateMark status={change.status} /><span>{change.targetDatabase}, {change.environment}</span><span>{change.riskLevel.toLowerCase()} risk</span><span>{word(change.strategy)}</span><span>by {change.createdBy}</span></span>;
  return (
    <Page name={change.name} title={change.name} lead={lead} actions={<Actions change={change} />}>
      {change.description && <p>{change.description}</p>}
      {change.lastExecutionId && <Carried change={change} id={change.lastExecutionId} />}
      <Section title="Script"><pre className="sql" tabIndex={0} aria-label="Script">{change.migrationScript}</pre></Section>
      {change.findings.length > 0 && <Section title="Findings"><Notices notices={change.findings} /></Section>}
      {change.plan ? <ChangePlan plan={change.plan} /> : <p className="quiet">Not rehearsed yet: “Rehearse” tells what it would do, and changes nothing.</p>}
      <Approvals change={change} />
    </Page>
  );
}

function Actions(props: { change: Change }) {
  const { change } = props;
  const id = change.migrationId;
  const me = useQuery({ queryKey: ["me"], queryFn: () => get<Me>("/api/me"), staleTime: Infinity }).data;
  const queries = useQueryClient();
  const [starting, setStarting] = useState(false);
  const again = () => Promise.all([queries.invalidateQueries({ queryKey: ["change", id] }), queries.invalidateQueries({ queryKey: ["approvals", id] })]);
  const act = useMutation({ mutationFn: (verb: string) => post(`${V1}/migrations/${id}/${verb}`), onSettled: again });
  const open = !["InProgress", "Succeeded"].includes(change.status);
  const decides = change.status === "PendingApproval" && me?.scopes.includes("admin");
  const button = (verb: string, label: string, look: "default" | "filled" = "default") => (
    <Button key={verb} variant={look} loading={act.isPending && act.variables === verb} disabled={act.isPending} onClick={() => act.mutate(verb)}>{label}</Button>
  );
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="xs">
        {open && <Button component={Link} to={`/edit-change/${id}`} variant="default">Edit</Button>}
        {open && button("validate", "Rehearse")}
        {["Draft", "Failed", "RolledBack"].includes(change.status) && button("submit-approval", "Submit for approval")}
        {decides && button("reject", "Reject")}
        {decides && button("approve", "Approve", "filled")}
        {open && change.status !== "PendingApproval" && <Button onClick={() => setStarting(true)}>Carry it out</Button>}
      </Group>
      <Trouble error={act.error} />
      <Starting change={change} opened={starting} onClose={() => setStarting(false)} onDone={again} />
    </Stack>
  );
}

function Starting(props: { change: Change; opened: boolean; onClose: () => void; onDone: () => Promise<unknown> }) {
  const { change } = props;
  const [observe, setObserve] = useState<number | string>(30);
  const [ratio, setRatio] = useState<number | string>(1.4);
  const [wait, setWait] = useState<number | string>(5);
  const start = useMutation({
    mutationFn: (dryRun: boolean) => post(`${V1}/migrations/${change.migrationId}/execute`, { dryRun, observationSeconds: Number(observe), latencyRatioMax: Number(ratio), clientWaitSecondsMax: Number(wait) }),
    onSuccess: async () => {
      await props.onDone();
      props.onClose();
    },
  });
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={`Change ${change.targetDatabase}?`} centered lockScroll={false} closeButtonProps={{ "aria-label": "Close" }}>
      <Stack gap="sm">
        <p className="modal-text">It is rehearsed once more, carried out, and watched. It is taken back by itself when the queries of what it changed become slower than the limit.</p>
        <NumberInput label="Watch it for" suffix=" s" min={0} max={86400} value={observe} onChange={setObserve} />
        <NumberInput label="Take it back above" description="How many times slower than before, beside the other queries." min={1.01} max={100} step={0.1} decimalScale={2} value={ratio} onChange={setRatio} />
        <NumberInput label="End it when a client waits behind it for" suffix=" s" min={0.1} max={3600} decimalScale={1} value={wait} onChange={setWait} />
        <Trouble error={start.error} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" disabled={start.isPending} onClick={() => start.mutate(true)}>Dry run</Button>
          <Button loading={start.isPending} onClick={() => start.mutate(false)}>Carry it out</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Carried(props: { change: Change; id: string }) {
  const path = `${V1}/migrations/${props.change.migrationId}/executions/${props.id}`;
  const query = useQuery({ queryKey: ["execution", props.id], queryFn: () => get<Execution>(path), refetchInterval: (found) => (found.state.data && OVER.has(found.state.data.status) ? 5 * LOOK_MS : LOOK_MS) });
  const metrics = useQuery({ queryKey: ["metrics", props.id], queryFn: () => get<{ members: Record<string, Watched> }>(`${path}/metrics`), refetchInterval: LOOK_MS });
  const { refetch } = query;
  useEffect(() => void refetch(), [refetch, props.change.status]); // the title has it already
  const execution = query.data;
  if (!execution) return <Trouble error={query.error} />;
  const took = execution.completedAt ? duration(at(execution.completedAt) - at(execution.startedAt)) : "";
  return (
    <Section title="Carried out" aside={<span className="facts"><StateMark status={execution.status} /><span className="quiet">{took || `${execution.progress} %`}</span><Steering path={path} execution={execution} /></span>}>
      {execution.reason && <p className="note">{execution.reason}</p>}
      <TimeLine execution={execution} />
      {Object.entries(metrics.data?.members ?? {}).filter(([, watched]) => watched.points.length > 1).map(([member, watched]) => (
        <div className="plots" key={member}>
          <WatchPlot watched={watched} picked="ratio" title={`${member}: times slower than before`} />
          <WatchPlot watched={watched} picked="p99_ms" title={`${member}: p99 of its queries, ms`} />
          <WatchPlot watched={watched} picked="lag_seconds" title={`${member}: behind, s`} />
        </div>
      ))}
      {execution.findings.length > 0 && <Notices notices={execution.findings.filter((notice) => OF_RUNS.has(notice.code))} />}
    </Section>
  );
}

function Steering(props: { path: string; execution: Execution }) {
  const { execution, path } = props;
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState("");
  const queries = useQueryClient();
  const again = () => Promise.all([queries.invalidateQueries({ queryKey: ["execution"] }), queries.invalidateQueries({ queryKey: ["change"] })]);
  const back = useMutation({
    mutationFn: () => post(`${path}/rollback`, { reason }),
    onSettled: again,
    onSuccess: () => setAsking(false),
  });
  const steer = useMutation({ mutationFn: (verb: string) => post(`${path}/${verb}`), onSettled: again });
  if (execution.dryRun || execution.status === "RolledBack" || execution.status === "RollingBack") return null;
  return (
    <span className="row-actions">
      {execution.status === "Running" && <Button size="compact-sm" variant="default" onClick={() => steer.mutate("pause")}>Pause</Button>}
      {execution.status === "Paused" && <Button size="compact-sm" variant="default" onClick={() => steer.mutate("resume")}>Go on</Button>}
      <Button size="compact-sm" color="red" variant="light" onClick={() => setAsking(true)}>Roll back</Button>
      <Confirm opened={asking} onNo={() => setAsking(false)} onYes={() => back.mutate()} busy={back.isPending} error={back.error ?? steer.error} danger title="Roll it back?" verb="Roll it back">
        What it did is taken back, in reverse order. <Textarea component="textarea" label="Why" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
      </Confirm>
    </span>
  );
}

function Approvals(props: { change: Change }) {
  const id = props.change.migrationId;
  const query = useQuery({ queryKey: ["approvals", id], queryFn: () => get<{ approvals: Approval[] }>(`${V1}/migrations/${id}/approvals`), refetchInterval: 3 * LOOK_MS });
  const approvals = query.data?.approvals ?? [];
  if (!approvals.length) return <Trouble error={query.error} />;
  return (
    <Section title="Approvals">
      <ul className="members">
        {approvals.map((one) => (
          <li key={one.approvalId}>
            <StateMark status={one.status} />
            <span className="quiet">{one.approvalsNeeded ? `${one.approvalsGiven} of ${one.approvalsNeeded}` : "nobody has to"}</span>
            <span>
              Submitted by {one.submittedBy}, {ago(at(one.submittedAt))}; {word(one.status)}.
              {one.reviews.map((review) => <div key={review.at + review.by} className="quiet">{review.by}: {review.verdict.toLowerCase()}{review.notes && `, “${review.notes}”`}</div>)}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
