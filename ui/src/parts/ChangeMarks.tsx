import type { Finding } from "../api";
import { type Notice, tone, word } from "../changes";
import { Findings } from "./Badges";

export function StateMark(props: { status: string }) {
  return <span className={`mark mark-${tone(props.status)}`}><i aria-hidden="true" />{word(props.status)}</span>;
}

/** What lint and rehearsal have to say. */
export function Notices(props: { notices: Notice[] }) {
  const findings: Finding[] = props.notices.map((notice) => ({
    code: notice.code,
    severity: (notice.severity.toLowerCase() || "info") as Finding["severity"],
    message: notice.message,
    where: notice.message.startsWith(notice.line) ? "" : notice.line,
    advice: notice.recommendation,
  }));
  return <Findings findings={findings} />;
}
