// Document 001, as far as the pages show it. Described at /openapi/orchestrator.json. Times are ISO 8601.
import { get } from "./api";

export interface Notice { message: string; recommendation: string; field: string; code: string; line: string; severity: string }
export interface Line {
  migrationId: string; name: string; status: string; targetDatabase: string; riskLevel: string; strategy: string;
  createdBy: string; createdAt: string; updatedAt: string;
}
export interface Statement {
  sql: string; line: number; kinds: string[]; locks: Record<string, string>; blocks: Record<string, string>;
  rewrites: string[]; scans: string[]; creates: string[]; drops: string[]; clause: string; estimateSeconds: number; error: string;
}
export interface Plan {
  statements: Statement[]; rollback: Statement[]; rollbackBy: string; rollbackProved: boolean; estimateSeconds: number;
  rollbackSeconds: number; riskReasons: string[]; difference: string; fingerprint: string; studiedAt: string;
}
export interface Change extends Line {
  description: string; migrationScript: string; rollbackScript: string; tags: string[]; requiresApproval: boolean;
  approvalsNeeded: number; approvalsGiven: number; environment: string; plan: Plan | null; findings: Notice[];
  lastExecutionId: string | null;
}
export interface Approval {
  approvalId: string; status: string; submittedBy: string; submittedAt: string; expiresAt: string; approvalsNeeded: number;
  approvalsGiven: number; reviews: { by: string; verdict: string; notes: string; at: string }[];
}
export interface PhaseStep { name: string; status: string; seconds: number | null; message: string }
export interface Execution {
  executionId: string; status: string; startedAt: string; completedAt: string | null; currentPhase: string | null; progress: number;
  reason: string; dryRun: boolean; strategy: string; phases: { name: string; status: string; steps: PhaseStep[] }[]; findings: Notice[];
  performanceMetrics: { avgQueryLatencyMs: number | null; p99QueryLatencyMs: number | null; replicationLagSeconds: number | null; latencyRatio: number | null };
}
export interface Point { at: number; ratio: number | null; mean_ms: number; p99_ms: number; lag_seconds: number; waiting: number }
export interface Watched { points: Point[]; lag_seconds: number; limit?: number }
export interface Member {
  member: string; role: string; isHealthy: boolean; activeConnections: number | null; replicationLag: number | null;
  version: string; message: string;
}
export interface Database {
  databaseId: string; name: string; type: string; environment: string; members: Member[];
  health: { isHealthy: boolean; activeConnections: number; replicationLag: number };
}

export const V1 = "/api/v1";
export const databasesQuery = {
  queryKey: ["databases"],
  queryFn: () => get<{ databases: Database[] }>(`${V1}/databases`),
};
export const STATES = ["Draft", "PendingApproval", "Approved", "InProgress", "Succeeded", "Failed", "RolledBack"];
export const OVER = new Set(["Succeeded", "Failed", "RolledBack"]);

const TONES: Record<string, string> = {
  Draft: "plain", PendingApproval: "odd", Approved: "good", InProgress: "live", Running: "live", Succeeded: "good", Failed: "bad",
  RolledBack: "odd", RollingBack: "odd", Paused: "odd", Pending: "plain",
};
export const tone = (status: string) => TONES[status] ?? "plain";
/** "PendingApproval" → "pending approval" */
export const word = (status: string) => status.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
export const at = (iso: string) => Date.parse(iso) / 1000;
