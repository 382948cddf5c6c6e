import { Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";
import { post } from "../api";
import { type Notice, V1 } from "../changes";
import { Notices } from "./ChangeMarks";
import { Trouble } from "./Trouble";

const QUIET_MS = 350; // after the last key

/** SQL with what lint says of it, as one types. */
export function ScriptField(props: { label: string; description: string; database: string | null; value: string; onChange: (value: string) => void; required?: boolean; linted?: boolean }) {
  const { database, value } = props;
  const [settled] = useDebouncedValue(value, QUIET_MS);
  const query = useQuery({
    queryKey: ["lint", database, settled],
    queryFn: () => post<{ errors: Notice[]; warnings: Notice[]; statements: number }>(`${V1}/lint`, { migrationScript: settled, targetDatabaseId: database }),
    enabled: Boolean(props.linted !== false && database && settled.trim()),
    staleTime: Infinity,
    placeholderData: (before) => before,
  });
  const found = database && value.trim() ? query.data : undefined;
  const notices = found ? [...found.errors, ...found.warnings] : [];
  return (
    <div>
      <Textarea
        label={props.label} description={props.description} value={value} required={props.required ?? false} autosize minRows={5} maxRows={24}
        classNames={{ input: "script" }} spellCheck={false} autoComplete="off" onChange={(event) => props.onChange(event.currentTarget.value)}
      />
      <div className="lint" role="status" aria-label={`Lint of ${props.label}`}>
        {found && !notices.length && <span className="mark mark-good"><i aria-hidden="true" />Nothing to say: {found.statements} {found.statements === 1 ? "statement" : "statements"}.</span>}
        {notices.length > 0 && <Notices notices={notices} />}
      </div>
      <Trouble error={query.error} />
    </div>
  );
}
