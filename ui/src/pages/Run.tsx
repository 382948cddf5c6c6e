import { Anchor } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { ENDED, Problem, type Standing, type TableProgress, get, named, token } from "../api";
import { compact, count, duration, plural } from "../format";
import { type Live, useLive } from "../live";
import { Findings, StatusMark } from "../parts/Badges";
import { LogTail } from "../parts/LogTail";
import { Page, Section } from "../parts/Page";
import { Phases } from "../parts/Phases";
import { RatePlot } from "../parts/RatePlot";
import { RunActions } from "../parts/RunActions";
import { TableBars } from "../parts/TableBars";
import { Loaded, Trouble } from "../parts/Trouble";

const SETTLED_MS = 400; // the standing is asked for again when the journal has been quiet, or …
const LOOK_MS = 2000; // … as often as this

export function RunPage() {
  const { id } = useParams({ from: "/signed-in/runs/$id" });
  const [round, setRound] = useState(0);
  const live = useLive(id, round);
  const queries = useQueryClient();
  const query = useQuery({
    queryKey: ["run", id],
    queryFn: () => get<Standing>(`/api/runs/${named(id)}`),
    refetchInterval: live.ended ? false : LOOK_MS,
  });
  useEffect(() => {
    if (!live.last) return;
    const timer = window.setTimeout(() => void queries.invalidateQueries({ queryKey: ["run", id] }), SETTLED_MS);
    return () => window.clearTimeout(timer);
  }, [live.last, live.ended, id, queries]);
  const asked = () => {
    setRound(round + 1);
    void queries.invalidateQueries({ queryKey: ["run", id] });
  };
  return <Loaded query={query}>{(run) => <Whole run={run} live={live} onAsked={asked} />}</Loaded>;
}

function Whole(props: { run: Standing; live: Live; onAsked: () => void }) {
  const { run, live } = props;
  const ended = ENDED.has(run.status);
  const progress = live.progress;
  const tables = progress?.tables ?? run.tables.map(unmeasured);
  return (
    <Page
      name={`Run ${run.id}`} title={<span className="run-title">{run.title}</span>}
      lead={<span className="facts"><StatusMark status={run.status} asked={run.asked} /><code>{run.id}</code><Clock run={run} /></span>}
      actions={<RunActions run={run} onAsked={props.onAsked} />}
    >
      {!live.connected && !live.ended && live.last > 0 && <p className="quiet" role="status">The connection was cut off; trying again…</p>}
      {run.failure && run.status === "failed" && (
        <Trouble error={new Problem(0, run.failure.message || run.reason, run.failure.remedy, run.failure.where, run.failure.code)} />
      )}
      <Phases phases={run.phases} at={progress?.phase ?? ""} status={run.status} />
      <div className="run-numbers">
        <Figure name="Rows" value={count(progress?.rows ?? sum(tables))} of={progress && !ended ? `of about ${compact(progress.rows_expected)}` : ""} />
        <Figure name="Rows per second" value={ended ? average(run, sum(tables)) : compact(progress?.rows_per_second ?? 0)} of={ended ? "on average" : "now"} />
        <Figure name="Tables" value={`${tables.filter((table) => table.verified).length}`} of={`of ${tables.length} verified`} />
      </div>
      <Section title="Rows per second"><RatePlot series={live.rates} /></Section>
      <Section title={plural(tables.length, "table")}><TableBars tables={tables} ended={ended} /></Section>
      {run.findings.length > 0 && <Section title={plural(run.findings.length, "finding")}><Findings findings={run.findings} /></Section>}
      <Section title="Log" aside={<Reports run={run} />}><LogTail events={live.events} /></Section>
    </Page>
  );
}

function Figure(props: { name: string; value: string; of: string }) {
  return <div><div className="quiet">{props.name}</div><strong>{props.value}</strong> <span className="quiet">{props.of}</span></div>;
}

function Clock(props: { run: Standing }) {
  const { started_at, ended_at } = props.run;
  const [now, setNow] = useState(Date.now() / 1000);
  useEffect(() => {
    if (ended_at || !started_at) return;
    const timer = window.setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => window.clearInterval(timer);
  }, [started_at, ended_at]);
  if (!started_at) return null;
  return <span>{ended_at ? `took ${duration(ended_at - started_at)}` : `for ${duration(Math.floor(Math.max(now - started_at, 0)) || 0.1)}`}</span>;
}

/** A link could not carry the token, so reports are fetched with it and then saved. */
function Reports(props: { run: Standing }) {
  const [error, setError] = useState<unknown>(null);
  if (!ENDED.has(props.run.status)) return null;
  const open = (name: string, path: string) => download(path, name).catch(setError);
  return (
    <span className="facts">
      <Trouble error={error} />
      {Object.entries(props.run.reports).map(([name, path]) => (
        <Anchor key={name} component="button" type="button" size="sm" onClick={() => void open(`${props.run.id}-${name}`, path)}>{name}</Anchor>
      ))}
    </span>
  );
}

async function download(path: string, name: string) {
  const answer = await fetch(path, { headers: token.get() ? { authorization: `Bearer ${token.get()}` } : {} });
  if (!answer.ok) throw new Problem(answer.status, `The server answered ${answer.status}.`, "Try again.");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

const sum = (tables: TableProgress[]) => tables.reduce((rows, table) => rows + table.rows, 0);

const average = (run: Standing, rows: number) => {
  const seconds = (run.ended_at ?? 0) - (run.started_at ?? 0);
  return seconds > 0 ? compact(rows / seconds) : "–";
};

const unmeasured = (table: Standing["tables"][number]): TableProgress => ({
  ...table, rows_expected: table.rows, rows_per_second: 0, seconds_left: null, running: false,
  loaded: table.chunks > 0 && table.chunks_done === table.chunks, verified: false,
});
