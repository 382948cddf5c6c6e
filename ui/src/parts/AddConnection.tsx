import { Alert, Button, Group, Modal, NumberInput, PasswordInput, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Check, type Connection, type System, get, named, post } from "../api";
import { type Field, type Filled, fieldsOf, urlOf } from "../systems";
import { CheckMark } from "../pages/Connections";
import { Trouble } from "./Trouble";

export const systemsQuery = {
  queryKey: ["systems"],
  queryFn: () => get<{ systems: System[] }>("/api/systems"),
  staleTime: Infinity,
};

/** A form for each system, made from how its URLs look. */
export function AddConnection(props: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title="Add a connection" size="lg" lockScroll={false} closeButtonProps={{ "aria-label": "Close" }}>
      {props.opened && <Form onDone={props.onClose} />}
    </Modal>
  );
}

function Form(props: { onDone: () => void }) {
  const systems = (useQuery(systemsQuery).data?.systems ?? []).filter((one) => one.name !== "memory"); // for tests
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const [filled, setFilled] = useState<Filled>({});
  const queries = useQueryClient();
  const system = systems.find((one) => one.name === chosen);
  const url = () => (system ? urlOf(system, filled) : "");
  const test = useMutation({ mutationFn: () => post<Check>("/api/connections/-/test", { url: url() }) });
  const save = useMutation({
    mutationFn: () => post<Connection>("/api/connections", { name, url: url() }),
    onSuccess: async (made) => {
      if (test.data?.ok) await post(`/api/connections/${named(made.name)}/test`).catch(() => undefined); // the list tells how it went
      await queries.invalidateQueries({ queryKey: ["connections"] });
      props.onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const set = (field: string, value: string) => {
    setFilled({ ...filled, [field]: value });
    test.reset();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Select
          label="System" placeholder="Choose what it is" data-autofocus required allowDeselect={false}
          data={systems.map((one) => ({ value: one.name, label: one.title + (one.source_only ? " (copied from only)" : "") }))}
          value={chosen} onChange={(value) => { setChosen(value); setFilled({}); test.reset(); }}
        />
        {system && system.missing.length > 0 && (
          <Alert color="yellow" title={`${system.title} needs ${system.missing.join(", ")}, not installed here.`}>
            Install it on the server first; its page of the documentation says how.
          </Alert>
        )}
        <TextInput label="Name" description="@name then stands for it." placeholder="shop" required maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        {system && <Fields fields={fieldsOf(system)} filled={filled} set={set} />}
        {test.data && <div className="check-result"><CheckMark check={test.data} /></div>}
        <Trouble error={save.error ?? test.error} />
        <Group justify="flex-end">
          <Button variant="default" disabled={!system} loading={test.isPending} onClick={() => test.mutate()}>Test</Button>
          <Button type="submit" disabled={!system} loading={save.isPending}>Save</Button>
        </Group>
      </Stack>
    </form>
  );
}

function Fields(props: { fields: Field[]; filled: Filled; set: (name: string, value: string) => void }) {
  return (
    <div className="fields">
      {props.fields.map((field) => {
        const { name, label, placeholder, wide, required } = field;
        const value = props.filled[name] ?? "";
        const same = { label, placeholder, required, className: wide ? "wide" : "", autoComplete: "off" };
        if (field.secret) return <PasswordInput key={name} {...same} value={value} autoComplete="new-password" onChange={(e) => props.set(name, e.currentTarget.value)} />;
        if (name === "port") return <NumberInput key={name} {...same} value={value} hideControls min={1} max={65535} onChange={(v) => props.set(name, String(v))} />;
        return <TextInput key={name} {...same} value={value} description={field.told} onChange={(e) => props.set(name, e.currentTarget.value)} />;
      })}
    </div>
  );
}
