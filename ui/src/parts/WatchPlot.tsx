import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Watched } from "../changes";

const HEIGHT = 150;
type Picked = "ratio" | "lag_seconds" | "p99_ms";

/** One measure of a server over time; the limit that takes the change back is drawn, where there is one. */
export function WatchPlot(props: { watched: Watched; picked: Picked; title: string }) {
  const { watched, picked } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const limit = picked === "ratio" ? watched.limit : undefined;
  useEffect(() => {
    const found = place.current;
    if (!found) return;
    const made = (plot.current = new uPlot(options(found, limit), [[], [], []], found));
    const resized = new ResizeObserver(() => made.setSize({ width: found.clientWidth, height: HEIGHT }));
    resized.observe(found);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [limit]);
  useEffect(() => {
    const first = watched.points[0]?.at ?? 0;
    plot.current?.setData([
      watched.points.map((point) => point.at - first),
      watched.points.map((point) => point[picked]),
      watched.points.map(() => limit ?? null),
    ]);
  }, [watched, picked, limit]);
  const last = watched.points.at(-1)?.[picked];
  const told = typeof last === "number" ? last.toFixed(2) : "nothing yet";
  return (
    <figure className="plot watch-plot">
      <figcaption>{props.title}</figcaption>
      <div ref={place} role="img" aria-label={`${props.title}: ${told}${limit ? `, limit ${limit}` : ""}`} />
    </figure>
  );
}

function options(element: HTMLElement, limit: number | undefined): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
  const axis: uPlot.Axis = {
    stroke: colour("--text-quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif",
  };
  return {
    width: element.clientWidth || 400,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { time: false }, y: { range: (_plot, _min, max) => [0, Math.max((max ?? 0) * 1.15, (limit ?? 0) * 1.15, 0.1)] } },
    axes: [{ ...axis, size: 28, values: (_plot, ticks) => ticks.map((tick) => `${tick} s`) }, { ...axis, size: 46 }],
    series: [{}, { stroke: colour("--accent"), width: 1.5, points: { size: 5, fill: colour("--accent") } }, { stroke: colour("--bad"), width: 1, dash: [5, 4], points: { show: false } }],
  };
}
