import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { compact } from "../format";
import type { Series } from "../rates";

const HEIGHT = 170;

/** Rows per second over time. Its colours are those of the page, in either scheme. */
export function RatePlot(props: { series: Series }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const found = place.current;
    if (!found) return;
    const made = (plot.current = new uPlot(options(found), [[], []], found));
    const resized = new ResizeObserver(() => made.setSize({ width: found.clientWidth, height: HEIGHT }));
    resized.observe(found);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => made.redraw();
    scheme.addEventListener("change", redraw);
    return () => {
      scheme.removeEventListener("change", redraw);
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(props.series), [props.series]);
  const peak = Math.max(0, ...props.series[1]);
  return (
    <div className="plot">
      <div ref={place} role="img" aria-label={`Rows per second over time, ${compact(peak)} at most`} />
      {props.series[0].length < 2 && <div className="plot-empty quiet">Nothing has moved yet.</div>}
    </div>
  );
}

const elapsed = (seconds: number) => (seconds < 60 ? `${+seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`);

function options(element: HTMLElement): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
  const axis: uPlot.Axis = {
    stroke: colour("--text-quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width: element.clientWidth || 600,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { time: false }, y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [{ ...axis, size: 30, values: (_plot, ticks) => ticks.map(elapsed) }, { ...axis, size: 56, values: (_plot, ticks) => ticks.map(compact) }],
    series: [{}, { stroke: colour("--accent"), fill: colour("--accent-faint"), width: 1.5, points: { show: false } }],
  };
}
