import { Button, Group, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { post } from "../api";
import { V1, databasesQuery } from "../changes";
import { Page } from "../parts/Page";
import { ScriptField } from "../parts/ScriptField";
import { Trouble } from "../parts/Trouble";

const STRATEGIES = [
  { value: "Phased", label: "Phased: one server after another" },
  { value: "Direct", label: "Direct: the primary at once" },
  { value: "Canary", label: "Canary: a tenth, half, all" },
  { value: "BlueGreen", label: "BlueGreen: on a logical subscriber, which then takes the primary's place" },
  { value: "Shadow", label: "Shadow: once more on a clone first" },
];

export function NewChange() {
  const databases = useQuery(databasesQuery);
  const [database, setDatabase] = useState<string | null>(null);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [script, setScript] = useState("");
  const [rollback, setRollback] = useState("");
  const [strategy, setStrategy] = useState("Phased");
  const navigate = useNavigate();
  const save = useMutation({
    mutationFn: () => post<{ migrationId: string }>(`${V1}/migrations`, {
      name, description, targetDatabaseId: database, migrationScript: script, rollbackScript: rollback, strategy,
    }),
    onSuccess: (made) => navigate({ to: "/changes/$id", params: { id: made.migrationId } }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Page name="New change" title="New change" lead="Write what is to change. What could hurt is told while you type; nothing is opened before you ask for it.">
      <form onSubmit={submit} className="copy-form">
        <div className="fields">
          <Select
            label="Database" placeholder="Choose one that is registered" required searchable data={(databases.data?.databases ?? []).map((one) => ({ value: one.databaseId, label: `${one.name} (${one.environment})` }))}
            value={database} onChange={setDatabase} nothingFoundMessage="None is registered yet: see Databases."
          />
          <TextInput label="Name" description="Small letters, digits and underscores." placeholder="add_users_email_index" required value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <TextInput className="wide" label="What it is for" value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
          <Select className="wide" label="How it spreads" data={STRATEGIES} value={strategy} allowDeselect={false} onChange={(value) => setStrategy(value ?? "Phased")} />
        </div>
        <ScriptField label="Script" description="What changes." database={database} value={script} onChange={setScript} required />
        <ScriptField label="Way back" description="Left empty, it is looked for, and proved on a clone." database={database} value={rollback} onChange={setRollback} linted={false} />
        <Trouble error={databases.error ?? save.error} />
        <Group>
          <Button type="submit" loading={save.isPending} disabled={!database || !name || !script.trim()}>Save the draft</Button>
          <Button component={Link} to="/changes" variant="default">Leave</Button>
        </Group>
      </form>
    </Page>
  );
}
