import type { TableProgress } from "../api";
import { compact, count, duration } from "../format";

/** A bar for each table: how much of it has arrived, how fast, how long still. */
export function TableBars(props: { tables: TableProgress[]; ended: boolean }) {
  return (
    <ul className="bars">
      {props.tables.map((table) => {
        const { share, state } = standing(table, props.ended);
        return (
          <li key={table.source} className={table.running && !props.ended ? "bar-running" : ""}>
            <div className="bar-name">
              <span title={table.source}>{table.source}</span>
              {table.target !== table.source && <span className="quiet" title={table.target}> → {table.target}</span>}
            </div>
            <progress aria-label={`${table.source} copied`} value={share} max={1} className={table.verified ? "verified" : ""} />
            <div className="bar-rows">
              {count(table.rows)}
              {!table.loaded && <span className="quiet"> of {table.rows_expected ? `about ${compact(table.rows_expected)}` : "?"}</span>}
            </div>
            <div className="bar-state quiet">{state}</div>
          </li>
        );
      })}
    </ul>
  );
}

function standing(table: TableProgress, ended: boolean): { share: number; state: string } {
  if (table.verified) return { share: 1, state: "✓ verified" };
  if (table.loaded) return { share: 1, state: ended ? "copied" : "copied, not verified yet" };
  const share = table.rows_expected ? Math.min(table.rows / table.rows_expected, 1) : 0;
  if (ended) return { share, state: table.rows ? "stopped" : "not begun" };
  if (!table.running) return { share, state: "waits" };
  const rate = table.rows_per_second ? `${compact(table.rows_per_second)} rows/s` : "begun";
  const left = table.seconds_left === null ? "" : `, ${duration(table.seconds_left)} left`;
  return { share, state: rate + left };
}
