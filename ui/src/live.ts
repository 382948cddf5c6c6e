// A run as it happens, over a WebSocket. Cut off, it comes back with the last sequence it has seen and misses nothing.
import { useEffect, useState } from "react";
import { type JournalEvent, type Progress, token } from "./api";
import { Rates, type Series } from "./rates";

const EVENTS_KEPT = 500;
const REDRAWN_MS = 200;
const RETRY_MS = [500, 1000, 2000, 5000];

export interface Live {
  events: JournalEvent[]; // the newest, oldest first
  last: number; // sequence of the newest
  progress: Progress | null;
  rates: Series;
  ended: boolean;
  connected: boolean;
}

const NOTHING: Live = { events: [], last: 0, progress: null, rates: [[], []], ended: false, connected: false };

interface News { events: JournalEvent[]; progress: Progress | null; ended: boolean }

class Stream {
  private events: JournalEvent[] = [];
  private last = 0;
  private progress: Progress | null = null;
  private rates = new Rates();
  private ended = false;
  private failures = 0;
  private socket: WebSocket | null = null;
  private timer = 0;
  private drawing = 0;

  constructor(private readonly run: string, private readonly tell: (live: Live) => void) {
    this.open();
  }

  close() {
    window.clearTimeout(this.timer);
    window.clearTimeout(this.drawing);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const protocols = ["wayfare.events", ...(token.get() ? [`bearer.${token.get()}`] : [])];
    const url = `${scheme}://${location.host}/ws/runs/${encodeURIComponent(this.run)}?since=${this.last}`;
    const socket = (this.socket = new WebSocket(url, protocols));
    socket.onmessage = (message) => this.take(JSON.parse(String(message.data)) as News);
    socket.onclose = () => {
      if (this.socket !== socket) return; // closed by us
      this.socket = null;
      this.draw();
      if (!this.ended) this.timer = window.setTimeout(() => this.open(), RETRY_MS[Math.min(this.failures++, 3)]);
    };
  }

  private take(news: News) {
    this.failures = 0;
    this.ended = news.ended;
    const fresh = news.events.filter((event) => event.sequence > this.last);
    this.last = fresh.at(-1)?.sequence ?? this.last;
    this.events = [...this.events, ...fresh].slice(-EVENTS_KEPT);
    fresh.forEach((event) => this.rates.see(event));
    if (news.progress) {
      this.progress = news.progress;
      this.rates.measure(Date.now() / 1000, news.progress);
    }
    this.draw();
  }

  private draw() {
    if (this.drawing) return;
    this.drawing = window.setTimeout(() => {
      this.drawing = 0;
      const { events, last, progress, ended } = this;
      this.tell({ events, last, progress, ended, rates: this.rates.series(), connected: this.socket !== null });
    }, this.last > 0 && this.events.length > 1 ? REDRAWN_MS : 0);
  }
}

/** `round` changes when an ended run goes on again, so that it is watched again. */
export function useLive(run: string, round: number): Live {
  const [live, setLive] = useState(NOTHING);
  useEffect(() => {
    const stream = new Stream(run, setLive);
    return () => stream.close();
  }, [run, round]);
  return live;
}
