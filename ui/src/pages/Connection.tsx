import { Button, Table, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { type DescribedTable, type Description, get, named } from "../api";
import { count, plural, size } from "../format";
import { Empty, Page } from "../parts/Page";
import { Loaded } from "../parts/Trouble";

const SHOWN_MAX = 500;

/** What is in a database: its tables, their sizes, their columns. */
export function ConnectionPage() {
  const { name } = useParams({ from: "/signed-in/connections/$name" });
  const query = useQuery({
    queryKey: ["tables", name],
    queryFn: () => get<Description>(`/api/connections/${named(name)}/tables`),
    staleTime: 60_000,
  });
  return (
    <Page
      name={name} title={name} lead={query.data?.version ?? "Looking into the database…"}
      actions={
        <>
          <Button variant="default" loading={query.isFetching} onClick={() => void query.refetch()}>Look again</Button>
          <Button component={Link} to={`/copy?source=${encodeURIComponent(`@${name}`)}`}>Copy from here</Button>
        </>
      }
    >
      <Loaded query={query}>{({ tables }) => <Tables tables={tables} />}</Loaded>
    </Page>
  );
}

function Tables(props: { tables: DescribedTable[] }) {
  const [filter, setFilter] = useState("");
  const [open, setOpen] = useState("");
  if (!props.tables.length) return <Empty title="No tables">This database is empty. It can be the target of a copy.</Empty>;
  const fitting = props.tables.filter((table) => table.name.toLowerCase().includes(filter.toLowerCase()));
  const shown = fitting.slice(0, SHOWN_MAX);
  const bytes = props.tables.reduce((sum, table) => sum + table.bytes_estimate, 0);
  return (
    <>
      <div className="toolbar">
        <TextInput aria-label="Filter tables" placeholder="Filter tables" value={filter} onChange={(event) => setFilter(event.currentTarget.value)} />
        <span className="quiet">{plural(props.tables.length, "table")}, about {size(bytes)}{fitting.length > SHOWN_MAX && `; the first ${SHOWN_MAX} that fit are shown`}</span>
      </div>
      <div className="scrolls">
        <Table>
          <Table.Thead>
            <Table.Tr><Table.Th>Table</Table.Th><Table.Th>Key</Table.Th><Table.Th className="number">Rows, about</Table.Th><Table.Th className="number">Size, about</Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((table) => (
              <Fragment key={table.name}>
                <Table.Tr>
                  <Table.Td>
                    <button type="button" className="unfold" aria-expanded={open === table.name} onClick={() => setOpen(open === table.name ? "" : table.name)}>
                      <span aria-hidden="true">{open === table.name ? "▾" : "▸"}</span> {table.name}
                    </button>
                    {table.comment && <div className="quiet">{table.comment}</div>}
                  </Table.Td>
                  <Table.Td>{table.key.join(", ")}</Table.Td>
                  <Table.Td className="number">{count(table.rows_estimate)}</Table.Td>
                  <Table.Td className="number">{size(table.bytes_estimate)}</Table.Td>
                </Table.Tr>
                {open === table.name && <Table.Tr><Table.Td colSpan={4}><Columns table={table} /></Table.Td></Table.Tr>}
              </Fragment>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </>
  );
}

function Columns(props: { table: DescribedTable }) {
  return (
    <dl className="columns">
      {props.table.columns.map((column) => (
        <div key={column.name}>
          <dt>{column.name}</dt>
          <dd><code>{column.type}</code>{!column.nullable && <span className="quiet"> not null</span>}{column.comment && <span className="quiet"> – {column.comment}</span>}</dd>
        </div>
      ))}
    </dl>
  );
}
