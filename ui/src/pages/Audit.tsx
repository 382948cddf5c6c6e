import { Button, Table } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type AuditEntry, get } from "../api";
import { count, moment } from "../format";
import { Empty, Page } from "../parts/Page";
import { Trouble } from "../parts/Trouble";

const AT_ONCE = 50;

/** Who did what, and whether the chain of entries still holds. */
export function Audit() {
  const query = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam }) => get<{ entries: AuditEntry[] }>(`/api/audit?limit=${AT_ONCE}${pageParam ? `&before=${pageParam}` : ""}`),
    initialPageParam: 0,
    getNextPageParam: (page) => (page.entries.length === AT_ONCE ? page.entries.at(-1)?.sequence : undefined),
  });
  const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <Page name="Audit" title="Audit" lead="Who did what. Each entry holds the hash of the one before it.">
      <Trouble error={query.error} again={() => void query.refetch()} />
      {query.data && (entries.length ? (
        <>
          <Chain />
          <div className="scrolls">
            <Table verticalSpacing="xs">
              <Table.Thead>
                <Table.Tr><Table.Th className="number">No.</Table.Th><Table.Th>Time</Table.Th><Table.Th>Who</Table.Th><Table.Th>What</Table.Th><Table.Th>Details</Table.Th><Table.Th>Outcome</Table.Th></Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {entries.map((entry) => (
                  <Table.Tr key={entry.sequence}>
                    <Table.Td className="number">{entry.sequence}</Table.Td>
                    <Table.Td className="moment">{moment(entry.at)}</Table.Td>
                    <Table.Td>{entry.who}</Table.Td>
                    <Table.Td><code>{entry.action}</code></Table.Td>
                    <Table.Td className="address">{told(entry)}</Table.Td>
                    <Table.Td>{entry.outcome}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
          {query.hasNextPage && <Button variant="default" mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show older</Button>}
        </>
      ) : (
        <Empty title="Nothing was recorded yet">Whatever people change from now on, such as adding a connection, stands here.</Empty>
      ))}
    </Page>
  );
}

function Chain() {
  const query = useQuery({ queryKey: ["chain"], queryFn: () => get<{ entries: number; broken: string }>("/api/audit/chain"), staleTime: 0 });
  return (
    <div className="chain" role="status">
      {query.error ? <Trouble error={query.error} /> : !query.data ? <span className="quiet">The chain is read…</span> : query.data.broken ? (
        <span className="mark mark-bad"><i aria-hidden="true" />{query.data.broken}</span>
      ) : (
        <span className="mark mark-good"><i aria-hidden="true" />The chain holds: {count(query.data.entries)} entries, as they were written.</span>
      )}
      <Button size="compact-sm" variant="default" loading={query.isFetching} onClick={() => void query.refetch()}>Verify again</Button>
    </div>
  );
}

const told = (entry: AuditEntry) =>
  Object.entries(entry.details).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ") || entry.subject;
