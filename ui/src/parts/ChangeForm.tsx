import { Button, Group, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { databasesQuery } from "../changes";
import { ScriptField } from "./ScriptField";
import { Trouble } from "./Trouble";

const STRATEGIES = [
  { value: "Phased", label: "Phased: one server after another" },
  { value: "Direct", label: "Direct: the primary at once" },
  { value: "Canary", label: "Canary: a tenth, half, all" },
  { value: "BlueGreen", label: "BlueGreen: on a logical subscriber, which then takes the primary's place" },
  { value: "Shadow", label: "Shadow: once more on a clone first, with the application's queries" },
];

/** As document 001 takes it. */
export interface Wanted {
  name: string; description: string; targetDatabaseId: string | null; migrationScript: string; rollbackScript: string; strategy: string;
}
export const NOTHING: Wanted = { name: "", description: "", targetDatabaseId: null, migrationScript: "", rollbackScript: "", strategy: "Phased" };

/** The fields of a change, new or edited. `leave` is the link that goes away without saving. */
export function ChangeForm(props: { start: Wanted; onSave: (wanted: Wanted) => void; saving: boolean; error: unknown; verb: string; leave: ReactNode }) {
  const databases = useQuery(databasesQuery);
  const [wanted, setWanted] = useState(props.start);
  const set = (more: Partial<Wanted>) => setWanted((before) => ({ ...before, ...more }));
  const database = wanted.targetDatabaseId;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSave(wanted);
  };
  return (
    <form onSubmit={submit} className="copy-form">
      <div className="fields">
        <Select
          label="Database" placeholder="Choose one that is registered" required searchable data={(databases.data?.databases ?? []).map((one) => ({ value: one.databaseId, label: `${one.name} (${one.environment})` }))}
          value={database} onChange={(value) => set({ targetDatabaseId: value })} nothingFoundMessage="None is registered yet: see Databases."
        />
        <TextInput label="Name" description="Small letters, digits and underscores." placeholder="add_users_email_index" required value={wanted.name} onChange={(event) => set({ name: event.currentTarget.value })} />
        <TextInput className="wide" label="What it is for" value={wanted.description} onChange={(event) => set({ description: event.currentTarget.value })} />
        <Select className="wide" label="How it spreads" data={STRATEGIES} value={wanted.strategy} allowDeselect={false} onChange={(value) => set({ strategy: value ?? "Phased" })} />
      </div>
      <ScriptField label="Script" description="What changes." database={database} value={wanted.migrationScript} onChange={(value) => set({ migrationScript: value })} required />
      <ScriptField label="Way back" description="Left empty, it is looked for, and proved on a clone." database={database} value={wanted.rollbackScript} onChange={(value) => set({ rollbackScript: value })} linted={false} />
      <Trouble error={databases.error ?? props.error} />
      <Group>
        <Button type="submit" loading={props.saving} disabled={!database || !wanted.name || !wanted.migrationScript.trim()}>{props.verb}</Button>
        {props.leave}
      </Group>
    </form>
  );
}
