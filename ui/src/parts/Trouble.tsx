import { Alert, Button, Skeleton, Stack } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Problem } from "../api";

/** What went wrong, and what to do about it. */
export function Trouble(props: { error: unknown; again?: () => void }) {
  const { error } = props;
  if (!error) return null;
  const problem = error instanceof Problem ? error : new Problem(0, String(error), "Load the page again.");
  return (
    <Alert color="red" variant="light" role="alert" title={problem.where ? `${problem.where}: ${problem.message}` : problem.message}>
      {problem.remedy}
      {props.again && (
        <div><Button size="compact-sm" variant="default" mt="xs" onClick={props.again}>Try again</Button></div>
      )}
    </Alert>
  );
}

/** A query's answer once it is there; till then its outline, or what went wrong. */
export function Loaded<T>(props: { query: UseQueryResult<T>; children: (found: T) => ReactNode }) {
  const { data, error, refetch } = props.query;
  if (data !== undefined) {
    return (
      <>
        {error && <Trouble error={error} again={() => void refetch()} />}
        {props.children(data)}
      </>
    );
  }
  if (error) return <Trouble error={error} again={() => void refetch()} />;
  return (
    <Stack gap="sm" aria-busy="true" aria-label="Loading">
      {[0, 1, 2].map((row) => <Skeleton key={row} height={44} />)}
    </Stack>
  );
}
