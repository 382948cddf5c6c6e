import { useEffect, useRef } from "react";
import type { JournalEvent } from "../api";
import { clock } from "../format";
import { line, tone } from "../words";

/** The newest lines of the journal; it follows as long as one has not scrolled up. */
export function LogTail(props: { events: JournalEvent[] }) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [props.events]);
  const scrolled = () => {
    const found = box.current;
    if (found) follows.current = found.scrollHeight - found.scrollTop - found.clientHeight < 24;
  };
  return (
    <div className="log" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-label="What has happened" aria-live="off">
      {props.events.map((event) => {
        const text = line(event);
        return text && <div key={event.sequence} className={`log-${tone(event)}`}><time>{clock(event.at)}</time>{text}</div>;
      })}
    </div>
  );
}
