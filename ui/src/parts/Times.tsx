import type { Due } from "../api";

/** The next times as the clocks of the schedule's zone show them, with what a change of the clocks does to them. */
export function Times(props: { times: Due[]; none: string }) {
  if (!props.times.length) return <p className="quiet">{props.none}</p>;
  return (
    <ol className="times" aria-label="Next times">
      {props.times.map((due) => (
        <li key={due.at}>
          <time dateTime={due.local}>{onTheWall(due.local)}</time>
          {due.note && <div className="note">{due.note}</div>}
        </li>
      ))}
    </ol>
  );
}

const DAY = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** "2026-03-29T03:00:00+02:00" → "Sun, Mar 29, 2026, 03:00 (+02:00)" */
function onTheWall(local: string): string {
  const [, date, time, offset] = /^(\d+-\d+-\d+)T(\d+:\d+(?::(?!00)\d+)?)(?::00)?(?:\.\d+)?([+-].*|Z)?$/.exec(local) ?? [];
  if (!date || !time) return local;
  return `${DAY.format(new Date(`${date}T00:00:00Z`))}, ${time} (${!offset || offset === "+00:00" ? "UTC" : offset})`;
}
