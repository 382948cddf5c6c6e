// The journal in words: a line for each thing that a person watching would want to know.
import type { Finding, JournalEvent } from "./api";

export function line(event: JournalEvent): string {
  const { data, step } = event;
  const text = (name: string) => String(data[name] ?? "");
  switch (event.name) {
    case "created": return "recorded";
    case "status": return text("reason") ? `${text("to")}: ${text("reason")}` : text("to");
    case "phase_started": return `${step}: begun`;
    case "phase_done": return `${step}: done`;
    case "step_done": return step.includes(" ") ? `${step}: done${amount(data["result"])}` : ""; // the phase of that name tells it
    case "step_undone": return `${step}: undone`;
    case "step_failed": return `${step}: ${text("message") || "failed"}${data["retryable"] ? " Trying again." : ""}`;
    case "finding": return finding(data as unknown as Finding);
    case "adopted": return `taken over from ${text("from") || "a process that is gone"}`;
    case "asked": return `asked: ${text("what")}`;
    default: return "";
  }
}

const amount = (result: unknown) => {
  const rows = (result as { rows?: number } | null)?.rows;
  return typeof rows === "number" ? `, ${rows.toLocaleString("en")} rows` : "";
};

const finding = (found: Finding) => `${found.severity}: ${found.where ? `${found.where}: ` : ""}${found.message}`;

export function tone(event: JournalEvent): "bad" | "odd" | "good" | "plain" {
  if (event.name === "step_failed") return event.data["retryable"] ? "odd" : "bad";
  if (event.name === "finding") return event.data["severity"] === "error" ? "bad" : event.data["severity"] === "warning" ? "odd" : "plain";
  if (event.name === "status") return event.data["to"] === "failed" ? "bad" : event.data["to"] === "succeeded" ? "good" : "plain";
  return "plain";
}
