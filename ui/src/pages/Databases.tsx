import { Button, Group, Modal, Select, Stack, TextInput, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { get, post, remove } from "../api";
import { type Database, type Member, V1, databasesQuery } from "../changes";
import { Confirm } from "../parts/Confirm";
import { Empty, Page } from "../parts/Page";
import { Loaded, Trouble } from "../parts/Trouble";

export function Databases() {
  const [adding, setAdding] = useState(false);
  const query = useQuery(databasesQuery);
  const add = <Button onClick={() => setAdding(true)}>Register a database</Button>;
  return (
    <Page name="Databases" title="Databases" lead="Whose schemas are changed, with their replicas." actions={query.data?.databases.length ? add : null}>
      <Loaded query={query}>
        {({ databases }) => databases.length ? (
          <div className="cards">{databases.map((one) => <Card key={one.databaseId} database={one} />)}</div>
        ) : (
          <Empty title="No databases yet" action={add}>Register a database with its replicas; its schema can then be changed from here.</Empty>
        )}
      </Loaded>
      <Modal opened={adding} onClose={() => setAdding(false)} title="Register a database" size="lg" lockScroll={false} closeButtonProps={{ "aria-label": "Close" }}>
        {adding && <Form onDone={() => setAdding(false)} />}
      </Modal>
    </Page>
  );
}

function Card(props: { database: Database }) {
  const { database } = props;
  const [removing, setRemoving] = useState(false);
  const queries = useQueryClient();
  const again = () => queries.invalidateQueries({ queryKey: ["databases"] });
  const ask = useMutation({ mutationFn: () => get(`${V1}/databases/${database.databaseId}/health`), onSettled: again });
  const drop = useMutation({ mutationFn: () => remove(`${V1}/databases/${database.databaseId}`), onSuccess: again });
  return (
    <section className="card" aria-label={database.name}>
      <div className="card-head">
        <div><h2>{database.name}</h2><div className="quiet">{database.type}, {database.environment}</div></div>
        <div className="row-actions">
          <Button size="compact-sm" variant="default" loading={ask.isPending} onClick={() => ask.mutate()} aria-label={`Ask again: ${database.name}`}>Ask again</Button>
          <Button size="compact-sm" variant="subtle" color="red" onClick={() => setRemoving(true)} aria-label={`Remove ${database.name}`}>Remove</Button>
        </div>
      </div>
      <Trouble error={ask.error} />
      <ul className="members">{database.members.map((member) => <MemberLine key={member.member} member={member} />)}</ul>
      <Confirm
        opened={removing} onNo={() => setRemoving(false)} onYes={() => drop.mutate()} busy={drop.isPending} error={drop.error}
        danger title={`Remove ${database.name}?`} verb="Remove it"
      >
        It is forgotten here. Its servers stay as they are.
      </Confirm>
    </section>
  );
}

function MemberLine(props: { member: Member }) {
  const { member } = props;
  const facts = [member.version, member.activeConnections === null ? "" : `${member.activeConnections} connected`, member.replicationLag === null || member.role === "Master" ? "" : `${member.replicationLag.toFixed(1)} s behind`];
  return (
    <li>
      <span className={`mark mark-${member.isHealthy ? "good" : "bad"}`}><i aria-hidden="true" />{member.member}</span>
      <span className="quiet">{member.role}</span>
      <span className="quiet address">{member.isHealthy ? facts.filter(Boolean).join(", ") : member.message}</span>
    </li>
  );
}

function Form(props: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [type, setType] = useState("PostgreSQL");
  const [environment, setEnvironment] = useState("Production");
  const [primary, setPrimary] = useState("");
  const [replicas, setReplicas] = useState("");
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => post<Database>(`${V1}/databases`, {
      name, type, environment, masterConnectionString: primary,
      replicas: replicas.split("\n").map((line) => line.trim()).filter(Boolean).map((line, index) => ({ replicaId: `replica-${index + 1}`, connectionString: line })),
    }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["databases"] });
      props.onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const how = "Host=db;Database=app;Username=me;Password=…, a URL, or @name of a connection.";
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <div className="fields">
          <Select label="System" data={["PostgreSQL", "MySQL", "MariaDB", "SQLite"]} value={type} allowDeselect={false} onChange={(value) => setType(value ?? "PostgreSQL")} />
          <Select label="Environment" data={["Production", "Staging", "QA", "Development"]} value={environment} allowDeselect={false} onChange={(value) => setEnvironment(value ?? "Production")} />
        </div>
        <TextInput label="Name" placeholder="shop-production" required data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <TextInput label="Primary" description={how} required autoComplete="off" value={primary} onChange={(event) => setPrimary(event.currentTarget.value)} />
        <Textarea label="Replicas" description="One on each line." autosize minRows={2} autoComplete="off" value={replicas} onChange={(event) => setReplicas(event.currentTarget.value)} />
        <Trouble error={save.error} />
        <Group justify="flex-end"><Button type="submit" loading={save.isPending}>Register</Button></Group>
      </Stack>
    </form>
  );
}
