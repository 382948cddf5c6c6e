// Rows per second over time: from the journal for what is past, from progress for what happens now.
import type { JournalEvent, Progress } from "./api";

export type Series = [seconds: number[], rows: number[]]; // since it began

const POINTS_MAX = 240;
const WORTH_SECONDS = 1; // a shorter past is the run's beginning, which was seen live
const LIVE_MAX = 7200;

interface Load { from: number; to: number; rows: number }

export class Rates {
  private loads: Load[] = [];
  private live: { at: number; rate: number }[] = [];

  see(event: JournalEvent) {
    if (event.name !== "step_done" || !event.step.startsWith("load ")) return;
    const rows = Number((event.data["result"] as { rows?: number } | undefined)?.rows ?? 0);
    const seconds = Math.max(Number(event.data["seconds"] ?? 0), 0.001);
    this.loads.push({ from: event.at - seconds, to: event.at, rows });
  }

  measure(at: number, progress: Progress) {
    if (!this.live.length && progress.rows && !progress.rows_per_second) return; // joined midway: not measured yet
    if (progress.tables.some((table) => table.running)) this.live.push({ at, rate: progress.rows_per_second });
    if (this.live.length > LIVE_MAX) this.live = this.live.filter((_, index) => index % 2 === 0);
  }

  /** What was seen live stands as it was seen; before it, each chunk's rows are spread over the time it took. */
  series(): Series {
    const liveFrom = this.live.length > 1 ? this.live[0]!.at : Infinity;
    const [times, rows] = spread(this.loads, liveFrom);
    for (const { at, rate } of this.live.length > 1 ? this.live : []) {
      times.push(at);
      rows.push(rate);
    }
    const began = times[0] ?? 0;
    return [times.map((at) => at - began), rows];
  }
}

export function spread(loads: Load[], until: number): Series {
  const before = loads.filter((load) => load.from < until);
  if (!before.length) return [[], []];
  const start = Math.min(...before.map((load) => load.from));
  if (until !== Infinity && until - start < WORTH_SECONDS) return [[], []];
  const end = Math.min(until, Math.max(...before.map((load) => load.to)));
  const width = Math.max((end - start) / POINTS_MAX, 0.1);
  const buckets = new Float64Array(Math.max(Math.ceil((end - start) / width), 1));
  for (const { from, to, rows } of before) {
    const first = Math.floor((from - start) / width);
    const last = Math.min(Math.floor((to - start) / width), buckets.length - 1);
    for (let bucket = first; bucket <= last; bucket += 1) {
      const share = Math.min(to, start + (bucket + 1) * width) - Math.max(from, start + bucket * width);
      buckets[bucket]! += (rows * Math.max(share, 0)) / (to - from) / width;
    }
  }
  const times = Array.from(buckets, (_, index) => start + (index + 0.5) * width);
  return [times, Array.from(buckets, Math.round)];
}
