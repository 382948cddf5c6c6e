// What the server says, as it is described at /openapi/wayfare.json. Times are seconds since the epoch.
import { QueryCache, QueryClient } from "@tanstack/react-query";

export type Status = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "undoing" | "undone";
export const STATUSES: Status[] = [
  "queued", "running", "waiting", "succeeded", "failed", "cancelled", "undoing", "undone",
];
export const ENDED: ReadonlySet<Status> = new Set<Status>(["succeeded", "failed", "cancelled", "undone"]);

export interface Me { name: string; tenant: string; scopes: string[]; local: boolean; version: string }
export interface System {
  name: string; title: string; example: string; port: number; in_a_path: boolean; source_only: boolean; missing: string[];
}
export interface Check {
  ok: boolean; at: number; latency_ms: number; version: string; message: string; code: string;
  findings: Finding[];
}
export interface Connection {
  id: string; name: string; system: string; url: string; user: string; host: string; database: string;
  checked: Check | null; created_at: number;
}
export interface Column { name: string; type: string; nullable: boolean; comment: string }
export interface DescribedTable {
  name: string; rows_estimate: number; bytes_estimate: number; key: string[]; comment: string; columns: Column[];
}
export interface Description { version: string; tables: DescribedTable[] }
export interface Finding { code: string; severity: "info" | "warning" | "error"; message: string; where: string; advice: string }
export interface CopyWish {
  source: string; target: string; tables: string[]; exclude: string[]; mode: Mode;
  schema_only: boolean; data_only: boolean; keep_replaced: boolean;
  incremental: boolean; cursor: string; deletes: boolean;
  masks: string[]; allow_loss: string[]; rows_per_second: number;
}
export type Mode = "replace" | "append" | "merge";
export interface Run {
  id: string; kind: string; title: string; status: Status; asked: string; reason: string;
  request: Partial<CopyWish> & Record<string, unknown>; plan_digest: string;
  created_at: number; started_at: number | null; ended_at: number | null;
}
export interface Failure { code?: string; message?: string; remedy?: string; where?: string }
export interface Standing extends Run {
  phases: { name: string; steps: number; steps_done: number }[];
  tables: { source: string; target: string; rows: number; chunks: number; chunks_done: number }[];
  findings: Finding[]; failure: Failure | null; reports: Record<string, string>;
}
export interface PlannedTable {
  source: string; target: string; rows_estimate?: number; bytes_estimate?: number; chunks?: number; statements?: string[];
}
export interface Plan {
  digest: string; blocked: boolean; findings: Finding[];
  phases: { name: string; steps: unknown[] }[];
  subject: { title?: string; tables?: PlannedTable[]; views?: { name: string; definition: string }[] };
}
export interface Due { at: number; local: string; note: string }
export interface Schedule {
  id: string; name: string; paused: boolean; next_at: number | null; owner_name: string; cron: string; at: number | null;
  zone: string; missed: string; copy: Partial<CopyWish>; next_times: Due[];
}
export interface Start { due_at: number; state: string; run: string; reason: string; passed_over: number }
export interface AuditEntry {
  sequence: number; at: number; who: string; action: string; subject: string; outcome: string;
  details: Record<string, unknown>;
}
export interface JournalEvent {
  sequence: number; at: number; name: string; step: string; attempt: number; data: Record<string, unknown>;
}
export interface TableProgress {
  source: string; target: string; rows: number; rows_expected: number; rows_per_second: number; seconds_left: number | null;
  chunks: number; chunks_done: number; running: boolean; loaded: boolean; verified: boolean;
}
export interface Progress {
  status: Status; phase: string; rows: number; rows_expected: number; rows_per_second: number; tables: TableProgress[];
}

/** A refusal: what is wrong, and what to do about it (RFC 9457, with our fields). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly remedy = "",
    readonly where = "",
    readonly code = "",
  ) {
    super(message);
  }
}

// The token lives as long as the tab: whoever closes it has signed out.
const TOKEN = "wayfare.token";
export const token = {
  get: () => sessionStorage.getItem(TOKEN) ?? "",
  set: (value: string) => sessionStorage.setItem(TOKEN, value),
  clear: () => sessionStorage.removeItem(TOKEN),
};

// Where to go after signing in elsewhere. Only this tab and our own pages write it.
const BACK = "wayfare.back";
export const back = {
  set: (place: string) => sessionStorage.setItem(BACK, place),
  take: () => {
    const place = sessionStorage.getItem(BACK) ?? "";
    sessionStorage.removeItem(BACK);
    return place.startsWith("/ui/") ? place : "";
  },
};

/** What was asked for, with the tag that tells whether somebody has changed it since. */
export interface Tagged<T> { value: T; tag: string }

async function sent(method: string, path: string, body: unknown, headers: Record<string, string>): Promise<{ text: string; tag: string }> {
  const all: Record<string, string> = { ...headers };
  if (body !== undefined) all["content-type"] = "application/json";
  if (token.get()) all["authorization"] = `Bearer ${token.get()}`;
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers: all, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new Problem(0, "The server does not answer.", "See whether wayfare serve still runs, and try again.");
  }
  const text = await answer.text();
  if (answer.ok) return { text, tag: answer.headers.get("etag") ?? "" };
  throw problemOf(answer.status, text);
}

export async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const { text } = await sent(method, path, body, headers);
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function tagged<T>(path: string): Promise<Tagged<T>> {
  const { text, tag } = await sent("GET", path, undefined, {});
  return { value: JSON.parse(text) as T, tag };
}

interface Envelope { message: string; remedy?: string; code?: string; details?: { field: string }[] } // of /api/v1

function problemOf(status: number, text: string): Problem {
  try {
    const answer = JSON.parse(text) as Record<string, string> & { error?: Envelope };
    if (answer.error && typeof answer.error === "object") {
      const { message, remedy, code, details } = answer.error;
      return new Problem(status, message, remedy, details?.[0]?.field, code);
    }
    const told: Record<string, string> = answer as Record<string, string>;
    const message = told["message"] ?? told["detail"] ?? "";
    if (message) return new Problem(status, message, told["remedy"], told["where"], told["code"]);
  } catch {
    // not from us: a proxy's page, perhaps
  }
  return new Problem(status, `The server answered ${status}.`, "Its log tells more.");
}

export const get = <T>(path: string) => call<T>("GET", path);
export const post = <T>(path: string, body?: unknown, headers?: Record<string, string>) => call<T>("POST", path, body, headers);
export const remove = (path: string) => call<void>("DELETE", path);
export const named = (name: string) => encodeURIComponent(name);

/** Whoever is told that their sign-in has ended is asked for again, and so comes to sign in. */
export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      const ended = error instanceof Problem && error.status === 401;
      if (ended && query.queryKey[0] !== "me") void queries.invalidateQueries({ queryKey: ["me"] });
    },
  }),
  defaultOptions: {
    queries: {
      retry: (times, error) => times < 2 && (!(error instanceof Problem) || error.status === 0 || error.status >= 502),
      staleTime: 2_000,
    },
  },
});
